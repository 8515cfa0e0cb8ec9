// The test vectors of GDCN's specification (its section 12), its schedule, and the neighbourhoods of a batch.
#include <algorithm>

#include <parallax/autograd/ops.h>
#include <parallax/mvc/diffusion.h>

#include "method_tests.h"

namespace parallax::testing {
namespace {

TEST(GdcnVectors, StructureContrast) {
  Context ctx;
  std::vector<double> h, q;
  std::vector<uint8_t> counts;
  for (int i = 0; i < 4; ++i) {
    double row[3], n = 0;
    for (int j = 0; j < 3; ++j) row[j] = std::sin(1 + 3 * i + j), n += row[j] * row[j];
    for (int j = 0; j < 3; ++j) h.push_back(row[j] / std::sqrt(n)), q.push_back(0.3 * std::cos(1 + 3 * i + j));
    for (int j = 0; j < 4; ++j) counts.push_back(static_cast<uint8_t>(i == j ? 3 : (i + 2 * j) % 4));
  }
  Tape tape(ctx);
  const Var hv = tape.input(Tensor::from(ctx, h, {4, 3})), qv = tape.input(Tensor::from(ctx, q, {4, 3}));
  const Var l = structure_contrast(hv, qv, Tensor::from(ctx, counts, {4, 4}), 3, 0.5);
  EXPECT_NEAR(l.value.item(), 2.0171119579635675, 1e-14);
  tape.backward(l);
  const double dh[] = {0.0086687946,  0.1778328333, 0.1834981851, 0.0846814513, -0.0753071064, -0.1660586579,
                       -0.0090813796, 0.1280773814, 0.1474823885, 0.0862200919, -0.0441885219, -0.1339704124};
  const double dq[] = {-0.3076628366, -0.3372161995, -0.0567345437, 0.3149599869, 0.3821785229, 0.0980238874,
                       -0.2584906723, -0.3888725763, -0.1617268271, 0.2010632957, 0.3628762947, 0.1910625018};
  const auto gh = tape.grad_of(hv).to_vector<double>(), gq = tape.grad_of(qv).to_vector<double>();
  for (size_t i = 0; i < 12; ++i) {
    EXPECT_NEAR(gh[i], dh[i], 1e-10);
    EXPECT_NEAR(gq[i], dq[i], 1e-10);
  }
}

TEST(GdcnVectors, Schedule) {
  const std::vector<double> a = published_alphas(1000, 1e-4);
  EXPECT_EQ(a[0], 0.966833770275116);
  EXPECT_EQ(a[22], 0.848013162612915);
  EXPECT_EQ(a[976], 0.011516332626342773);
  EXPECT_EQ(a[999], -4.9948692321777344e-05);
  const std::vector<int64_t> t = sampling_times(45, 1000);
  const std::vector<int64_t> head{999, 976, 953, 930, 908}, tail{68, 45, 22, 0};
  EXPECT_TRUE(std::equal(head.begin(), head.end(), t.begin()));
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), t.end() - 4));
  const auto chain = published_chain(a, t, 1e-5, 0.99);
  ASSERT_EQ(chain.size(), 44u);
  EXPECT_NEAR(chain[0].a, 0.0031622776, 1e-10);
  EXPECT_NEAR(chain[0].g, 0.98327279, 2e-7);  // the page has these in single precision
  EXPECT_NEAR(chain[1].g, 0.09994987, 2e-7);
  EXPECT_NEAR(chain[2].a, 0.7042549, 1e-7);
  for (size_t k = 2; k < chain.size(); ++k) EXPECT_EQ(chain[k].g, 0);
  const FoldedChain f = fold_chain(chain);
  ASSERT_EQ(f.steps.size(), 2u);
  EXPECT_EQ(f.start, 1);
  EXPECT_NEAR(f.steps[1].g / chain[1].g, 0.11653485, 1e-8);
  // the gain for other K
  const std::pair<int64_t, double> gains[] = {{5, .5176},  {10, .2929}, {15, .2237},
                                              {20, .1866}, {45, .1165}, {100, .0782}};
  for (const auto& [K, gain] : gains) {
    const auto c = published_chain(a, sampling_times(K, 1000), 1e-5, 0.99);
    const FoldedChain folded = fold_chain(c);
    ASSERT_EQ(folded.steps.size(), 2u) << K;
    EXPECT_NEAR(folded.steps[1].g / c[1].g, gain, 5e-5) << K;
  }
  EXPECT_EQ(fold_chain(published_chain(a, sampling_times(2, 1000), 1e-5, 0.99)).steps.size(), 1u);
  const FoldedChain nothing = fold_chain({{0.5, 0}, {0.25, 0}});  // its denoiser gets a gradient, of zeros
  EXPECT_FALSE(nothing.weighted());
  EXPECT_TRUE(f.weighted());
  EXPECT_EQ(nothing.start, 0.125);
  ASSERT_EQ(nothing.steps.size(), 1u);
  EXPECT_EQ(nothing.steps[0].a, 1);
  EXPECT_EQ(nothing.steps[0].g, 0);
}

TEST(GdcnVectors, FusionChain) {
  Context ctx;
  const int64_t hidden = 512;
  std::vector<double> w0, b0, gamma, beta, w2, c, noise;
  for (int o = 0; o < hidden; ++o) {
    for (int k = 0; k < 5; ++k) w0.push_back(std::sin(0.7 * o + 1.3 * k));
    b0.push_back(std::cos(o));
    gamma.push_back(1 + 0.1 * std::sin(o));
    beta.push_back(0.1 * std::cos(2 * o));
  }
  for (int m = 0; m < 2; ++m)
    for (int k = 0; k < hidden; ++k) w2.push_back(0.05 * std::sin(1 + m + 0.3 * k));
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j) c.push_back(std::cos(3 * i + j));
  for (int r = 0; r < 2; ++r)
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) noise.push_back(std::sin(1 + 2 * i + j + 0.5 * r));
  const std::vector<ChainStep> full =
      published_chain(published_alphas(1000, 1e-4), sampling_times(45, 1000), 1e-5, 0.99);
  const FoldedChain folded = fold_chain(full);
  for (const std::vector<ChainStep>& steps : {full, folded.steps}) {  // all evaluations, and those with a weight
    Tape tape(ctx);
    const Var cv = tape.input(Tensor::from(ctx, c, {2, 3}));
    const DenoiserVars p{tape.input(Tensor::from(ctx, w0, {hidden, 5})),
                         tape.input(Tensor::from(ctx, b0, {1, hidden})),
                         tape.input(Tensor::from(ctx, gamma, {1, hidden})),
                         tape.input(Tensor::from(ctx, beta, {1, hidden})),
                         tape.input(Tensor::from(ctx, w2, {2, hidden})),
                         tape.input(Tensor::from(ctx, std::vector<double>{0.1, -0.2}, {1, 2}))};
    AnyDraw eps;
    eps.table = Tensor::from(ctx, noise, {4, 2});
    const Var q = diffusion_chain(cv, p, {.steps = steps, .repeats = 2, .noise = 0.1, .draw = eps});
    const auto v = q.value.to_vector<double>();
    const double expected[] = {-0.0203867496, 0.0107961346, 0.0245827768, 0.0149037300};
    for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(v[i], expected[i], 1e-10);
    // sum q o [[1, 2], [3, 4]]: a mean of squares whose target is q - that / 2 has the same gradient times 1/4
    std::vector<double> target;
    for (size_t i = 0; i < 4; ++i) target.push_back(v[i] - 2.0 * static_cast<double>(i + 1));
    tape.backward(mse(q, Tensor::from(ctx, target, {2, 2})));
    const auto dc = tape.grad_of(cv).to_vector<double>(), db2 = tape.grad_of(p.b2).to_vector<double>();
    const double edc[] = {0.0409417764, -0.3984215163, -0.2540963542, 0.2923317012, -0.9159648543, -0.7823707524};
    for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(dc[i], edc[i], 2e-10);
    EXPECT_NEAR(db2[0], 0.1292362150, 1e-10);
    EXPECT_NEAR(db2[1], 0.5134344385, 1e-10);
    double sum = 0;
    for (const double x : tape.grad_of(p.gamma).to_vector<double>()) sum += x;
    EXPECT_NEAR(sum, 0.2479676925, 1e-9);
    const auto dw = tape.grad_of(p.w0).to_vector<double>();
    const double edw[] = {-0.0026228633, 0.0009723354, -0.0096434390, -0.0072300460, 0.0018306180};
    for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(dw[i], edw[i], 1e-10);
  }
  // one evaluation: p(0.1 eps of the first repeat, c)
  Tape tape(ctx);
  AnyDraw eps;
  eps.table = Tensor::from(ctx, noise, {4, 2}).row_range(0, 2);
  const ChainStep once[] = {{0, 1}};
  const auto k = [&](const std::vector<double>& v, Shape s) { return tape.constant(Tensor::from(ctx, v, s)); };
  const Var p = diffusion_chain(k(c, {2, 3}),
                                {k(w0, {hidden, 5}), k(b0, {1, hidden}), k(gamma, {1, hidden}), k(beta, {1, hidden}),
                                 k(w2, {2, hidden}), k({0.1, -0.2}, {1, 2})},
                                {.steps = once, .repeats = 1, .noise = 0.1, .draw = eps});
  const double expected[] = {2.4967445285, -0.6774411321, -1.7214090269, 0.7527768570};
  const auto v = p.value.to_vector<double>();
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(v[i], expected[i], 1e-10);
}

// By definition: rows of unit length, differences in double, order by (distance, index), the row itself first.
std::vector<uint8_t> counts_by_definition(const std::vector<std::vector<double>>& views, int64_t n, int64_t k) {
  std::vector<uint8_t> counts(static_cast<size_t>(n * n), 0);
  for (const auto& x : views) {
    const int64_t d = static_cast<int64_t>(x.size()) / n;
    std::vector<double> norm(static_cast<size_t>(n), 0);
    const auto dot = [&](int64_t i, int64_t j) {
      double s = 0;
      for (int64_t c = 0; c < d; ++c) s += x[static_cast<size_t>(i * d + c)] * x[static_cast<size_t>(j * d + c)];
      return s;
    };
    for (int64_t i = 0; i < n; ++i) {
      std::vector<std::pair<double, int64_t>> list;
      for (int64_t j = 0; j < n; ++j) {
        const double a = dot(i, i), b = dot(j, j);
        const double dist = (a > 0 ? 1 : 0) + (b > 0 ? 1 : 0) - (a > 0 && b > 0 ? 2 * dot(i, j) / std::sqrt(a * b) : 0);
        list.emplace_back(i == j ? -1 : std::max(dist, 0.0), j);
      }
      std::sort(list.begin(), list.end());
      for (int64_t r = 0; r < k; ++r) ++counts[static_cast<size_t>(i * n + list[static_cast<size_t>(r)].second)];
    }
  }
  return counts;
}

TEST(GdcnNeighbourhoods, EqualTheDefinition) {
  Context ctx, two({.threads = 2});
  const int64_t n = 530;
  std::vector<double> words(static_cast<size_t>(n * 40)), plain(static_cast<size_t>(n * 3));
  for (size_t i = 0; i < words.size(); ++i)
    words[i] = recipe(1, i) < 0.05 ? std::floor(5 * recipe(2, i)) : 0;  // ties, zero rows
  for (size_t i = 0; i < plain.size(); ++i) plain[i] = recipe(3, i) - 0.5;
  for (int64_t c = 0; c < 3; ++c)
    plain[static_cast<size_t>(7 * 3 + c)] = plain[static_cast<size_t>(500 * 3 + c)] =
        plain[static_cast<size_t>(c)];  // copies
  for (const DType type : {DType::f64, DType::f32})
    for (const int64_t k : {1, 2, 10, 530}) {
      std::vector<Tensor> views;
      std::vector<std::vector<double>> exact;
      for (const auto& x : {words, plain}) {
        views.push_back(Tensor::persistent(ctx, type, {n, static_cast<int64_t>(x.size()) / n}));
        views.back().assign(x);
        exact.push_back(views.back().to_vector<double>());
      }
      const auto got = neighbour_counts(ctx, views, k).to_vector<uint8_t>();
      EXPECT_EQ(got, counts_by_definition(exact, n, k)) << name_of(type) << ", k = " << k;
      EXPECT_EQ(got, neighbour_counts(two, views, k).to_vector<uint8_t>());
    }
  EXPECT_THROW(neighbour_counts(ctx, std::vector<Tensor>{recipe_tensor(ctx, 1, {5, 2})}, 6), Error);
}

}  // namespace
}  // namespace parallax::testing

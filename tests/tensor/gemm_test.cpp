// Matrix products against plain loops: transposes, factors, bias, activations, pitch, edge sizes; equal bits for
// threads and instruction sets.
#include <gtest/gtest.h>

#include <cmath>

#include <parallax/tensor/draw.h>
#include <parallax/tensor/gemm.h>

namespace parallax {
namespace {

Tensor random_matrix(Context& ctx, DType type, Shape s, int64_t pitch, uint32_t tag) {
  Tensor wide = Tensor::persistent(ctx, type, {s.rows, s.cols + pitch});
  std::vector<double> v(static_cast<size_t>(wide.count()));
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = 2.0 * unit_float(philox(U4{{static_cast<uint32_t>(i), tag, 0, 0}}, 1, 2).v[0]) - 1.0;
  wide.assign(v);
  return wide.col_range(0, s.cols);
}

struct Problem {
  int64_t m, n, k;
  bool ta, tb;
};
std::vector<double> plain(const Tensor& a, const Tensor& b, const Tensor& c, const Problem& p, double alpha,
                          double beta, const std::vector<double>& bias) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  auto z = c.to_vector<double>();
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) {
      double s = 0;
      for (int64_t q = 0; q < p.k; ++q)
        s += x[static_cast<size_t>(p.ta ? q * p.m + i : i * p.k + q)] *
             y[static_cast<size_t>(p.tb ? j * p.k + q : q * p.n + j)];
      double& out = z[static_cast<size_t>(i * p.n + j)];
      out = alpha * s + (beta == 0 ? 0 : beta * out) + bias[static_cast<size_t>(j)];
    }
  return z;
}

TEST(Gemm, EqualsPlainLoops) {
  Context ctx;
  for (const DType type : {DType::f64, DType::f32})
    for (const auto& [m, n, k] : std::vector<std::array<int64_t, 3>>{{1, 1, 1},
                                                                     {0, 3, 2},
                                                                     {3, 0, 2},
                                                                     {3, 2, 0},
                                                                     {31, 33, 32},
                                                                     {14, 32, 256},
                                                                     {33, 31, 257},
                                                                     {70, 65, 300},
                                                                     {200, 130, 40},
                                                                     {460, 20, 31},
                                                                     {40, 150, 1024},  // rows a page apart
                                                                     {1024, 150, 40}})
      for (const bool ta : {false, true})
        for (const bool tb : {false, true})
          for (const int64_t pitch : {0, 3}) {
            const Problem p{m, n, k, ta, tb};
            const Tensor a = random_matrix(ctx, type, ta ? Shape{k, m} : Shape{m, k}, pitch, 1);
            const Tensor b = random_matrix(ctx, type, tb ? Shape{n, k} : Shape{k, n}, pitch, 2);
            Tensor c = random_matrix(ctx, type, {m, n}, pitch, 3);
            Tensor bias = random_matrix(ctx, type, {1, n}, 0, 4);
            const auto expected = plain(a, b, c, p, 0.7, 0.3, bias.to_vector<double>());
            gemm(ctx, a, b, c, {.ta = ta, .tb = tb, .alpha = 0.7, .beta = 0.3, .bias = n ? bias : Tensor()});
            const auto ours = c.to_vector<double>();
            const double tolerance = (type == DType::f64 ? 1e-14 : 3e-7) * std::sqrt(static_cast<double>(k) + 1) * 4;
            for (size_t i = 0; i < ours.size(); ++i)
              ASSERT_NEAR(ours[i], expected[i], tolerance)
                  << m << " x " << n << " x " << k << (ta ? " ta" : "") << (tb ? " tb" : "") << " pitch " << pitch;
          }
}

TEST(Gemm, ActivationsAndTheFactorInMemory) {
  Context ctx;
  for (const int64_t m : {5, 40}) {
    const Tensor a = random_matrix(ctx, DType::f64, {m, 9}, 0, 1), b = random_matrix(ctx, DType::f64, {7, 9}, 0, 2);
    Tensor c = Tensor::empty(ctx, DType::f64, {m, 7}), d = Tensor::empty(ctx, DType::f64, {m, 7});
    gemm(ctx, a, b, c, {.tb = true, .alpha = 2});
    const Tensor two = Tensor::from<double>(ctx, {2.0}, {1, 1});
    const std::vector<std::pair<Act, double (*)(double)>> acts{
        {Act::none, [](double x) { return x; }},
        {Act::relu, [](double x) { return x > 0 ? x : 0; }},
        {Act::leaky, [](double x) { return x > 0 ? x : 0.1 * x; }},
        {Act::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
        {Act::tanh, [](double x) { return std::tanh(x); }}};
    for (const auto& [act, f] : acts) {
      gemm(ctx, a, b, d, {.tb = true, .alpha_by = two, .act = act, .slope = 0.1});
      const auto x = c.to_vector<double>(), y = d.to_vector<double>();
      for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(y[i], f(x[i]), 1e-14);
    }
  }
}

// A network that broke must show it, not go on as if its units were off.
TEST(Gemm, ReluKeepsWhatIsNoNumber) {
  Context ctx;
  for (const DType type : {DType::f64, DType::f32})
    for (const int64_t n : {3, 40}) {
      const Tensor a = random_matrix(ctx, type, {6, 9}, 0, 1);
      Tensor b = random_matrix(ctx, type, {n, 9}, 0, 2), c = Tensor::empty(ctx, type, {6, n});
      std::vector<double> v = b.to_vector<double>();
      v[9] = NAN;  // a weight of the second unit
      b.assign(v);
      gemm(ctx, a, b, c, {.tb = true, .act = Act::relu});
      const auto out = c.to_vector<double>();
      for (size_t i = 0; i < out.size(); ++i) EXPECT_EQ(std::isnan(out[i]), i % static_cast<size_t>(n) == 1) << i;
    }
}

TEST(Gemm, SameBitsForThreadsAndInstructionSets) {
  Context one, two({.threads = 2}), three({.threads = 3});
  for (const auto& [m, n, k] : std::vector<std::array<int64_t, 3>>{
           {256, 500, 500}, {1000, 130, 64}, {20, 700, 300}, {130, 1000, 700}, {50, 300, 1024}}) {
    const Tensor a = random_matrix(one, DType::f32, {m, k}, 0, 1), b = random_matrix(one, DType::f32, {n, k}, 0, 2);
    const auto result = [&, rows = m, cols = n](Context& ctx) {
      Tensor c = Tensor::persistent(ctx, DType::f32, {rows, cols});
      gemm(ctx, a, b, c, {.tb = true});
      return c.to_vector<float>();
    };
    const auto best = result(one);
    EXPECT_EQ(result(two), best);
    EXPECT_EQ(result(three), best);
    if (isa() == Isa::v4) {
      lower_isa(Isa::v3);
      EXPECT_EQ(result(one), best) << "AVX2 against AVX-512";
      lower_isa(Isa::v4);
    }
  }
}

TEST(Gemm, RefusesShapesThatDoNotFit) {
  Context ctx;
  const Tensor a = Tensor::zeros(ctx, DType::f32, {3, 4}), b = Tensor::zeros(ctx, DType::f32, {5, 6}),
               c = Tensor::zeros(ctx, DType::f32, {3, 6});
  EXPECT_THROW(gemm(ctx, a, b, c), Error);
  EXPECT_THROW(gemm(ctx, a, Tensor::zeros(ctx, DType::f32, {4, 6}), Tensor::zeros(ctx, DType::f32, {3, 5})), Error);
  EXPECT_THROW(gemm(ctx, a, Tensor::zeros(ctx, DType::f64, {4, 6}), c), Error);
}

}  // namespace
}  // namespace parallax

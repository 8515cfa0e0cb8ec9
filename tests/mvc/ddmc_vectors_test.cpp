// The golden values of DDMC's page, section 13.
#include "vectors.h"

#include <parallax/cluster/label_free.h>

namespace parallax::testing {
namespace {

const Rows kQ{{.7, .2, .1}, {.6, .3, .1}, {.1, .8, .1}, {.2, .1, .7}}, kH{{0, 1}, {.5, 1}, {2, 0}, {-1, -1}};
const double kTight = 1e-14;

struct DdmcVectors : ::testing::Test {
  Context ctx;
  Tape tape{ctx};
  Tensor room(int64_t rows) { return Tensor::persistent(ctx, DType::f64, {rows, 1}); }
};

TEST_F(DdmcVectors, Clustering) {
  const Var q = tape.input(matrix(ctx, kQ)), h = tape.input(matrix(ctx, kH));
  Ddc::Attr at;
  at.parts = room(3);
  at.width = room(1);
  tape.backward(ddc(q, h, at));
  EXPECT_NEAR(at.width.item(), 0.4875, kTight);
  EXPECT_NEAR(std::exp(-0.25 / (2 * at.width.item())), 0.7738244372262366, kTight);
  expect_rows(at.parts, 0, {{0.45617716345341286}, {0.27666666666666667}, {0.6884197691903895}}, kTight);
  expect_rows(tape.grad_of(q), 0, {{-0.12142969535522484, 0.5465698674330263, 0.8222262469753253}}, 1e-13);
  expect_rows(tape.grad_of(q), 3, {{0.6110197915600739, 0.7005182177729756, -0.42638008689546364}}, 1e-13);
  expect_rows(tape.grad_of(h), 0,
              {{.08185627041808302, -.012457926591866605},
               {-.05647032445330024, -.018814095390745668},
               {-.031795555250751034, .019885135452266545},
               {.0064096092859682475, .01138688653034573}},
              1e-13);
}

TEST_F(DdmcVectors, ClusteringVariants) {
  const Var q = tape.constant(matrix(ctx, kQ)), h = tape.constant(matrix(ctx, kH));
  Ddc::Attr at;
  at.parts = room(3);
  at.second = Ddc::clusters_raw;
  ddc(q, h, at);
  EXPECT_NEAR(at.parts.row_range(1, 1).item(), 0.9, kTight);
  at.second = Ddc::clusters;  // 2 / (K (K - 1)) / n of it
  at.norm = Ddc::over_k;      // 1 / K instead of 2 / (K (K - 1)): the same for K = 3
  ddc(q, h, at);
  EXPECT_NEAR(at.parts.row_range(1, 1).item(), 0.9 / 12, kTight);
  EXPECT_NEAR(at.parts.row_range(0, 1).item(), 0.45617716345341286, kTight);
}

TEST_F(DdmcVectors, ClusterInformation) {
  const Tensor a = matrix(ctx, {{.6, .3, .1}, {.5, .25, .25}, {.2, .6, .2}, {.1, .1, .8}});
  const Var x = tape.input(concat_rows(std::vector<Var>{tape.constant(a), tape.constant(matrix(ctx, kQ))}).value);
  const Var i = joint_information(x, Pairs{2, 1}, 1, true);
  EXPECT_NEAR(i.value.item(), 0.06435950438710315, kTight);
  tape.backward(i);
  expect_rows(tape.grad_of(x), 0, {{-0.21302620303725756, -0.2636868644339871, -0.32300441563455884}}, 1e-13);
}

TEST_F(DdmcVectors, RawInformation) {
  const Var x = tape.constant(matrix(ctx, {{1, 0, 2}, {0, 1, 1}, {2, 1, 0}, {1, 0, 1}}));
  EXPECT_NEAR(joint_information(x, Pairs{2, 1}).value.item(), 0.08464793796004455, kTight);
}

TEST_F(DdmcVectors, UniformTargets) {
  const Rows rows{{.7, .2, .1}, {.6, .3, .1}, {.5, .4, .1}, {.55, .35, .1}, {.2, .1, .7}, {.3, .2, .5}};
  const Tensor a = matrix(ctx, rows);
  EXPECT_EQ(argmax_rows(ctx, a).to_vector<int64_t>(), (std::vector<int64_t>{0, 0, 0, 0, 2, 2}));
  UniformNll::Attr at;
  at.targets = Tensor::persistent(ctx, DType::i64, {6, 1});
  const std::vector<int64_t> expected{0, 0, 1, 1, 2, 2};
  double nll = 0, twice = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto& r = rows[i];
    nll -= std::log(r[static_cast<size_t>(expected[i])]) / 6;
    twice += (std::log(std::exp(r[0]) + std::exp(r[1]) + std::exp(r[2])) - r[static_cast<size_t>(expected[i])]) / 6;
  }
  EXPECT_NEAR(uniform_nll(tape.constant(a), at).value.item(), nll, kTight);
  EXPECT_EQ(at.targets.to_vector<int64_t>(), expected);
  at.double_softmax = true;
  EXPECT_NEAR(uniform_nll(tape.constant(a), at).value.item(), twice, kTight);
  at.target = UniformNll::per_sample;
  double per = 0;
  for (const auto& r : rows)
    for (const double x : r) per -= std::log(x) / 18;
  EXPECT_NEAR(uniform_nll(tape.constant(a), at).value.item(), per, kTight);
}

TEST_F(DdmcVectors, Contrast) {
  const Var x = tape.constant(matrix(ctx, {{1, 0}, {0, 1}, {1, 1}, {1, .5}, {-.5, 1}, {1, .8}}));
  const Tensor both = room(2);
  const Var half = pair_contrast(normalize(x), Pairs{2, 0}, 0.5, true, both);
  expect_rows(both, 0, {{1.0800529114643667}, {1.0467269708302342}}, kTight);
  EXPECT_NEAR(half.value.item(), 1.0633899411473005, kTight);
  pair_contrast(normalize(x), Pairs{2, 0}, 0.5, false, both);
  expect_rows(both, 0, {{0.6959423385993554}, {0.6688128799772372}}, kTight);
}

TEST_F(DdmcVectors, GaussianInformation) {
  const Var x = tape.constant(matrix(ctx, {{.5, 0, .5413248546, 0}, {1, 2, 1, 2}}));
  EXPECT_NEAR(gaussian_kl(x, 1).value.item(), 0.9571966286569195, 1e-12);
  // rows: sums of their two elements
  expect_rows(gaussian_kl(x, 2, true).value, 0,
              {{0.125 + 0.10673935258599448}, {0.5898143046289125 + 3.007232857412761}}, 1e-12);
}

TEST_F(DdmcVectors, Silhouettes) {
  const Silhouette s = silhouette(ctx, matrix(ctx, {{0, 0}, {0, 1}, {4, 0}, {4, 1}, {9, 9}}), {0, 0, 1, 1, 2});
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(s.samples[static_cast<size_t>(i)], 0.7537887487646789, kTight);
  EXPECT_EQ(s.samples[4], 0);
  EXPECT_NEAR(s.mean, 0.6030309990117432, kTight);
}

// The median is the lower one of all n^2 entries, zero diagonal included, for even and odd counts.
TEST_F(DdmcVectors, MedianRule) {
  for (const int64_t n : {2, 3, 4, 5, 17, 100}) {
    std::vector<double> x(static_cast<size_t>(n)), d;
    for (size_t i = 0; i < x.size(); ++i) x[i] = std::sin(3.0 * static_cast<double>(i * i)) * 7;
    for (const double a : x)
      for (const double b : x) d.push_back(std::max(0.0, a * a - 2 * a * b + b * b));
    std::sort(d.begin(), d.end());
    Rows h;
    for (const double a : x) h.push_back({a});
    Ddc::Attr at;
    at.width = room(1);
    ddc(tape.constant(matrix(ctx, Rows(x.size(), {0.5, 0.5}))), tape.constant(matrix(ctx, h)), at);
    EXPECT_NEAR(at.width.item(), std::max(0.15 * d[(d.size() - 1) / 2], 1e-9), 1e-12) << n << " rows";
  }
}

}  // namespace
}  // namespace parallax::testing

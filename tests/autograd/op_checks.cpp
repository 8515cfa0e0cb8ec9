// Every check of every op, made from the table of cases.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include <parallax/autograd/gradcheck.h>
#include <parallax/autograd/ops.h>
#include <parallax/tensor/isa.h>

#include "op_outcome.h"

namespace parallax::testing {
namespace {

// Inputs lie in the middle of NaN-filled memory with guard words, and with a row pitch where `pitch` says so.
class Guarded {
 public:
  Guarded(Context& ctx, const Tensor& from, int64_t pitch) {
    const int64_t ld = from.cols() + pitch, guard = 64;
    block_ = Tensor::persistent(ctx, from.dtype(), {1, from.rows() * ld + 2 * guard});
    block_.fill(std::nan(""));
    view_ = Tensor::borrow(static_cast<char*>(block_.data()) + static_cast<size_t>(guard) * size_of(from.dtype()),
                           from.dtype(), from.shape(), ld);
    view_.copy_from(from);
  }
  const Tensor& view() const { return view_; }
  bool intact() const {
    const auto v = block_.to_vector<double>();
    int64_t numbers = 0;
    for (const double x : v) numbers += std::isnan(x) ? 0 : 1;
    return numbers == view_.count();
  }

 private:
  Tensor block_, view_;
};

class Ops : public ::testing::TestWithParam<size_t> {
 protected:
  const OpCase& c() const { return op_cases()[GetParam()]; }
  Context ctx{Context::Options{.seed = 1}};
};

TEST_P(Ops, GradientEqualsDifferences) {
  const auto in = inputs_of(ctx, c(), c().in, DType::f64);
  const GradCheck r = check_gradients(
      ctx, [&](std::span<const Var> x) { return c().op(Args(ctx, DType::f64, x)); }, in, 1e-4);
  EXPECT_LE(r.worst, c().gradient_tolerance) << r.where;
  EXPECT_GT(r.checked, 0);
}

TEST_P(Ops, SinglePrecisionIsCloseToDouble) {
  for (const auto& shapes : all_shapes(c())) {
    const auto f32 = inputs_of(ctx, c(), shapes, DType::f32);
    std::vector<Tensor> f64;
    for (const Tensor& t : f32) {
      f64.push_back(Tensor::persistent(ctx, DType::f64, t.shape()));
      f64.back().assign(t.to_vector<double>());
    }
    expect_close(evaluate(ctx, c().op, f32, DType::f32), evaluate(ctx, c().op, f64, DType::f64),
                 c().precision_tolerance, str("first input ", shapes[0]));
  }
}

TEST_P(Ops, FusedEqualsComposed) {
  if (!c().same_as) return;  // nothing is fused in this op
  const auto in = inputs_of(ctx, c(), c().in, DType::f64);
  expect_close(evaluate(ctx, c().op, in, DType::f64), evaluate(ctx, c().same_as, in, DType::f64), 1e-12,
               "composed form");
}

TEST_P(Ops, BackwardTwiceGivesTwice) {
  const auto in = inputs_of(ctx, c(), c().in, DType::f64);
  const Outcome once = evaluate(ctx, c().op, in, DType::f64, 1);
  Outcome twice = evaluate(ctx, c().op, in, DType::f64, 2);
  for (auto& g : twice.grads)
    for (double& x : g) x /= 2;
  expect_close(twice, once, 1e-12, "two calls");
}

TEST_P(Ops, SameBitsForRunsThreadsAndInstructionSets) {
  Context two{Context::Options{.seed = 1, .threads = 2}};
  for (const auto& shapes : all_shapes(c())) {
    const auto in = inputs_of(ctx, c(), shapes, DType::f32);
    const Outcome first = evaluate(ctx, c().op, in, DType::f32);
    expect_same_bits(first, evaluate(ctx, c().op, in, DType::f32), "second run");
    expect_same_bits(first, evaluate(two, c().op, in, DType::f32), "two threads");
    if (isa() == Isa::v4) {
      lower_isa(Isa::v3);
      const Outcome lower = evaluate(ctx, c().op, in, DType::f32);
      lower_isa(Isa::v4);
      expect_same_bits(first, lower, str("AVX2 against AVX-512, first input ", shapes[0]));
    }
  }
}

TEST_P(Ops, ReadsAndWritesOnlyItsTensors) {
  for (const int64_t pitch : {int64_t{0}, int64_t{3}}) {
    const auto in = inputs_of(ctx, c(), c().in, DType::f32);
    const Outcome plain = evaluate(ctx, c().op, in, DType::f32);
    std::vector<Guarded> guarded;
    std::vector<Tensor> views;
    for (const Tensor& t : in) {
      const bool vector = t.rows() == 1;  // biases are read as plain arrays
      guarded.emplace_back(ctx, t, vector ? 0 : pitch);
      views.push_back(guarded.back().view());
    }
    expect_same_bits(plain, evaluate(ctx, c().op, views, DType::f32), str("row pitch + ", pitch));
    for (const Guarded& g : guarded) EXPECT_TRUE(g.intact()) << "an input was written to";
  }
}

TEST_P(Ops, RefusesWrongShapes) {
  for (const auto& shapes : c().refuses) {
    const auto in = inputs_of(ctx, c(), shapes, DType::f32);
    try {
      evaluate(ctx, c().op, in, DType::f32);
      FAIL() << "accepted first input " << shapes[0];
    } catch (const Error& e) {
      EXPECT_TRUE(e.kind == ErrorKind::shape || e.kind == ErrorKind::config) << e.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, Ops, ::testing::Range<size_t>(0, op_cases().size()), [](const auto& one) {
  std::string n = op_cases()[one.param].name;
  for (char& ch : n) ch = std::isalnum(static_cast<unsigned char>(ch)) ? ch : '_';
  return n + "_" + std::to_string(one.param);
});

TEST(OpTable, EveryOpHasACase) {
  std::set<std::string> have;
  for (const OpCase& c : op_cases()) have.insert(c.name.substr(0, c.name.find('.')));
  for (const std::string_view name : all_op_names())
    EXPECT_TRUE(have.count(std::string(name))) << name << " has no case in op_cases";
}

}  // namespace
}  // namespace parallax::testing

// Every check of every op, made from the table of cases.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include <parallax/autograd/gradcheck.h>
#include <parallax/autograd/ops.h>
#include <parallax/tensor/draw.h>
#include <parallax/tensor/isa.h>

#include "op_cases.h"

namespace parallax::testing {
namespace {

struct Outcome {
  std::vector<double> value;
  std::vector<std::vector<double>> grads;
  int64_t nodes = 0;
};
using Form = std::function<Var(const Args&)>;

double weight(size_t i) {
  const U4 r = philox(U4{{static_cast<uint32_t>(i), 0, 0, 77}}, 1, 2);
  return 2.0 * unit_float(r.v[0]) - 1.0;
}

// sum of x o w, written with the op under test's own precision
struct Weigh {
  static constexpr std::string_view name = "weigh";
  struct Attr {};
  struct Saved {
    Shape shape;
  };
  static Tensor forward(Context& ctx, const Attr&, Saved& s, In x) {
    s.shape = x[0].shape();
    double sum = 0;
    const auto v = x[0].to_vector<double>();
    for (size_t i = 0; i < v.size(); ++i) sum += weight(i) * v[i];
    Tensor t = Tensor::empty(ctx, x[0].dtype(), {1, 1});
    t.assign(std::vector<double>{sum});
    return t;
  }
  static void backward(Context& ctx, const Attr&, const Saved& s, const Tensor&, Grads g) {
    std::vector<double> v(static_cast<size_t>(s.shape.count()));
    for (size_t i = 0; i < v.size(); ++i) v[i] = weight(i);
    g[0].open(ctx).tensor.assign(v);
  }
};

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

Outcome evaluate(Context& ctx, const Form& form, const std::vector<Tensor>& inputs, DType type, int backwards = 1) {
  const ScratchScope scope(ctx);
  Tape tape(ctx);
  std::vector<Var> vars;
  for (const Tensor& t : inputs) vars.push_back(tape.input(t));
  const Var y = form(Args(ctx, type, vars));
  Outcome o;
  o.value = y.value.to_vector<double>();
  const Var loss = apply<Weigh>({}, {y});
  for (int i = 0; i < backwards; ++i) tape.backward(loss);
  for (const Var& v : vars) {
    const Tensor g = tape.grad_of(v);
    o.grads.push_back(g.defined() ? g.to_vector<double>()
                                  : std::vector<double>(static_cast<size_t>(v.value.count()), 0.0));
  }
  o.nodes = tape.nodes();
  return o;
}

std::vector<Tensor> inputs_of(Context& ctx, const OpCase& c, const std::vector<Shape>& shapes, DType type) {
  std::vector<Tensor> in;
  for (size_t i = 0; i < shapes.size(); ++i)
    in.push_back(random_tensor(ctx, type, shapes[i], c.low, c.high, c.away, 1000 + static_cast<uint32_t>(i)));
  return in;
}

double norm(const std::vector<double>& v) {
  double s = 0;
  for (const double x : v) s += x * x;
  return std::sqrt(s);
}
void expect_close(const std::vector<double>& a, const std::vector<double>& b, double tolerance,
                  const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  std::vector<double> d(a.size());
  for (size_t i = 0; i < a.size(); ++i) d[i] = a[i] - b[i];
  EXPECT_LE(norm(d), tolerance * std::max(norm(b), 0.1)) << what;
  for (const double x : a) ASSERT_TRUE(std::isfinite(x)) << what << ": not finite";
}
void expect_close(const Outcome& a, const Outcome& b, double tolerance, const std::string& what) {
  expect_close(a.value, b.value, tolerance, what + ", value");
  for (size_t i = 0; i < a.grads.size(); ++i)
    expect_close(a.grads[i], b.grads[i], tolerance, what + str(", gradient ", i));
}
void expect_same_bits(const Outcome& a, const Outcome& b, const std::string& what) {
  const auto same = [](const std::vector<double>& x, const std::vector<double>& y) {
    return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) == 0);
  };
  EXPECT_TRUE(same(a.value, b.value)) << what << ", value";
  for (size_t i = 0; i < a.grads.size(); ++i) EXPECT_TRUE(same(a.grads[i], b.grads[i])) << what << ", gradient " << i;
}
std::vector<std::vector<Shape>> all_shapes(const OpCase& c) {
  std::vector<std::vector<Shape>> s{c.in};
  s.insert(s.end(), c.edges.begin(), c.edges.end());
  return s;
}

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

#include "op_outcome.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include <parallax/tensor/draw.h>

namespace parallax::testing {
namespace {

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

}  // namespace

Outcome evaluate(Context& ctx, const Form& form, const std::vector<Tensor>& inputs, DType type, int backwards) {
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

}  // namespace parallax::testing

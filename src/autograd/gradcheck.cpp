#include "gradcheck.h"

#include <algorithm>
#include <cmath>

#include "../tensor/draw.h"

namespace parallax {

namespace {
constexpr uint32_t kWeights = tag_of("gradcheck.weights"), kDirections = tag_of("gradcheck.directions");

double weight(int64_t i) {
  const U4 r = philox(U4{{static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), 0, kWeights}}, 1, 2);
  return 2.0 * unit_float(r.v[0]) - 1.0;
}

double contracted(Context& ctx, const std::function<Var(std::span<const Var>)>& f, std::span<const Tensor> inputs) {
  const ScratchScope scope(ctx);
  Tape tape(ctx);
  std::vector<Var> vars;
  for (const Tensor& t : inputs) vars.push_back(tape.constant(t));
  const std::vector<double> y = f(vars).value.to_vector<double>();
  double s = 0;
  for (size_t i = 0; i < y.size(); ++i) s += y[i] * weight(static_cast<int64_t>(i));
  return s;
}

// sum of x o w for a fixed w: turns any result into a loss
struct Contract {
  static constexpr std::string_view name = "contract";
  struct Attr {};
  struct Saved {
    Shape shape;
  };
  static Tensor forward(Context& ctx, const Attr&, Saved& s, In x) {
    s.shape = x[0].shape();
    const std::vector<double> v = x[0].to_vector<double>();
    double sum = 0;
    for (size_t i = 0; i < v.size(); ++i) sum += v[i] * weight(static_cast<int64_t>(i));
    return Tensor::from<double>(ctx, {sum}, {1, 1});
  }
  static void backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
    std::vector<double> v(static_cast<size_t>(s.shape.count()));
    for (size_t i = 0; i < v.size(); ++i) v[i] = gy.item() * weight(static_cast<int64_t>(i));
    Tensor t = g[0].open_zeroed(ctx);
    const std::vector<double> old = t.to_vector<double>();
    for (size_t i = 0; i < v.size(); ++i) v[i] += old[i];
    t.assign(v);
  }
};
}  // namespace

GradCheck check_gradients(Context& ctx, const std::function<Var(std::span<const Var>)>& f,
                          std::span<const Tensor> inputs, double step) {
  std::vector<std::vector<double>> analytic;
  {
    const ScratchScope scope(ctx);
    Tape tape(ctx);
    std::vector<Var> vars;
    for (const Tensor& t : inputs) vars.push_back(tape.input(t));
    tape.backward(apply<Contract>({}, {f(vars)}));
    for (const Var& v : vars) {
      const Tensor g = tape.grad_of(v);
      analytic.push_back(g.defined() ? g.to_vector<double>()
                                     : std::vector<double>(static_cast<size_t>(v.value.count()), 0.0));
    }
  }
  GradCheck result;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor moved = Tensor::persistent(ctx, DType::f64, inputs[i].shape());
    moved.copy_from(inputs[i]);
    std::vector<Tensor> at(inputs.begin(), inputs.end());
    at[i] = moved;
    const std::vector<double> x = inputs[i].to_vector<double>();
    double largest = 1e-3;
    for (const double g : analytic[i]) largest = std::max(largest, std::fabs(g));
    const int64_t n = inputs[i].count();
    const bool all = n < 2000;
    for (int64_t k = 0; k < (all ? n : 64); ++k) {
      std::vector<double> d(static_cast<size_t>(n), 0.0);
      double expected = 0;
      if (all) {
        d[static_cast<size_t>(k)] = 1;
        expected = analytic[i][static_cast<size_t>(k)];
      } else {
        for (int64_t e = 0; e < n; ++e) {
          const U4 r = philox(U4{{static_cast<uint32_t>(e), static_cast<uint32_t>(k), 0, kDirections}}, 3, 4);
          d[static_cast<size_t>(e)] = (2.0 * unit_float(r.v[0]) - 1.0) / std::sqrt(static_cast<double>(n));
          expected += d[static_cast<size_t>(e)] * analytic[i][static_cast<size_t>(e)];
        }
      }
      const auto value = [&](double h) {
        std::vector<double> y = x;
        for (int64_t e = 0; e < n; ++e) y[static_cast<size_t>(e)] += h * d[static_cast<size_t>(e)];
        moved.assign(y);
        return contracted(ctx, f, at);
      };
      const double numeric = (8 * (value(step) - value(-step)) - (value(2 * step) - value(-2 * step))) / (12 * step);
      const double error = std::fabs(numeric - expected) / largest;
      ++result.checked;
      if (!(error <= result.worst)) {
        result.worst = error;
        result.where = str("input ", i, ", ", all ? "entry " : "direction ", k, ": ", expected, " by backward, ",
                           numeric, " by differences");
      }
    }
  }
  return result;
}

}  // namespace parallax

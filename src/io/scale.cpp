#include "scale.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "../tensor/error.h"

namespace parallax {

namespace {
constexpr const char* names[] = {"none", "minmax", "minmax-global", "unit-row", "standardise"};

// The published loaders go through scikit-learn's MinMaxScaler; this is its arithmetic, in its order of operations.
template <class T> void min_max(T low, T high, ScalePlan& plan) {
  T r = high - low;
  if (r < T(10) * std::numeric_limits<T>::epsilon()) r = T(1);
  const T a = T(1) / r, b = T(0) - low * a;
  plan.a.push_back(a);
  plan.b.push_back(b);
}

template <class T> void fit(const std::vector<T>& x, int64_t rows, int64_t cols, ScalePlan& plan) {
  const size_t d = static_cast<size_t>(cols);
  if (x.empty()) return;
  std::vector<T> low(x.begin(), x.begin() + cols), high = low;
  for (int64_t i = 1; i < rows; ++i)
    for (size_t c = 0; c < d; ++c) {
      const T v = x[static_cast<size_t>(i) * d + c];
      low[c] = std::min(low[c], v);
      high[c] = std::max(high[c], v);
    }
  if (plan.kind == Scale::minmax)
    for (size_t c = 0; c < d; ++c) min_max(low[c], high[c], plan);
  if (plan.kind == Scale::minmax_global)
    min_max(*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end()), plan);
  if (plan.kind != Scale::standardise) return;
  std::vector<double> mean(d, 0.0), square(d, 0.0);
  for (int64_t i = 0; i < rows; ++i)
    for (size_t c = 0; c < d; ++c) mean[c] += static_cast<double>(x[static_cast<size_t>(i) * d + c]);
  for (double& m : mean) m /= static_cast<double>(rows);
  for (int64_t i = 0; i < rows; ++i)
    for (size_t c = 0; c < d; ++c) {
      const double e = static_cast<double>(x[static_cast<size_t>(i) * d + c]) - mean[c];
      square[c] += e * e;
    }
  for (size_t c = 0; c < d; ++c) {
    const bool constant = low[c] == high[c];
    const T deviation = static_cast<T>(std::sqrt(square[c] / static_cast<double>(rows)));
    plan.a.push_back(constant ? low[c] : static_cast<T>(mean[c]));
    plan.b.push_back(constant || deviation == T(0) ? T(1) : deviation);
  }
}

template <class T, class Out> std::vector<Out> run(const ScalePlan& plan, const View& view) {
  const size_t n = static_cast<size_t>(view.rows), d = static_cast<size_t>(view.cols);
  const size_t wanted = plan.kind == Scale::minmax || plan.kind == Scale::standardise ? d
                        : plan.kind == Scale::minmax_global                           ? 1
                                                                                      : 0;
  PLX_CHECK(shape, plan.a.size() == wanted && plan.b.size() == wanted, "view ", view.name, " has ", d,
            " columns, its scaling was fitted on ", plan.a.size());
  std::vector<Out> y(n * d);
  const auto each = [&](const auto& x, auto f) {
    for (size_t i = 0; i < n; ++i)
      for (size_t c = 0; c < d; ++c) y[i * d + c] = static_cast<Out>(f(static_cast<T>(x[i * d + c]), c));
  };
  std::visit(
      [&](const auto& x) {
        switch (plan.kind) {
          case Scale::none: each(x, [](T v, size_t) { return v; }); break;
          case Scale::minmax: {
            const std::vector<T> a(plan.a.begin(), plan.a.end()), b(plan.b.begin(), plan.b.end());
            each(x, [&](T v, size_t c) { return v * a[c] + b[c]; });
            break;
          }
          case Scale::minmax_global: {
            const T a = static_cast<T>(plan.a[0]), b = static_cast<T>(plan.b[0]);
            each(x, [&](T v, size_t) { return v * a + b; });
            break;
          }
          case Scale::standardise: {
            const std::vector<T> a(plan.a.begin(), plan.a.end()), b(plan.b.begin(), plan.b.end());
            each(x, [&](T v, size_t c) { return (v - a[c]) / b[c]; });
            break;
          }
          case Scale::unit_row:
            for (size_t i = 0; i < n; ++i) {
              double square = 0;
              for (size_t c = 0; c < d; ++c)
                square += static_cast<double>(x[i * d + c]) * static_cast<double>(x[i * d + c]);
              const T norm = static_cast<T>(std::max(std::sqrt(square), 1e-12));
              for (size_t c = 0; c < d; ++c) y[i * d + c] = static_cast<Out>(static_cast<T>(x[i * d + c]) / norm);
            }
            break;
        }
      },
      view.values);
  return y;
}
}  // namespace

const char* name_of(Scale s) { return names[static_cast<size_t>(s)]; }

Scale parse_scale(const std::string& name) {
  for (size_t i = 0; i < std::size(names); ++i)
    if (name == names[i]) return static_cast<Scale>(i);
  PLX_FAIL(config, "unknown scaling '", name, "'; choose none, minmax, minmax-global, unit-row or standardise");
}

ScalePlan fit_scale(const View& view, Scale kind) {
  ScalePlan plan;
  plan.kind = kind;
  plan.single = view.is_single();
  if (kind == Scale::none || kind == Scale::unit_row) return plan;
  std::visit([&](const auto& x) { fit(x, view.rows, view.cols, plan); }, view.values);
  return plan;
}

std::vector<float> apply_scale(const ScalePlan& plan, const View& view) {
  return plan.single ? run<float, float>(plan, view) : run<double, float>(plan, view);
}
std::vector<double> apply_scale_f64(const ScalePlan& plan, const View& view) {
  return plan.single ? run<float, double>(plan, view) : run<double, double>(plan, view);
}

}  // namespace parallax

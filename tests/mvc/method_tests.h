// What the tests of methods share: numbers by recipe, a method with settings, steps on one batch.
#pragma once
#include <gtest/gtest.h>

#include <cmath>

#include <parallax/mvc/trainer.h>

namespace parallax::testing {

// u(t, e): top 53 bits of splitmix64(t * 2^32 + e)
inline double recipe(uint64_t t, uint64_t e) {
  uint64_t z = (t << 32) + e + 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}
inline std::vector<double> recipe_values(uint64_t t, int64_t count) {
  std::vector<double> v(static_cast<size_t>(count));
  for (size_t e = 0; e < v.size(); ++e) v[e] = recipe(t, e);
  return v;
}
inline Tensor recipe_tensor(Context& ctx, uint64_t t, Shape s, DType type = DType::f64) {
  Tensor x = Tensor::persistent(ctx, type, s);
  x.assign(recipe_values(t, s.count()));
  return x;
}
inline double length(const std::vector<double>& v) {
  double s = 0;
  for (const double x : v) s += x * x;
  return std::sqrt(s);
}
// Later settings of a key win.
inline std::vector<Setting> with(std::vector<Setting> base, const std::vector<Setting>& more) {
  base.insert(base.end(), more.begin(), more.end());
  return base;
}

inline std::unique_ptr<Method> method_with(const std::string& name, bool reference,
                                           const std::vector<Setting>& settings) {
  std::unique_ptr<Method> m = make_method(name);
  m->profile(reference);
  Visitor v;
  m->params(v);
  apply_settings(v, settings, name);
  return m;
}
#define EXPECT_DIGITS(a, b, relative) EXPECT_NEAR(a, b, std::fabs(b) * (relative))

}  // namespace parallax::testing

#include "op_cases.h"

#include <cmath>

#include <parallax/tensor/draw.h>

namespace parallax::testing {

namespace {
double uniform(int64_t i, uint32_t tag) {
  const U4 r = philox(U4{{static_cast<uint32_t>(i), 0, 0, tag}}, 11, 13);
  return unit_float(r.v[0]);
}
}  // namespace

Tensor random_tensor(Context& ctx, DType type, Shape s, double low, double high, double away, uint32_t tag) {
  std::vector<double> v(static_cast<size_t>(s.count()));
  for (size_t i = 0; i < v.size(); ++i) {
    v[i] = low + (high - low) * uniform(static_cast<int64_t>(i), tag);
    if (std::fabs(v[i]) < away) v[i] = v[i] < 0 ? v[i] - away : v[i] + away;
  }
  Tensor t = Tensor::persistent(ctx, type, s);
  t.assign(v);
  return t;
}

Tensor Args::constant(Shape s, double low, double high, uint32_t tag) const {
  return random_tensor(ctx_, type_, s, low, high, 0, tag);
}
Tensor Args::ids(int64_t n) const {
  std::vector<int64_t> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<int64_t>(i);
  Tensor t = Tensor::persistent(ctx_, DType::i64, {n, 1});
  t.assign(v);
  return t;
}
Tensor Args::index(Shape s, int64_t below, uint32_t tag) const {
  std::vector<int64_t> v(static_cast<size_t>(s.count()));
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<int64_t>(uniform(static_cast<int64_t>(i), tag) * static_cast<double>(below));
  Tensor t = Tensor::persistent(ctx_, DType::i64, s);
  t.assign(v);
  return t;
}

const std::vector<OpCase>& op_cases() {
  static const std::vector<OpCase> all = [] {
    std::vector<OpCase> list;
    for (const auto& family : {cases_of_linear(), cases_of_basic(), cases_of_sparsemvc(), cases_of_gmae(),
                               cases_of_gdcn(), cases_of_ddmc(), cases_of_distilmvc()})
      list.insert(list.end(), family.begin(), family.end());
    return list;
  }();
  return all;
}

}  // namespace parallax::testing

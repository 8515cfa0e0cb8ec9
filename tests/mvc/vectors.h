// Small helpers for the test vectors of the method pages: values and gradients in double.
#pragma once
#include <gtest/gtest.h>

#include <cmath>

#include <parallax/autograd/ops.h>

namespace parallax::testing {

using Rows = std::vector<std::vector<double>>;

inline Tensor matrix(Context& ctx, const Rows& rows) {
  Tensor t =
      Tensor::persistent(ctx, DType::f64, {static_cast<int64_t>(rows.size()), static_cast<int64_t>(rows[0].size())});
  std::vector<double> flat;
  for (const auto& r : rows) flat.insert(flat.end(), r.begin(), r.end());
  t.assign(flat);
  return t;
}
inline void expect_rows(const Tensor& t, int64_t first, const Rows& rows, double tolerance) {
  const std::vector<double> v = t.to_vector<double>();
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < rows[i].size(); ++j)
      EXPECT_NEAR(v[(static_cast<size_t>(first) + i) * static_cast<size_t>(t.cols()) + j], rows[i][j], tolerance)
          << "row " << i << ", column " << j;
}

}  // namespace parallax::testing

// The points of a matrix as distance kernels read them: centred, scaled by a power of two (so that nothing over- or
// underflows when squared) and laid out in strips of 32 points, with a norm per point that bounds rounding errors.
#pragma once
#include <vector>

#include "../tensor/launch.h"
#include "../tensor/tensor.h"

namespace parallax::cluster_detail {

inline constexpr int64_t kStripPoints = 32;
inline constexpr int64_t kSumRows = 4096;  // rows of one partial sum: fixed, so that sums do not depend on threads

// Rounding unit of an element type: 2^-24 and 2^-53.
template <class T> PLX_HD constexpr double unit_roundoff() {
  return sizeof(T) == 4 ? 5.9604644775390625e-8 : 1.1102230246251565e-16;
}

// Sums of columns, or of squared deviations from `mean`, per block of kSumRows rows.
template <class T> struct ColumnSums {
  Mat<const T> x;
  const double* mean = nullptr;  // [d]; null: plain sums
  double* out = nullptr;         // [blocks, d]
};
PLX_KERNEL(ColumnSums)

// (x - mean) * scale into strips, the same row after row if asked for, and norms rounded up.
template <class T> struct PackStrips {
  Mat<const T> x;
  const double* mean = nullptr;
  double scale = 1;
  T* strips = nullptr;  // [ceil(n / 32), d, 32], padding zero
  T* norms = nullptr;   // [ceil(n / 32) * 32], |row|, never below the true norm of the scaled row; padding zero
  T* rows = nullptr;    // [n, d] or null
};
PLX_KERNEL(PackStrips)

template <class T> struct Points {
  Mat<const T> x;  // as given
  int64_t n = 0, d = 0;
  std::vector<double> mean;  // [d]
  Tensor means;              // the same, on the device of x
  double mean_variance = 0;  // mean over the features of their (biased) variances
  double scale = 1;
  Tensor strips, norms, rows;
  double max_norm = 0;  // of the scaled rows
  int64_t strip_count() const { return (n + kStripPoints - 1) / kStripPoints; }
};

// Reads x [n, d] on the context's device; tensors live in the current scratch scope. Throws Error(numeric) with the row
// of the first NaN or infinity; `what` names the caller in messages.
template <class T> Points<T> pack_points(Context& ctx, const Tensor& x, const char* what, bool with_rows = false);

// Double-precision copies of double data, or a conversion: the matrix as double in the current scratch scope.
Tensor as_double(Context& ctx, const Tensor& x);

void check_input(Context& ctx, const Tensor& x, const char* what);

}  // namespace parallax::cluster_detail

// Distances of a block of rows to all points, consumed while they are in registers or in the first-level cache. These
// kernels run inside a task: call cpu_twin, which starts no tasks of its own.
#pragma once
#include "points.h"

namespace parallax::cluster_detail {

// Appends the points s0*32 .. s1*32-1 whose approximate squared distance (scaled units) to a query is at most its
// cutoff.
template <class T> struct FilterNear {
  const T* rows = nullptr;    // [n, d] centred and scaled
  const T* strips = nullptr;  // the same
  const T* norms = nullptr;
  int64_t n = 0, d = 0, q0 = 0, q1 = 0, s0 = 0, s1 = 0;
  const T* cutoffs = nullptr;  // [q1 - q0]
  T** values = nullptr;        // [q1 - q0] with room for 32 (s1 - s0) more
  int32_t** index = nullptr;
  int64_t* counts = nullptr;
};
PLX_KERNEL(FilterNear)

// out[m] = |x_i - x_index[m]|^2 from differences in double.
template <class T> struct ExactDistances {
  Mat<const T> x;
  int64_t i = 0;
  const int32_t* index = nullptr;
  int64_t n = 0;
  double* out = nullptr;
};
PLX_KERNEL(ExactDistances)

// sums[q - q0, c] = sum over the points of cluster c of |x_q - x_j| (scaled units). Clusters are contiguous ranges of
// points.
template <class T> struct ClusterDistances {
  Mat<const T> x;
  const T* rows = nullptr;
  const T* strips = nullptr;
  const T* norms = nullptr;
  double scale = 1;
  int64_t q0 = 0, q1 = 0;
  const int32_t* cluster = nullptr;  // [n]
  int64_t clusters = 0;
  double* sums = nullptr;  // [q1 - q0, clusters], zeroed here
};
PLX_KERNEL(ClusterDistances)

}  // namespace parallax::cluster_detail

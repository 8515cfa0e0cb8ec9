// Normalised-cut spectral clustering (Shi and Malik 2000; Ng, Jordan and Weiss 2002; self-tuning weights of
// Zelnik-Manor and Perona 2004) on a sparse neighbour graph.
#pragma once
#include <cstdint>
#include <vector>

#include "../tensor/tensor.h"

namespace parallax {

struct SpectralOptions {
  int64_t k = 0;
  int64_t neighbours = 10;  // at most n - 1 are taken
  int64_t width_rank = 7;   // sigma_i = distance to this neighbour
  int64_t restarts = 10;    // of the final k-means
  uint64_t seed = 0;
};

struct SpectralResult {
  std::vector<int32_t> labels;      // [n]
  std::vector<double> eigenvalues;  // [k], of D^-1/2 W D^-1/2, largest first
  std::vector<double> embedding;    // [n, k], rows of unit length (or zero)
  int64_t components = 0;           // of the graph
};

// x: [n, d], f32 or f64; on a device the neighbours are found and dense eigenproblems solved there. Each connected
// component of the graph has a known eigenvector of eigenvalue 1; those are written down and only the others computed,
// by Lanczos from a fixed start or densely for small n. With more components than k the k largest are told apart, the
// log warns, and rows of the others have no coordinates (zero rows). Throws Error: config (k outside 1..n, neighbours <
// 1), numeric (NaN in x, or no convergence).
SpectralResult spectral_clustering(Context& ctx, const Tensor& x, const SpectralOptions& options);

}  // namespace parallax

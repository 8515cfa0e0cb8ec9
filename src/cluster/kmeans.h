// k-means: greedy k-means++ seeding, Lloyd iterations, many restarts at once, every row used. The labels are those of
// exact arithmetic on the given centres: products in the data's precision decide clear cases, differences in double
// precision everything within their rounding bound. Sums are in double with a fixed order, so neither the number of
// threads nor (with fused multiply-add hardware) the vector width changes a bit of the result.
#pragma once
#include <cstdint>
#include <vector>

#include "../tensor/draw.h"
#include "../tensor/tensor.h"

namespace parallax {

struct KMeansOptions {
  int64_t k = 0;
  int64_t restarts = 10;
  int64_t max_iter = 300;
  // A restart stops when the labels repeat, or when the squared shift of all centres together is at most
  // tol * (mean variance of the features), as in scikit-learn. 0: labels must repeat.
  double tol = 1e-4;
  // So many of the best restarts (of those in flight together) go on with single-row moves (Hartigan and Wong 1979): a
  // row changes its cluster whenever that lowers the inertia, the shift of both means included. Every partition that is
  // stable under these moves is stable under Lloyd's, not the other way round; with few rows in many columns the gain
  // is large. 0: Lloyd alone. Not applied to given start centres, nor above 2000 rows a cluster, where it gains some
  // 1e-6.
  int64_t refine = 10;
  uint64_t seed = 0;
  uint32_t tag = tag_of("kmeans");  // of the draws; restart r reads row r of this tag
  // [k, d] row-major start centres instead of seeding; then there is one restart.
  std::vector<double> start = {};
};

struct KMeansResult {
  std::vector<int32_t> labels;           // [n], the nearest of `centres`, ties to the lowest index
  std::vector<double> centres;           // [k, d], in the units of x
  double inertia = 0;                    // sum over rows of |x - its centre|^2, in double, from differences
  int64_t iterations = 0;                // of the best restart, the confirming one included
  int64_t best_restart = 0;              // lowest inertia, then lowest index
  std::vector<double> restart_inertias;  // [restarts]
  int64_t empty_clusters = 0;            // above zero only where k exceeds the number of distinct rows
};

// x: [n, d], f32 or f64, on the device of the context. A cluster that runs empty takes the row farthest from its centre
// (ties: lowest index). Throws Error: config (k < 1, k > n, restarts < 1, max_iter < 1, tol < 0), shape (start of
// another size), numeric (a NaN or infinity in x or start; the message names the row). Warns through the log when k
// exceeds the number of distinct rows. Working memory: one copy of x, and per restart in flight about 28 bytes a row,
// held below 256 MB where one restart fits; on a device below 1 GB.
KMeansResult kmeans(Context& ctx, const Tensor& x, const KMeansOptions& options);

// Nearest centre of every row, by differences in double: a function of that row alone, ties to the lowest index.
// centres: [k, d] row-major with d = x.cols(). Optionally the squared distances. Throws Error(shape, numeric).
std::vector<int32_t> assign(Context& ctx, const Tensor& x, const std::vector<double>& centres,
                            std::vector<double>* squared = nullptr);

}  // namespace parallax

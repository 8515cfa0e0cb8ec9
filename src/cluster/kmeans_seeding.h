// Greedy k-means++ (Arthur and Vassilvitskii 2007; the greedy variant of scikit-learn): the first centre is uniform,
// then 2 + floor(ln k) candidates are drawn with probability proportional to the squared distance to the chosen
// centres, and the one that leaves the smallest sum of squared distances is kept (ties: the first drawn).
#pragma once
#include "kmeans.h"
#include "kmeans_kernels.h"

namespace parallax::cluster_detail {

inline constexpr int64_t kRefineRows = 2000;  // rows a cluster: above, single-row moves gain nothing

struct Seeds {
  std::vector<int64_t> rows;  // [restarts, k] rows of x
  int64_t distinct = 0;       // 0, or the number of distinct rows of x where that is below k
};

// For restarts first .. first + count - 1. All draws are functions of (seed, tag, restart, step), so the rows chosen do
// not depend on what else runs beside them.
template <class T>
Seeds seed_centres(Context& ctx, const Points<T>& points, const KMeansOptions& o, int64_t first, int64_t count);

inline int64_t seeding_trials(int64_t k) {
  int64_t trials = 2;
  for (double e = 2.718281828459045, at = e; at <= static_cast<double>(k); at *= e) ++trials;
  return trials;
}

}  // namespace parallax::cluster_detail

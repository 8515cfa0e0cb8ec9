// How well a partition separates its points, without true labels. Euclidean distances in double; those that lose digits
// in the expanded form are taken as differences. Tiled: memory is a few copies of x, never n x n. No score ever
// sub-samples. All are NaN where they are undefined: for one cluster, the two indices also for as many clusters as
// rows.
#pragma once
#include <cstdint>
#include <vector>

#include "../tensor/tensor.h"

namespace parallax {

struct Silhouette {
  double mean = 0;
  std::vector<double> samples;  // [n]; 0 for a cluster of one row and where a = b = 0
};
// s_i = (b - a) / max(a, b); a = mean distance to the other rows of its cluster, b = least mean distance to another
// cluster (Rousseeuw 1987). O(n^2 d).
Silhouette silhouette(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels);

// Mean over clusters of the largest (s_i + s_j) / |c_i - c_j|, s = mean distance to the centre (Davies and Bouldin
// 1979); coinciding centres count as infinitely far, as in scikit-learn.
double davies_bouldin(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels);

// (between / (k - 1)) / (within / (n - k)), sums of squares (Calinski and Harabasz 1974); 1 where within = 0.
double calinski_harabasz(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels);

// Entropy of the cluster sizes / ln(number of clusters): 1 = equal sizes, near 0 = one cluster holds nearly all. A high
// silhouette with a low balance is the sign of a degenerate partition. NaN for one cluster.
double balance(const std::vector<int32_t>& labels);

}  // namespace parallax

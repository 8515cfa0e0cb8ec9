// Pseudo-labels from the clusters of features, and their renaming to the clusters of a network (DistilMVC 4.3, 4.4).
#pragma once
#include <vector>

#include "../tensor/tensor.h"

namespace parallax {

// k-means on features [n, d] whose columns are scaled to [0, 1] first (a constant column to 0).
std::vector<int64_t> pseudo_labels(Context& ctx, const Tensor& features, int clusters, int64_t restarts, uint32_t tag);

// For every pseudo-label the network's cluster that it becomes: the one-to-one renaming with the most agreeing samples.
std::vector<int64_t> match_to_network(const std::vector<int64_t>& network, const std::vector<int64_t>& pseudo);

}  // namespace parallax

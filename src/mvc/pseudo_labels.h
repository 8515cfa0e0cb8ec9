// Pseudo-labels from the clusters of features, and their renaming to the clusters of a network (DistilMVC 4.3, 4.4).
#pragma once
#include <span>
#include <vector>

#include "../tensor/tensor.h"

namespace parallax {

// k-means on features [n, d] whose columns are scaled to [0, 1] first (a constant column to 0).
std::vector<int64_t> pseudo_labels(Context& ctx, const Tensor& features, int clusters, int64_t restarts, uint32_t tag);

// For every pseudo-label the network's cluster that it becomes: the one-to-one renaming with the most agreeing samples.
std::vector<int64_t> match_to_network(const std::vector<int64_t>& network, const std::vector<int64_t>& pseudo);
// The same inside a training step, without the host: [V * n, 1] class of every row's pseudo-label. network: [V * n, 1]
// arg-max; pseudo: [n, 1] i64 per view, labels below `clusters`.
Tensor matched_targets(Context& ctx, const Tensor& network, std::span<const Tensor> pseudo, int64_t clusters);

}  // namespace parallax

// Pseudo-labels from the clusters of features, and their renaming to the clusters of a network (DistilMVC 4.3, 4.4).
#pragma once
#include <span>
#include <vector>

#include "../tensor/tensor.h"

namespace parallax {

// k-means on features [n, d] whose columns are scaled to [0, 1] first (a constant column to 0).
std::vector<int64_t> pseudo_labels(Context& ctx, const Tensor& features, int clusters, int64_t restarts, uint32_t tag);

// For every row the network's cluster that its pseudo-label becomes: per view the one-to-one renaming with the most
// agreeing samples, without the host. [V * n, 1]; network: [V * n, 1] arg-max; pseudo: [n, 1] i64 per view, labels
// below `clusters`.
Tensor matched_targets(Context& ctx, const Tensor& network, std::span<const Tensor> pseudo, int64_t clusters);

}  // namespace parallax

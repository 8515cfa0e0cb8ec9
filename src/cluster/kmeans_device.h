// k-means with everything on the context's device: the host reads how far the restarts are every few iterations.
#pragma once
#include "kmeans.h"
#include "points.h"

namespace parallax::cluster_detail {

// As kmeans(), input checked. `distinct`: 0, or the number of distinct rows where that is below k.
template <class T>
KMeansResult kmeans_on_device(Context& ctx, const Tensor& x, const KMeansOptions& o, int64_t& distinct);

}  // namespace parallax::cluster_detail

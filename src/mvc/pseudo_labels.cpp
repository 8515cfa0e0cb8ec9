#include "pseudo_labels.h"

#include <algorithm>

#include "../cluster/kmeans.h"
#include "match_kernels.h"

namespace parallax {

std::vector<int64_t> pseudo_labels(Context& ctx, const Tensor& features, int clusters, int64_t restarts, uint32_t tag) {
  const ScratchScope scope(ctx);
  std::vector<double> x = features.to_vector<double>();
  const size_t n = static_cast<size_t>(features.rows()), d = static_cast<size_t>(features.cols());
  for (size_t j = 0; j < d; ++j) {
    double low = x[j], high = x[j];
    for (size_t i = 0; i < n; ++i) low = std::min(low, x[i * d + j]), high = std::max(high, x[i * d + j]);
    const double by = high > low ? 1 / (high - low) : 0;
    for (size_t i = 0; i < n; ++i) x[i * d + j] = (x[i * d + j] - low) * by;
  }
  Tensor scaled = Tensor::empty(ctx, features.dtype(), features.shape());
  scaled.assign(x);
  const KMeansResult r = kmeans(ctx, scaled, {.k = clusters, .restarts = restarts, .seed = ctx.seed(), .tag = tag});
  return {r.labels.begin(), r.labels.end()};
}

Tensor matched_targets(Context& ctx, const Tensor& network, std::span<const Tensor> pseudo, int64_t clusters) {
  const auto V = static_cast<int64_t>(pseudo.size()), n = network.rows() / std::max<int64_t>(V, 1);
  Tensor target = Tensor::empty(ctx, DType::i64, {V * n, 1});
  MatchClusters<float> k;
  for (int64_t v = 0; v < V; ++v) {
    const Tensor& p = pseudo[static_cast<size_t>(v)];
    PLX_CHECK(shape, p.rows() == n, "view ", v, " has ", p.rows(), " pseudo-labels for ", n, " rows");
    k.pseudo[v] = p.ptr<int64_t>();
  }
  k.network = network.ptr<int64_t>();
  k.target = target.ptr<int64_t>();
  const Tensor count = Tensor::zeros(ctx, DType::i32, {V * clusters, clusters}),
               work = Tensor::empty(ctx, DType::f64, {V, 3 * (clusters + 1)}),
               links = Tensor::empty(ctx, DType::i32, {V, 4 * (clusters + 1)});
  k.count = count.mat<int32_t>();
  k.work = work.mat<double>();
  k.links = links.mat<int32_t>();
  k.views = V, k.n = n, k.clusters = clusters;
  run(ctx, k);
  return target;
}

}  // namespace parallax

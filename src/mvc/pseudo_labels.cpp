#include "pseudo_labels.h"

#include <algorithm>

#include "../cluster/hungarian.h"
#include "../cluster/kmeans.h"

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

std::vector<int64_t> match_to_network(const std::vector<int64_t>& network, const std::vector<int64_t>& pseudo) {
  int64_t size = 0;
  for (const auto* list : {&network, &pseudo})
    for (const int64_t a : *list) size = std::max(size, a + 1);
  std::vector<int64_t> counts(static_cast<size_t>(size * size), 0);
  for (size_t i = 0; i < pseudo.size(); ++i) ++counts[static_cast<size_t>(network[i] * size + pseudo[i])];
  return match(counts, size, size);
}

}  // namespace parallax

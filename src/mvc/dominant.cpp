#include "dominant.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "../cluster/kmeans.h"
#include "../cluster/label_free.h"
#include "../tensor/elementwise.h"
#include "../tensor/random.h"

namespace parallax {

namespace {
// 1 = equal sizes; of the true K, so that empty clusters count against a partition
double size_entropy(const std::vector<int32_t>& labels, int clusters) {
  if (clusters < 2) return 1;
  std::vector<double> count(static_cast<size_t>(clusters), 0);
  for (const int32_t l : labels) ++count[static_cast<size_t>(l)];
  double h = 0;
  for (const double c : count)
    if (c > 0) h -= c / static_cast<double>(labels.size()) * std::log(c / static_cast<double>(labels.size()));
  return h / std::log(static_cast<double>(clusters));
}
// the mean silhouette, on a fixed sample of the rows where there are many
double view_silhouette(Build& b, const Tensor& x, const std::vector<int32_t>& labels, const DominantOptions& o) {
  if (x.rows() <= o.exact) return silhouette(b.ctx, x, labels).mean;
  std::vector<int64_t> rows = shuffled(x.rows(), b.ctx.seed(), tag_of("ddmc.silhouette"), 0);
  rows.resize(static_cast<size_t>(std::min(o.sample, x.rows())));
  std::sort(rows.begin(), rows.end());
  Tensor index = Tensor::empty(b.ctx, DType::i64, {static_cast<int64_t>(rows.size()), 1});
  index.assign(rows);
  const Tensor part = Tensor::empty(b.ctx, x.dtype(), {index.rows(), x.cols()});
  gather_rows(b.ctx, x, index, part);
  std::vector<int32_t> part_labels;
  for (const int64_t r : rows) part_labels.push_back(labels[static_cast<size_t>(r)]);
  return silhouette(b.ctx, part, part_labels).mean;
}
}  // namespace

int choose_dominant(Build& b, const DominantOptions& o) {
  const int views = b.spec.views(), clusters = b.spec.clusters;
  const auto called = [&](int v) {
    const bool named = static_cast<size_t>(v) < b.spec.names.size();
    return named ? str("view ", v, " (", b.spec.names[static_cast<size_t>(v)], ")") : str("view ", v);
  };
  if (o.rule != "silhouette") {
    int v = -1;
    const auto parsed = std::from_chars(o.rule.data(), o.rule.data() + o.rule.size(), v);
    if (parsed.ec != std::errc() || parsed.ptr != o.rule.data() + o.rule.size()) {
      const auto it = std::find(b.spec.names.begin(), b.spec.names.end(), o.rule);
      v = it == b.spec.names.end() ? -1 : static_cast<int>(it - b.spec.names.begin());
    }
    PLX_CHECK(config, v >= 0 && v < views, "dominant=", o.rule, " names no view: 'silhouette', a number from 0 to ",
              views - 1, " or the name of a view is needed");
    b.log(str("dominant modality: ", called(v), ", as told"));
    return v;
  }
  if (views == 1) return 0;
  if (b.spec.samples > o.exact)
    b.log(str("the silhouettes are those of ", o.sample, " of the ", b.spec.samples, " samples"));
  std::vector<double> score(static_cast<size_t>(views)), entropy(static_cast<size_t>(views));
  bool any = false;
  for (int v = 0; v < views; ++v) {
    const size_t i = static_cast<size_t>(v);
    const ScratchScope scope(b.ctx);
    const KMeansResult r =
        kmeans(b.ctx, b.views[i],
               {.k = clusters, .restarts = o.restarts, .seed = b.ctx.seed(), .tag = tag_of(str("ddmc.dominant.", v))});
    score[i] = view_silhouette(b, b.views[i], r.labels, o);
    entropy[i] = size_entropy(r.labels, clusters);
    b.log(str(called(v), ": mean silhouette ", score[i], ", entropy of the cluster sizes ", entropy[i], " of ln K"));
    any = any || entropy[i] >= o.threshold;
  }
  if (o.guard && !any)
    b.log(str("no view's clusters reach an entropy of ", o.threshold, " ln K: the guard is dropped"));
  int best = -1;
  for (int v = 0; v < views; ++v) {
    const size_t i = static_cast<size_t>(v);
    if (!std::isfinite(score[i]) || (o.guard && any && entropy[i] < o.threshold)) continue;
    if (best < 0 || score[i] > score[static_cast<size_t>(best)] + 1e-6) best = v;
  }
  if (best < 0) best = 0;  // no silhouette is defined (one cluster, constant views)
  b.log(str("dominant modality: ", called(best), ", by silhouette"));
  return best;
}

}  // namespace parallax

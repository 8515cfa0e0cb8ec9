#include "neighbours.h"

#include <algorithm>

#include "../cluster/knn.h"

namespace parallax {

ListSizes list_sizes(int64_t samples, const ListOptions& o) {
  PLX_CHECK(config, samples >= 3, "neighbour lists need at least 3 samples, there are ", samples);
  const int64_t nn = o.neighbours ? o.neighbours : samples / 4;
  ListSizes s;
  s.positives = o.positives ? o.positives : std::min(o.pos_num - 1, samples - 2);
  s.negatives = o.negatives ? o.negatives : std::max<int64_t>(1, (nn - o.pos_num - 1) / 2);
  s.searched = std::max(nn, 1 + s.positives + s.negatives);
  PLX_CHECK(config, s.searched <= samples, "neighbour lists: ", s.positives, " positives and ", s.negatives,
            " negatives of a list of ", s.searched, " do not fit ", samples, " samples");
  s.as_published = o.positives || o.negatives || (s.searched == nn && (nn - o.pos_num - 1) / 2 >= 1);
  return s;
}

NeighbourLists neighbour_lists(Context& ctx, std::span<const Tensor> views, const ListSizes& sizes) {
  const int64_t n = views[0].rows(), V = static_cast<int64_t>(views.size()), P = sizes.positives, Q = sizes.negatives;
  std::vector<int64_t> near(static_cast<size_t>(n * V * P)), far(static_cast<size_t>(n * V * Q));
  for (int64_t v = 0; v < V; ++v) {
    const Neighbours all = nearest_neighbours(ctx, views[static_cast<size_t>(v)], sizes.searched, Self::first);
    for (int64_t i = 0; i < n; ++i) {
      const int32_t* list = all.index.data() + i * sizes.searched;
      std::copy_n(list + 1, P, near.begin() + (i * V + v) * P);
      std::copy_n(list + sizes.searched - Q, Q, far.begin() + (i * V + v) * Q);
    }
  }
  NeighbourLists lists{Tensor::persistent(ctx, DType::i64, {n, V * P}),
                       Tensor::persistent(ctx, DType::i64, {n, V * Q})};
  lists.positives.assign(near);
  lists.negatives.assign(far);
  return lists;
}

}  // namespace parallax

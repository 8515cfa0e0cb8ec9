// GMAE's lists of positives and negatives: neighbours in each view's inputs, found once before training (its page 2.4).
// Lists of all views stand side by side; a sample may be listed through several views and on both sides.
#pragma once
#include <span>

#include "../tensor/tensor.h"

namespace parallax {

struct ListOptions {
  int64_t pos_num = 21;    // published name: the sample itself and 20 positives per view
  int64_t neighbours = 0;  // length nn of the ordered list that both are cut from; 0: floor(N/4)
  int64_t positives = 0;   // per view; 0: pos_num - 1, at most N - 2
  int64_t negatives = 0;   // per view; 0: trunc((nn - pos_num - 1) / 2), at least 1
};

// Ranks 1 .. positives and searched - negatives .. searched - 1 of a list that starts with the sample itself (rank 0).
struct ListSizes {
  int64_t searched = 0, positives = 0, negatives = 0;
  bool as_published = true;  // false: N is too small for the published rule
};
ListSizes list_sizes(int64_t samples, const ListOptions& o);  // throws Error(config) if the options do not fit N

struct NeighbourLists {
  Tensor positives, negatives;  // [N, V * per view] i64
};
// views: [N, D_v]; order by (distance, index), distances from differences in double, the sample itself never listed.
NeighbourLists neighbour_lists(Context& ctx, std::span<const Tensor> views, const ListSizes& sizes);

}  // namespace parallax

// The contingency table of two partitions, occupied cells only.
#pragma once
#include "metrics.h"

namespace parallax::cluster_detail {

struct Contingency {
  int64_t n = 0;
  std::vector<Cell> cells;          // sorted by (row, col)
  std::vector<int64_t> rows, cols;  // marginal counts
};
Contingency contingency(const Grouping& truth, const Grouping& predicted);

// Expected mutual information of two random partitions with these marginals (Vinh et al. 2010, equation 24a).
double expected_mutual_information(const Contingency& t);

}  // namespace parallax::cluster_detail

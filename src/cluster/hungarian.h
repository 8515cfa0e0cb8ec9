// Optimal assignment by shortest augmenting paths with potentials (Kuhn-Munkres in the form of Jonker and Volgenant),
// O(rows^2 * cols) for rows <= cols, in double. Scans run in index order and keep the first minimum: ties are
// deterministic.
#pragma once
#include <cstdint>
#include <vector>

namespace parallax {

// Cheapest one-to-one assignment of a rows x cols cost matrix (row-major): min(rows, cols) pairs.
// Returns the column of every row, -1 for rows left over. Throws Error(numeric) for costs that are not finite,
// Error(shape).
std::vector<int64_t> assign_min_cost(const std::vector<double>& cost, int64_t rows, int64_t cols);

// Matching of clusters to classes with the largest number of agreeing samples. counts: [classes, clusters] row-major.
// Returns for every cluster its class, or -1. Classes are used at most once; clusters that agree with none of the free
// classes take one all the same, in order of index, as long as there are any. The table is split into its connected
// components first, so that very many tiny clusters cost nothing.
std::vector<int64_t> match(const std::vector<int64_t>& counts, int64_t classes, int64_t clusters);

struct Cell {
  int64_t row, col, count;  // class, cluster, samples (> 0)
};
std::vector<int64_t> match(const std::vector<Cell>& cells, int64_t classes, int64_t clusters);

}  // namespace parallax

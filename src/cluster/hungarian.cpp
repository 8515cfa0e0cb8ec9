#include "hungarian.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "../tensor/error.h"

namespace parallax {
namespace {

// rows <= cols. Rows enter one by one; each finds the shortest alternating path to a free column in the reduced costs
// cost - u - v >= 0, which the potentials keep non-negative. Index 0 of the column arrays is the entering row's.
std::vector<int64_t> shortest_paths(const std::vector<double>& cost, size_t rows, size_t cols) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  std::vector<double> u(rows + 1, 0.0), v(cols + 1, 0.0), least(cols + 1);
  std::vector<size_t> owner(cols + 1, 0), way(cols + 1, 0);
  std::vector<char> used(cols + 1);
  for (size_t i = 1; i <= rows; ++i) {
    owner[0] = i;
    size_t j0 = 0;
    std::fill(least.begin(), least.end(), inf);
    std::fill(used.begin(), used.end(), 0);
    do {
      used[j0] = 1;
      const size_t i0 = owner[j0];
      double delta = inf;
      size_t j1 = 0;
      for (size_t j = 1; j <= cols; ++j) {
        if (used[j]) continue;
        const double reduced = cost[(i0 - 1) * cols + j - 1] - u[i0] - v[j];
        if (reduced < least[j]) {
          least[j] = reduced;
          way[j] = j0;
        }
        if (least[j] < delta) {
          delta = least[j];
          j1 = j;
        }
      }
      for (size_t j = 0; j <= cols; ++j) {
        if (used[j]) {
          u[owner[j]] += delta;
          v[j] -= delta;
        } else {
          least[j] -= delta;
        }
      }
      j0 = j1;
    } while (owner[j0] != 0);
    for (; j0; j0 = way[j0]) owner[j0] = owner[way[j0]];
  }
  std::vector<int64_t> column(rows, -1);
  for (size_t j = 1; j <= cols; ++j)
    if (owner[j]) column[owner[j] - 1] = static_cast<int64_t>(j) - 1;
  return column;
}

int64_t root(std::vector<int64_t>& parent, int64_t i) {
  while (parent[size_t(i)] != i) i = parent[size_t(i)] = parent[size_t(parent[size_t(i)])];
  return i;
}

}  // namespace

std::vector<int64_t> assign_min_cost(const std::vector<double>& cost, int64_t rows, int64_t cols) {
  PLX_CHECK(shape, rows >= 0 && cols >= 0 && static_cast<int64_t>(cost.size()) == rows * cols,
            "assignment: ", cost.size(), " costs for a table of ", rows, " x ", cols);
  for (const double c : cost) PLX_CHECK(numeric, std::isfinite(c), "assignment: a cost is ", c);
  const auto r = static_cast<size_t>(rows), c = static_cast<size_t>(cols);
  if (r == 0 || c == 0) return std::vector<int64_t>(r, -1);
  if (r <= c) return shortest_paths(cost, r, c);
  std::vector<double> turned(cost.size());
  for (size_t i = 0; i < r; ++i)
    for (size_t j = 0; j < c; ++j) turned[j * r + i] = cost[i * c + j];
  std::vector<int64_t> column(r, -1);
  const std::vector<int64_t> row = shortest_paths(turned, c, r);
  for (size_t j = 0; j < c; ++j) column[size_t(row[j])] = static_cast<int64_t>(j);
  return column;
}

std::vector<int64_t> match(const std::vector<Cell>& cells, int64_t classes, int64_t clusters) {
  std::vector<int64_t> parent(static_cast<size_t>(classes + clusters)), result(static_cast<size_t>(clusters), -1);
  std::iota(parent.begin(), parent.end(), 0);
  for (const Cell& c : cells) {
    const int64_t a = root(parent, c.row), b = root(parent, classes + c.col);
    parent[size_t(std::max(a, b))] = std::min(a, b);
  }
  // component -> its classes, clusters and cells, in order of index
  struct Part {
    std::vector<int64_t> rows, cols;
    std::vector<const Cell*> cells;
  };
  std::vector<Part> parts;
  std::vector<int64_t> part_of(parent.size(), -1), local(parent.size());
  const auto part = [&](int64_t node) -> Part& {
    const auto r = size_t(root(parent, node));
    if (part_of[r] < 0) {
      part_of[r] = static_cast<int64_t>(parts.size());
      parts.emplace_back();
    }
    return parts[size_t(part_of[r])];
  };
  for (int64_t node = 0; node < classes + clusters; ++node) {
    Part& p = part(node);
    std::vector<int64_t>& side = node < classes ? p.rows : p.cols;
    local[size_t(node)] = static_cast<int64_t>(side.size());
    side.push_back(node < classes ? node : node - classes);
  }
  for (const Cell& c : cells) part(c.row).cells.push_back(&c);
  std::vector<char> taken(static_cast<size_t>(classes), 0);
  for (const Part& p : parts) {
    const auto rows = static_cast<int64_t>(p.rows.size()), cols = static_cast<int64_t>(p.cols.size());
    if (rows == 0 || cols == 0) continue;
    PLX_CHECK(memory, rows <= (int64_t{1} << 28) / cols, "matching: a table of ", rows, " classes and ", cols,
              " clusters that hang together is too large");
    std::vector<double> cost(static_cast<size_t>(rows * cols), 0.0);
    for (const Cell* c : p.cells)
      cost[size_t(local[size_t(c->row)] * cols + local[size_t(classes + c->col)])] = -static_cast<double>(c->count);
    const std::vector<int64_t> column = assign_min_cost(cost, rows, cols);
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t j = column[size_t(i)];
      if (j < 0 || cost[size_t(i * cols + j)] == 0.0) continue;
      result[size_t(p.cols[size_t(j)])] = p.rows[size_t(i)];
      taken[size_t(p.rows[size_t(i)])] = 1;
    }
  }
  int64_t free = 0;
  for (int64_t& c : result) {
    if (c >= 0) continue;
    while (free < classes && taken[size_t(free)]) ++free;
    if (free == classes) break;
    c = free++;
  }
  return result;
}

std::vector<int64_t> match(const std::vector<int64_t>& counts, int64_t classes, int64_t clusters) {
  PLX_CHECK(shape, classes >= 0 && clusters >= 0 && static_cast<int64_t>(counts.size()) == classes * clusters,
            "matching: ", counts.size(), " counts for a table of ", classes, " x ", clusters);
  std::vector<Cell> cells;
  for (int64_t i = 0; i < classes; ++i)
    for (int64_t j = 0; j < clusters; ++j)
      if (const int64_t n = counts[size_t(i * clusters + j)]; n != 0) {
        PLX_CHECK(numeric, n > 0, "matching: the count of class ", i, ", cluster ", j, " is ", n);
        cells.push_back({i, j, n});
      }
  return match(cells, classes, clusters);
}

}  // namespace parallax

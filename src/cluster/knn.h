// Exact nearest neighbours of every row among the other rows, Euclidean. Products in the data's precision, tile by
// tile, drop what is too far beyond any rounding; what is left is ordered by (distance, index) with distances from
// differences in double. So near-duplicates are never misordered, and the result does not depend on threads or vector
// width.
#pragma once
#include <cstdint>
#include <vector>

#include "../tensor/tensor.h"

namespace parallax {

enum class Self : uint8_t {
  excluded,  // a row is not its own neighbour; k <= n - 1
  first,     // a row is its own first neighbour, before any copy of it; k <= n
};

struct Neighbours {
  int64_t n = 0, k = 0;
  std::vector<int32_t> index;   // [n, k], nearest first, ties by index
  std::vector<double> squared;  // [n, k] squared distances, in the units of x squared
};

// x: [n, d], f32 or f64, on the device of the context. Efficient for small k and for k that is a good part of n. Extra
// memory: two copies of x, the result, and per thread 32 * (2 k + 2048) candidates. Throws Error: config (k out of
// range), numeric (row of a NaN).
Neighbours nearest_neighbours(Context& ctx, const Tensor& x, int64_t k, Self self = Self::excluded);

}  // namespace parallax

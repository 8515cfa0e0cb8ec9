#include "random.h"

#include <algorithm>

namespace parallax {

std::vector<int64_t> shuffled(int64_t n, uint64_t seed, uint32_t tag, uint32_t epoch) {
  std::vector<std::pair<uint64_t, int64_t>> order(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const U4 r = philox(U4{{0, static_cast<uint32_t>(i), epoch, tag}}, static_cast<uint32_t>(seed),
                        static_cast<uint32_t>(seed >> 32));
    order[static_cast<size_t>(i)] = {static_cast<uint64_t>(r.v[0]) << 32 | r.v[1], i};
  }
  std::sort(order.begin(), order.end());
  std::vector<int64_t> result(order.size());
  for (size_t i = 0; i < order.size(); ++i) result[i] = order[i].second;
  return result;
}

}  // namespace parallax

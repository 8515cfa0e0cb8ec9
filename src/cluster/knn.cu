// Nearest neighbours: tiles of approximate distances, and per query a sorted list of 32 spread over the registers of a
// warp. What the products cannot rule out is measured by differences at once, so that the lists are exact and ordered
// by (distance, index). More than 32 neighbours come in rounds: the next 32 behind the last one found.
#include "products.cuh"

namespace parallax::cluster_detail::twins {
namespace {

constexpr int kQueries = 32, kList = 32;

__device__ __forceinline__ bool before(double a, int32_t i, double b, int32_t j) { return a < b || (a == b && i < j); }

// One block per strip of 32 queries; a warp has every eighth.
template <class T> __global__ void __launch_bounds__(kThreads, 1) near_rows(const NearOnDevice<T> k) {
  using Distances = Tile<T, kQueries>;
  __shared__ __align__(16) T memory[Distances::kElements];
  __shared__ double found[kQueries][kList];
  __shared__ int32_t found_at[kQueries][kList];
  const Distances tile{memory};
  const DevicePoints<T>& p = k.points;
  const int64_t n = p.x.rows, d = p.x.cols, strips = p.strip_count(), q0 = static_cast<int64_t>(blockIdx.x) * kQueries;
  const int wanted = static_cast<int>(k.k - k.from < kList ? k.k - k.from : kList), lane = lane_id();
  for (int c = warp_id(); c < kQueries; c += kWarps) {
    found[c][lane] = HUGE_VAL;
    found_at[c][lane] = 0x7FFFFFFF;
  }
  for (int64_t s0 = 0; s0 < strips; s0 += kTileStrips) {
    const int64_t here = strips - s0 < kTileStrips ? strips - s0 : kTileStrips;
    tile.products(p.strips + s0 * d * 32, here, p.strips + q0 * d, d);
    for (int c = warp_id(); c < kQueries && q0 + c < n; c += kWarps) {
      const int64_t q = q0 + c;
      const T own = p.norms[q];
      const double unit = p.scale * p.scale, reach = static_cast<double>(own) + k.max_norm;
      const double slack = 2 * unit_roundoff<T>() * (static_cast<double>(d) + 16) * reach * reach;
      const bool goes_on = k.from > k.skip;
      const double after = goes_on ? k.squared[q * k.k + k.from - 1] : -1;
      const int32_t after_at = goes_on ? k.index[q * k.k + k.from - 1] : -1;
      double entry = found[c][lane];
      int32_t entry_at = found_at[c][lane];
      for (int64_t s = 0; s < here; ++s) {
        const int64_t j = (s0 + s) * 32 + lane;
        const T product = tile.at(c, s * 32 + lane), norm = p.norms[j];
        const auto square = static_cast<double>(norm * norm + (own * own - (product + product)));
        const double worst = __shfl_sync(kAll, entry, wanted - 1);
        const bool maybe = j < n && j != q && square <= worst * unit + slack && square >= after * unit - slack;
        const double exact = by_half_warps<double>(maybe, HUGE_VAL, [&](int l) {
          return half_warp_difference2(p.x.row(q), p.x.row(l < 0 ? 0 : (s0 + s) * 32 + l), l < 0 ? 0 : d);
        });
        unsigned left = __ballot_sync(kAll, maybe && before(after, after_at, exact, static_cast<int32_t>(j)));
        for (; left; left &= left - 1) {
          const int from = __ffs(static_cast<int>(left)) - 1;
          const double value = __shfl_sync(kAll, exact, from), up = __shfl_up_sync(kAll, entry, 1);
          const auto value_at = static_cast<int32_t>((s0 + s) * 32 + from), up_at = __shfl_up_sync(kAll, entry_at, 1);
          const bool behind = before(value, value_at, entry, entry_at);
          const unsigned all_behind = __ballot_sync(kAll, behind);
          const bool goes_here = lane == __ffs(static_cast<int>(all_behind)) - 1;
          entry = goes_here ? value : (behind ? up : entry);
          entry_at = goes_here ? value_at : (behind ? up_at : entry_at);
        }
      }
      found[c][lane] = entry;
      found_at[c][lane] = entry_at;
    }
  }
  for (int c = warp_id(); c < kQueries && q0 + c < n; c += kWarps)
    if (lane < wanted) {
      k.index[(q0 + c) * k.k + k.from + lane] = found_at[c][lane];
      k.squared[(q0 + c) * k.k + k.from + lane] = found[c][lane];
    }
}
template <class T> void run_near(Context& ctx, const NearOnDevice<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  near_rows<<<static_cast<unsigned>((k.points.x.rows + kQueries - 1) / kQueries), kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(NearOnDevice, run_near)

}  // namespace
}  // namespace parallax::cluster_detail::twins

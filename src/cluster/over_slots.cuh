// Products of all points with the packed columns of many slots (restarts): a block has 128 points and a group of slots.
#pragma once
#include "products.cuh"

namespace parallax::cluster_detail::twins {

// Products of the points of block x with the slots of group blockIdx.y, tile after tile:
// visit(m, first centre, centres, results from column c0, strip) for every slot and strip, by one warp, and after the
// last tile finish(m, strip).
template <class T, int BN, class Visit, class Finish>
__device__ __forceinline__ void over_slots(const DevicePoints<T>& p, int64_t slots, const Columns& columns,
                                           const T* packed, T* memory, Visit visit, Finish finish) {
  const Tile<T, BN> tile{memory};
  const int64_t d = p.x.cols, strip0 = static_cast<int64_t>(blockIdx.x) * kTileStrips;
  const int64_t strips = p.strip_count() - strip0 < kTileStrips ? p.strip_count() - strip0 : kTileStrips;
  const int64_t per = columns.per_tile(), tiles = columns.per_slot();
  const int64_t m0 = static_cast<int64_t>(blockIdx.y) * per, here = slots - m0 < per ? slots - m0 : per;
  for (int64_t t = 0; t < tiles; ++t) {
    tile.products(p.strips + strip0 * d * 32, strips, packed + (blockIdx.y * tiles + t) * d * BN, d);
    const int64_t left = columns.k - t * BN, centres = left < BN ? left : BN;
    // several tiles: one slot, so a warp meets the same points again and keeps what it knows in registers
    for (int64_t q = warp_id(); q < here * kTileStrips; q += kWarps) {
      const int64_t strip = q % kTileStrips, s = q / kTileStrips;
      if (strip >= strips) continue;
      visit(tile, m0 + s, t * BN, centres, static_cast<int>(s * columns.k), strip, t == 0);
      if (t + 1 == tiles) finish(m0 + s, strip);
    }
  }
}

template <class T, class K, class F16, class FWide>
void launch_over_slots(Context& ctx, const K& k, int64_t slots, F16 narrow, FWide wide) {
  CudaBackend& b = device_of(ctx);
  b.use();
  const dim3 grid(static_cast<unsigned>((k.points.x.rows + kTilePoints - 1) / kTilePoints),
                  static_cast<unsigned>(k.columns.groups(slots)));
  if (k.columns.width == 16)
    narrow<<<grid, kThreads, 0, b.stream()>>>(k);
  else
    wide<<<grid, kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
template <class T> constexpr int kWide = sizeof(T) == 4 ? 64 : 32;

}  // namespace parallax::cluster_detail::twins

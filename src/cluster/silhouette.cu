// Silhouette: sums of distances to every cluster, tile by tile in double. Points are sorted by cluster, so a query's
// sum for one cluster stays in shared memory until the next cluster begins.
#include "products.cuh"

namespace parallax::cluster_detail::twins {
namespace {

constexpr int kQueries = 32;

struct Running {
  double sum;
  int32_t cluster;
};

__global__ void __launch_bounds__(kThreads, 1) silhouettes(const SilhouetteOnDevice k) {
  using Distances = Tile<double, kQueries>;
  __shared__ __align__(16) double memory[Distances::kElements];
  __shared__ Running running[kQueries];
  const Distances tile{memory};
  const DevicePoints<double>& p = k.points;
  const int64_t n = p.x.rows, d = p.x.cols, strips = p.strip_count(), q0 = static_cast<int64_t>(blockIdx.x) * kQueries;
  const int lane = lane_id();
  for (int c = warp_id(); c < kQueries; c += kWarps)
    if (lane == 0) running[c] = {0, 0};
  for (int64_t s0 = 0; s0 < strips; s0 += kTileStrips) {
    const int64_t here = strips - s0 < kTileStrips ? strips - s0 : kTileStrips;
    tile.products(p.strips + s0 * d * 32, here, p.strips + q0 * d, d);
    for (int64_t at = warp_id(); at < kQueries * here; at += kWarps) {
      const int c = static_cast<int>(at % kQueries);  // a multiple of kWarps apart: always the same warp
      const int64_t q = q0 + c, s = at / kQueries, j = (s0 + s) * 32 + lane;
      if (q >= n) continue;
      const double own = p.norms[q], norm = p.norms[j], product = tile.at(c, s * 32 + lane);
      const double square = norm * norm + (own * own - (product + product));
      // what lies below a thousandth of the norms has lost digits: once more as a difference
      const bool lost = j < n && square <= 1e-3 * (own * own + norm * norm);
      double distance = by_half_warps<double>(lost, square > 0 ? sqrt(square) : 0.0, [&](int l) {
        const int64_t other = l < 0 ? 0 : (s0 + s) * 32 + l;
        return sqrt(half_warp_difference2(p.x.row(q), p.x.row(other), l < 0 ? 0 : d)) * p.scale;
      });
      if (j >= n) distance = 0;
      const int32_t cluster = j < n ? k.cluster[j] : -1;
      unsigned left = __ballot_sync(kAll, j < n);
      while (left) {
        const int32_t one = __shfl_sync(kAll, cluster, __ffs(static_cast<int>(left)) - 1);
        const double sum = warp_sum(cluster == one ? distance : 0.0);
        left &= ~__ballot_sync(kAll, cluster == one);
        if (lane != 0) continue;
        if (running[c].cluster != one) {
          k.sums[q * k.k + running[c].cluster] = running[c].sum;
          running[c] = {0, one};
        }
        running[c].sum += sum;
      }
    }
  }
  for (int c = warp_id(); c < kQueries && q0 + c < n; c += kWarps) {
    const int64_t q = q0 + c;
    double* sums = k.sums + q * k.k;
    if (lane == 0) sums[running[c].cluster] = running[c].sum;
    __syncwarp();
    const int32_t own = k.cluster[q];
    double least = HUGE_VAL;
    for (int64_t g = lane; g < k.k; g += 32)
      if (g != own) least = fmin(least, sums[g] / static_cast<double>(k.sizes[g]));
    for (int by = 16; by; by >>= 1) least = fmin(least, __shfl_xor_sync(kAll, least, by));
    if (lane != 0) continue;
    const double a = sums[own] / static_cast<double>(k.sizes[own] - 1), most = fmax(a, least);
    k.samples[q] = k.sizes[own] > 1 && most > 0 ? (least - a) / most : 0.0;
  }
}

void run_silhouettes(Context& ctx, const SilhouetteOnDevice& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  silhouettes<<<static_cast<unsigned>((k.points.x.rows + kQueries - 1) / kQueries), kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
const cuda::Twin twin_silhouettes{typeid(SilhouetteOnDevice), [](Context& ctx, const void* k) {
                                    run_silhouettes(ctx, *static_cast<const SilhouetteOnDevice*>(k));
                                  }};

}  // namespace
}  // namespace parallax::cluster_detail::twins

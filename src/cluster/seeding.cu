// Greedy k-means++ on the device, with the draws, the order of sums and so the rows of kmeans_seeding.cpp; no step
// waits for the host.
#include "../tensor/draw.h"
#include "over_slots.cuh"

namespace parallax::cluster_detail::twins {
namespace {

constexpr int kMostTrials = 24, kPotentials = 128;  // 2 + ln k is less than 24

// One block per slot. One thread adds up (and searches) for one candidate, strip after strip as the CPU does; the
// potentials come through shared memory.
template <class T> __global__ void __launch_bounds__(kThreads) pick(const SeedPick<T> k) {
  __shared__ double tile[kMostTrials][kPotentials + 1];
  __shared__ double sums[kMostTrials];
  const int64_t slot = blockIdx.x, strips = (k.n + kStripPoints - 1) / kStripPoints, own = threadIdx.x;
  const double* potentials = k.potentials + slot * k.most * strips;
  const auto stage = [&](int64_t s0, int64_t rows, const double* from) {
    const int64_t width = strips - s0 < kPotentials ? strips - s0 : kPotentials;
    __syncthreads();
    for (int64_t c = warp_id(); c < rows; c += kWarps)
      for (int64_t s = lane_id(); s < width; s += 32) tile[c][s] = from[c * strips + s0 + s];
    __syncthreads();
    return width;
  };
  int64_t best = 0;
  double total = 0;
  if (k.step > 0) {
    double sum = 0;
    for (int64_t s0 = 0; s0 < strips; s0 += kPotentials) {
      const int64_t width = stage(s0, k.last_trials, potentials);
      if (own < k.last_trials)
        for (int64_t s = 0; s < width; ++s) sum += tile[own][s];
    }
    if (own < k.last_trials) sums[own] = sum;
    __syncthreads();
    total = sums[0];
    for (int64_t c = 1; c < k.last_trials; ++c)
      if (sums[c] < total) {
        total = sums[c];
        best = c;
      }
    if (own == 0) {
      k.best[slot] = best;
      k.rows[slot * k.k + k.step - 1] = k.last_candidates[slot * k.last_trials + best];
      if (k.step < k.k && !(total > 0) && k.distinct[slot] == 0) k.distinct[slot] = k.step;
    }
  }
  if (k.step == k.k) return;
  __syncthreads();
  Draw<float> draw;
  draw.seed = k.seed;
  draw.tag = k.tag;
  const U4 word = draw.block(k.first + slot, k.step * k.most + own);
  const double u =
      static_cast<double>((static_cast<uint64_t>(word.v[0]) << 32 | word.v[1]) >> 11) * 1.1102230246251565e-16;
  if (!(total > 0)) {
    const auto row = static_cast<int64_t>(u * static_cast<double>(k.n));
    if (own < k.trials) k.candidates[slot * k.trials + own] = row < k.n ? row : k.n - 1;
    return;
  }
  // the strip at which the running sum passes the target, then the row; never one at distance zero
  const double target = u * total;
  double at = 0;
  int64_t last = -1;
  bool found = false;
  for (int64_t s0 = 0; s0 < strips; s0 += kPotentials) {
    const int64_t width = stage(s0, 1, potentials + best * strips);
    for (int64_t s = 0; s < width && own < k.trials && !found; ++s) {
      const double p = tile[0][s];
      if (p > 0) {
        last = s0 + s;
        found = at + p > target;
      }
      if (!found) at += p;
    }
  }
  if (own >= k.trials) return;
  const int64_t strip = last < 0 ? strips - 1 : last;
  const T* closest = k.distances + (slot * k.most + best) * strips * kStripPoints;
  int64_t chosen = -1;
  for (int64_t i = strip * kStripPoints; i < k.n && i < (strip + 1) * kStripPoints; ++i) {
    const auto p = static_cast<double>(closest[i]);
    if (p > 0) {
      chosen = i;
      at += p;
      if (at > target) break;
    }
  }
  k.candidates[slot * k.trials + own] = chosen;
}
template <class T> void run_pick(Context& ctx, const SeedPick<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  pick<<<static_cast<unsigned>(k.slots), kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(SeedPick, run_pick)

__device__ __forceinline__ float times(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ double times(double a, double b) { return __dmul_rn(a, b); }

template <class T, int BN> __global__ void __launch_bounds__(kThreads, 1) trials(const SeedTrials<T> k) {
  __shared__ __align__(16) T memory[Tile<T, BN>::kElements];
  const DevicePoints<T>& p = k.points;
  const int64_t n = p.x.rows, d = p.x.cols, strips = p.strip_count(), tried = k.columns.k;
  over_slots<T, BN>(
      p, k.slots, k.columns, k.packed, memory,
      [&](const Tile<T, BN>& tile, int64_t slot, int64_t, int64_t, int c0, int64_t strip, bool) {
        const int64_t s = blockIdx.x * kTileStrips + strip, i = s * 32 + lane_id();
        const T norm = p.norms[i];
        T closest = static_cast<T>(HUGE_VAL);
        if (k.closest && i < n) closest = k.closest[(slot * k.most + k.best[slot]) * strips * 32 + i];
        const T wide = static_cast<T>(8 * unit_roundoff<T>() * (static_cast<double>(d) + 8));
        for (int64_t c = 0; c < tried; ++c) {
          const int64_t candidate = k.candidates[slot * tried + c];
          const T other = p.norms[candidate], product = tile.at(c0 + static_cast<int>(c), strip * 32 + lane_id());
          const T sum = norm + other, approximate = times(norm, norm) + (times(other, other) - (product + product));
          T square = by_half_warps<T>(i < n && approximate <= wide * sum * sum, approximate, [&](int lane) {
            return static_cast<T>(
                half_warp_difference2(p.x.row(lane < 0 ? 0 : s * 32 + lane), p.x.row(candidate), lane < 0 ? 0 : d) *
                p.scale * p.scale);
          });
          square = square < closest ? square : closest;
          const int64_t out = slot * k.most + c;
          if (i < n) k.distances[out * strips * 32 + i] = square;
          double potential = i < n ? static_cast<double>(square) : 0.0;
          for (int by = 16; by; by >>= 1) potential += __shfl_down_sync(kAll, potential, by);
          if (lane_id() == 0) k.potentials[out * strips + s] = potential;
        }
      },
      [](int64_t, int64_t) {});
}
template <class T> void run_trials(Context& ctx, const SeedTrials<T>& k) {
  launch_over_slots<T>(ctx, k, k.slots, trials<T, 16>, trials<T, kWide<T>>);
}
PLX_CLUSTER_TWIN(SeedTrials, run_trials)

}  // namespace
}  // namespace parallax::cluster_detail::twins

// Neighbour counts of a batch over all views. A warp keeps the 32 nearest of each of its anchors in registers, one per
// lane, by (distance in single precision, index). What lies within rounding of the k-th is decided in double; if that
// may be more than the 32, a second pass over the tiles finds all of it.
#include "structure_kernels.h"
#include "tiles.cuh"

namespace parallax::tiles {
namespace {

constexpr unsigned kAll = 0xFFFFFFFFu;
constexpr uint64_t kNone = ~uint64_t{0};

// distances ordered as numbers, then indices
__device__ __forceinline__ uint64_t key_of(float d, int64_t j) {
  const uint32_t b = fn::as_bits(d);
  return static_cast<uint64_t>(b ^ (b >> 31 ? kAll : 0x80000000u)) << 32 | static_cast<uint32_t>(j);
}
__device__ __forceinline__ float distance_of(uint64_t key) {
  const auto b = static_cast<uint32_t>(key >> 32);
  return fn::as_float(b ^ (b >> 31 ? 0x80000000u : kAll));
}

// One entry per lane, ascending; what is pushed past the last lane is gone.
struct Exact {
  double e = 1e300;
  int64_t j = INT64_MAX;
  __device__ void insert(double d, int64_t at) {
    const int place = __popc(__ballot_sync(kAll, e < d || (e == d && j < at)));
    const double e_up = __shfl_up_sync(kAll, e, 1);
    const int64_t j_up = __shfl_up_sync(kAll, j, 1);
    if (lane() == place) e = d, j = at;
    if (lane() > place) e = e_up, j = j_up;
  }
};
__device__ __forceinline__ void insert(uint64_t& list, uint64_t key) {
  const int place = __popc(__ballot_sync(kAll, list < key));
  const uint64_t up = __shfl_up_sync(kAll, list, 1);
  if (lane() == place) list = key;
  if (lane() > place) list = up;
}

__device__ double norm(const NearestLists& k, int v, int64_t i) { return k.norms[v * k.n + i]; }
__device__ double exact_distance(const NearestLists& k, int v, int64_t i, int64_t j) {
  const float *a = k.x[v].row(i), *b = k.x[v].row(j);
  double s = 0;
  for (int64_t q = lane(); q < k.x[v].cols; q += 32) s += static_cast<double>(a[q]) * static_cast<double>(b[q]);
  return fn::max(unit_distance(warp_sum(s), norm(k, v, i), norm(k, v, j)), 0.0);
}
// views add to one table; integers, so the order does not matter
__device__ void count(const NearestLists& k, int64_t i, int64_t j) {
  const int64_t at = i * k.n + j;
  atomicAdd(reinterpret_cast<unsigned*>(k.counts + (at & ~int64_t{3})), 1u << (8 * (at & 3)));
}

__global__ void __launch_bounds__(kThreads, 1) squared_norms(const __grid_constant__ NearestLists k) {
  const int v = static_cast<int>(blockIdx.y);
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kWarps + warp();
  if (i >= k.n) return;
  const float* p = k.x[v].row(i);
  double s = 0;
  for (int64_t q = lane(); q < k.x[v].cols; q += 32) s += static_cast<double>(p[q]) * static_cast<double>(p[q]);
  s = warp_sum(s);
  if (lane() == 0) k.norms[v * k.n + i] = s;
}

struct Tile {
  Chunks chunks;
  float own_by[kOwn], other_by[kOther];    // 1 / length
  float own_one[kOwn], other_one[kOther];  // 1, or less for rows (almost) without length
};
__device__ void scales(const NearestLists& k, int v, int64_t i, float& by, float& one) {
  const double square = i < k.n ? norm(k, v, i) : 0, divisor = fn::max(square, 1e-24);
  by = static_cast<float>(1 / ::sqrt(divisor));
  one = static_cast<float>(square / divisor);
}

// visit(r, c, i, j, distance, inner product) for the tile's entries of this lane; outside of the matrix j = -1. Every
// lane of a warp makes every visit.
template <class F>
__device__ __forceinline__ void for_tiles(const NearestLists& k, Tile& sm, int v, int64_t first, F visit) {
  float acc[kRows][kCols];
  for (int64_t at = 0; at < k.n; at += kOther) {
    __syncthreads();  // the previous tile's readers of the scales
    if (threadIdx.x < kOther) scales(k, v, at + threadIdx.x, sm.other_by[threadIdx.x], sm.other_one[threadIdx.x]);
    inner_products<true>(sm.chunks, k.x[v], first, k.x[v], at, acc, false, sm.own_by, sm.other_by);
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < kCols; ++c) {
        const int row = warp() + kWarps * r, t = lane() + 32 * c;
        const int64_t i = first + row, j = at + t;
        const bool pair = i < k.n && j < k.n && i != j;
        visit(r, i, pair ? j : -1, sm.own_one[row] + sm.other_one[t] - 2 * acc[r][c], acc[r][c]);
      }
  }
}

__global__ void __launch_bounds__(kThreads, 1) nearest(const __grid_constant__ NearestLists k) {
  __shared__ Tile sm;
  const int v = static_cast<int>(blockIdx.y), l = lane(), left = static_cast<int>(k.k) - 1;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kOwn;
  if (threadIdx.x < kOwn) scales(k, v, first + threadIdx.x, sm.own_by[threadIdx.x], sm.own_one[threadIdx.x]);

  uint64_t list[kRows];
  for (uint64_t& key : list) key = kNone;
  for_tiles(k, sm, v, first, [&](int r, int64_t, int64_t j, float d, float) {
    uint64_t key = j < 0 ? kNone : key_of(d, j);
    for (;;) {
      const unsigned nearer = __ballot_sync(kAll, key < __shfl_sync(kAll, list[r], 31));
      if (nearer == 0) break;
      const int from = __ffs(static_cast<int>(nearer)) - 1;
      insert(list[r], __shfl_sync(kAll, key, from));
      if (l == from) key = kNone;
    }
  });

  const auto slack = 4 * 6e-8f * static_cast<float>(k.x[v].cols + 8);  // twice the bound of a distance's rounding
  float low[kRows], high[kRows];
  int open[kRows];  // places that a second pass fills
  bool again = false;
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const int64_t i = first + warp() + kWarps * r;
    open[r] = 0;
    if (i >= k.n) continue;
    if (l == 0) count(k, i, i);
    if (left == 0) continue;
    const float border = distance_of(__shfl_sync(kAll, list[r], left - 1)), d = distance_of(list[r]);
    low[r] = border - slack, high[r] = border + slack;
    const bool listed = list[r] != kNone, sure = listed && d < low[r], maybe = listed && d >= low[r] && d <= high[r];
    const int64_t j = static_cast<uint32_t>(list[r]);
    if (sure) count(k, i, j);
    const int need = left - __popc(__ballot_sync(kAll, sure));
    unsigned window = __ballot_sync(kAll, maybe);
    if (window >> 31) {  // there may be more
      open[r] = need;
      again = true;
    } else if (__popc(window) <= need) {
      if (maybe) count(k, i, j);
    } else {
      Exact best;
      for (; window; window &= window - 1) {
        const int64_t at = __shfl_sync(kAll, j, __ffs(static_cast<int>(window)) - 1);
        best.insert(exact_distance(k, v, i, at), at);
      }
      if (l < need) count(k, i, best.j);
    }
  }
  if (!__syncthreads_or(again)) return;

  Exact best[kRows];
  for_tiles(k, sm, v, first, [&](int r, int64_t i, int64_t j, float d, float dot) {
    if (open[r] == 0) return;
    // an inner product of exactly 0 (nothing in common) is exact
    for (unsigned window = __ballot_sync(kAll, j >= 0 && d >= low[r] && d <= high[r]); window; window &= window - 1) {
      const int from = __ffs(static_cast<int>(window)) - 1;
      const int64_t at = __shfl_sync(kAll, j, from);
      const bool apart = __shfl_sync(kAll, dot, from) == 0;
      best[r].insert(apart ? unit_distance(0, norm(k, v, i), norm(k, v, at)) : exact_distance(k, v, i, at), at);
    }
  });
#pragma unroll
  for (int r = 0; r < kRows; ++r)
    if (l < open[r] && best[r].j != INT64_MAX) count(k, first + warp() + kWarps * r, best[r].j);
}

const cuda::Twin twin{typeid(NearestLists), [](Context& ctx, const void* p) {
                        const auto& k = *static_cast<const NearestLists*>(p);
                        cuda::CudaBackend& b = cuda::device_of(ctx);
                        const auto views = static_cast<unsigned>(k.views);
                        b.use();
                        squared_norms<<<dim3(blocks(k.n, kWarps), views), kThreads, 0, b.stream()>>>(k);
                        PLX_LAUNCHED(b);
                        nearest<<<dim3(blocks(k.n, kOwn), views), kThreads, 0, b.stream()>>>(k);
                        PLX_LAUNCHED(b);
                      }};

}  // namespace
}  // namespace parallax::tiles

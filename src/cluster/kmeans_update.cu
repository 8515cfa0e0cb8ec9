// k-means between two assignments: sums that follow the labels, means, empty clusters, the end of a slot, inertia and
// single-row moves. Sums are in double and in a fixed order; a cluster's sum belongs to one warp.
#include "products.cuh"

namespace parallax::cluster_detail::twins {
namespace {

constexpr int kClusterTile = 128, kUpdateThreads = 512, kHalfWarps = kUpdateThreads / 16;

// One block per chunk of rows, 32 columns and kClusterTile clusters. Warp w owns the clusters w, w + 8, ...
template <class T>
__global__ void __launch_bounds__(kThreads, 1) move_chunks(const MoveSums<T> k, int64_t chunks, int64_t column_tiles) {
  extern __shared__ double sums[];  // [clusters of the tile][32]
  __shared__ int counts[kClusterTile];
  const int64_t n = k.x.rows, d = k.x.cols, kc = k.slots.k, m = blockIdx.y, slot = k.slots.list[m];
  if (!k.fresh && k.slots.progress[slot].state != kActive) return;
  const int64_t chunk = blockIdx.x % chunks, j = blockIdx.x / chunks % column_tiles * 32 + lane_id();
  const int64_t c0 = blockIdx.x / chunks / column_tiles * kClusterTile;
  const int clusters = static_cast<int>(kc - c0 < kClusterTile ? kc - c0 : kClusterTile);
  const int w = warp_id();
  for (int c = w; c < clusters; c += kWarps) {
    sums[c * 32 + lane_id()] = 0;
    if (lane_id() == 0) counts[c] = 0;
  }
  __syncwarp();
  // number within the tile where this warp owns cluster c, else -1
  const auto mine = [&](int32_t c) {
    const auto at = static_cast<int>(c - c0);
    return (c >= 0) & (static_cast<unsigned>(at) < static_cast<unsigned>(clusters)) & (at % kWarps == w) ? at : -1;
  };
  const int64_t end = (chunk + 1) * k.chunk < n ? (chunk + 1) * k.chunk : n;
  for (int64_t i0 = chunk * k.chunk; i0 < end; i0 += 32) {
    int to = -1, from = -1;
    if (i0 + lane_id() < end) {
      const int32_t now = k.slots.labels[slot * n + i0 + lane_id()];
      const int32_t last = k.fresh ? -1 : k.slots.before[slot * n + i0 + lane_id()];
      if (now != last) to = mine(now), from = mine(last);
    }
    unsigned left = __ballot_sync(kAll, to >= 0 || from >= 0);
    while (left) {
      constexpr int kAtOnce = 4;  // loads in flight
      double v[kAtOnce];
      int a[kAtOnce], b[kAtOnce];
#pragma unroll
      for (int r = 0; r < kAtOnce; ++r) {
        const int lane = __ffs(static_cast<int>(left)) - 1;  // -1: none left
        left &= left - 1;
        a[r] = __shfl_sync(kAll, to, lane & 31);
        b[r] = __shfl_sync(kAll, from, lane & 31);
        if (lane < 0) a[r] = b[r] = -1;
        v[r] = lane >= 0 && j < d ? static_cast<double>(k.x.row(i0 + lane)[j]) : 0.0;
      }
#pragma unroll
      for (int r = 0; r < kAtOnce; ++r) {
        if (a[r] >= 0) {
          sums[a[r] * 32 + lane_id()] += v[r];
          if (lane_id() == 0) ++counts[a[r]];
        }
        if (b[r] >= 0) {
          sums[b[r] * 32 + lane_id()] -= v[r];
          if (lane_id() == 0) --counts[b[r]];
        }
      }
    }
  }
  __syncwarp();
  for (int c = w; c < clusters; c += kWarps) {
    const int64_t out = (m * chunks + chunk) * kc + c0 + c;
    if (j < d) k.partial[out * d + j] = sums[c * 32 + lane_id()];
    if (j == 0) k.partial_counts[out] = counts[c];
  }
}

// One block per cluster: the chunks in their order.
template <class T> __global__ void __launch_bounds__(128) join_chunks(const MoveSums<T> k, int64_t chunks) {
  const int64_t d = k.x.cols, kc = k.slots.k, m = blockIdx.x / kc, c = blockIdx.x % kc, slot = k.slots.list[m];
  if (!k.fresh && k.slots.progress[slot].state != kActive) return;
  const int64_t at = slot * kc + c;
  int64_t count = k.fresh ? 0 : k.slots.counts[at];
  for (int64_t b = 0; b < chunks; ++b) count += k.partial_counts[(m * chunks + b) * kc + c];
  __syncthreads();
  if (threadIdx.x == 0) k.slots.counts[at] = count;
  for (int64_t j = threadIdx.x; j < d; j += 128) {
    double sum = k.fresh ? 0.0 : k.slots.sums[at * d + j];
    for (int64_t b = 0; b < chunks; ++b) sum += k.partial[((m * chunks + b) * kc + c) * d + j];
    k.slots.sums[at * d + j] = sum;
    k.slots.next[at * d + j] = count > 0 ? sum / static_cast<double>(count) : k.slots.centres[at * d + j];
  }
}
template <class T> void run_move(Context& ctx, const MoveSums<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  const int64_t chunks = (k.x.rows + k.chunk - 1) / k.chunk, column_tiles = (k.x.cols + 31) / 32;
  const int64_t cluster_tiles = (k.slots.k + kClusterTile - 1) / kClusterTile;
  const int64_t bytes = (k.slots.k < kClusterTile ? k.slots.k : kClusterTile) * 32 * int64_t(sizeof(double));
  const dim3 grid(static_cast<unsigned>(chunks * column_tiles * cluster_tiles), static_cast<unsigned>(k.slots.m));
  move_chunks<<<grid, kThreads, static_cast<size_t>(bytes), b.stream()>>>(k, chunks, column_tiles);
  PLX_LAUNCHED(b);
  join_chunks<<<static_cast<unsigned>(k.slots.m * k.slots.k), 128, 0, b.stream()>>>(k, chunks);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(MoveSums, run_move)

// The row farthest from its centre, if it is not on it, not taken yet and not the last of its cluster; ties: lowest
// index.
template <class T> __device__ int64_t farthest(const UpdateCentres<T>& k, int64_t slot, int64_t taken) {
  __shared__ double far[kHalfWarps];
  __shared__ int64_t row[kHalfWarps];
  const int64_t n = k.x.rows, d = k.x.cols, kc = k.slots.k, own = threadIdx.x / 16;
  const int32_t* labels = k.slots.labels + slot * n;
  const int64_t* list = k.taken + slot * kc;
  double top = 0;
  int64_t best = -1;
  for (int64_t i0 = 0; i0 < n; i0 += kHalfWarps) {
    const int64_t i = i0 + own;
    const int32_t label = i < n ? labels[i] : 0;
    const double s =
        half_warp_difference2(k.x.row(i < n ? i : 0), k.slots.centres + (slot * kc + label) * d, i < n ? d : 0);
    if (!(s > top)) continue;
    int64_t left = k.slots.counts[slot * kc + label];
    for (int64_t t = 0; t < taken; ++t) {
      if (list[t] == i) left = 0;
      if (labels[list[t]] == label) --left;
    }
    if (left <= 1) continue;
    top = s;
    best = i;
  }
  __syncthreads();
  if (threadIdx.x % 16 == 0) far[own] = top, row[own] = best;
  __syncthreads();
  best = -1;
  for (int h = 0; h < kHalfWarps; ++h)
    if (row[h] >= 0 && (best < 0 || far[h] > top || (far[h] == top && row[h] < best))) top = far[h], best = row[h];
  __syncthreads();
  return best;
}

template <class T> __device__ void fill_empty(const UpdateCentres<T>& k, int64_t slot) {
  const int64_t n = k.x.rows, d = k.x.cols, kc = k.slots.k;
  int64_t taken = 0;
  int64_t* list = k.taken + slot * kc;
  for (int64_t c = 0; c < kc; ++c) {
    if (k.slots.counts[slot * kc + c] != 0) continue;
    const int64_t row = farthest(k, slot, taken);
    if (row < 0) return;  // every row sits on a centre already
    if (threadIdx.x == 0) list[taken] = row;
    __syncthreads();
    ++taken;
    const int32_t from = k.slots.labels[slot * n + row];
    for (int64_t j = threadIdx.x; j < d; j += kUpdateThreads) {
      double sum = k.slots.sums[(slot * kc + from) * d + j];
      int64_t count = k.slots.counts[slot * kc + from];
      for (int64_t t = 0; t < taken; ++t)
        if (k.slots.labels[slot * n + list[t]] == from) {
          sum -= static_cast<double>(k.x.row(list[t])[j]);
          --count;
        }
      k.slots.next[(slot * kc + c) * d + j] = static_cast<double>(k.x.row(row)[j]);
      k.slots.next[(slot * kc + from) * d + j] = sum / static_cast<double>(count);
    }
  }
}

template <class T> __global__ void __launch_bounds__(kUpdateThreads) update(const UpdateCentres<T> k) {
  __shared__ double parts[kUpdateThreads / 32];
  const int64_t slot = k.slots.list[blockIdx.x], kc = k.slots.k, kd = kc * k.x.cols;
  DeviceProgress& p = k.slots.progress[slot];
  const int64_t state = p.state, iterations = p.iterations + 1;
  const bool moved = p.moved != 0;
  __syncthreads();
  if (threadIdx.x == 0) p.moved = 0;
  if (state != kActive || !moved) {
    if (threadIdx.x == 0) {
      if (state == kActive) p.settled = 1, p.iterations = iterations;
      p.state = kDone;
    }
    return;
  }
  bool empty = false;
  for (int64_t c = threadIdx.x; c < kc; c += kUpdateThreads) empty |= k.slots.counts[slot * kc + c] == 0;
  if (__syncthreads_or(empty)) fill_empty(k, slot);
  __syncthreads();
  double shift = 0, *centres = k.slots.centres + slot * kd;
  for (int64_t e = threadIdx.x; e < kd; e += kUpdateThreads) {
    const double now = k.slots.next[slot * kd + e], t = now - centres[e];
    shift += t * t;
    centres[e] = now;
  }
  shift = warp_sum(shift);
  if (lane_id() == 0) parts[warp_id()] = shift;
  __syncthreads();
  if (threadIdx.x != 0) return;
  shift = 0;
  for (const double s : parts) shift += s;
  p.iterations = iterations;
  if (shift <= k.limit || iterations >= k.max_iter) p.state = kLastPass;
}
template <class T> void run_update(Context& ctx, const UpdateCentres<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  update<<<static_cast<unsigned>(k.slots.m), kUpdateThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(UpdateCentres, run_update)

template <class T> __global__ void __launch_bounds__(kThreads) inertia(const DeviceInertia<T> k) {
  __shared__ double parts[kThreads / 16];
  const int64_t n = k.x.rows, d = k.x.cols, slot = k.slots.list[blockIdx.y], own = threadIdx.x / 16;
  const double* centres = k.slots.centres + slot * k.slots.k * d;
  double sum = 0;
  for (int64_t r = own; r < kInertiaRows; r += kThreads / 16) {
    const int64_t i = blockIdx.x * kInertiaRows + r;
    const int32_t label = i < n ? k.slots.labels[slot * n + i] : 0;
    const double s = half_warp_difference2(k.x.row(i < n ? i : 0), centres + label * d, i < n ? d : 0);
    sum += s;
    if (k.squared && i < n && threadIdx.x % 16 == 0) k.squared[i] = s;
  }
  if (threadIdx.x % 16 == 0) parts[own] = sum;
  __syncthreads();
  if (threadIdx.x != 0 || !k.out) return;
  sum = 0;
  for (const double s : parts) sum += s;
  k.out[static_cast<int64_t>(blockIdx.y) * gridDim.x + blockIdx.x] = sum;
}
template <class T> void run_inertia(Context& ctx, const DeviceInertia<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  const dim3 grid(static_cast<unsigned>((k.x.rows + kInertiaRows - 1) / kInertiaRows),
                  static_cast<unsigned>(k.slots.m));
  inertia<<<grid, kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(DeviceInertia, run_inertia)

}  // namespace
}  // namespace parallax::cluster_detail::twins

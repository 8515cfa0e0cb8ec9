// Passes of k-means over products of points and centres: assignment fused with the argmin, and the flags of rows that a
// single-row move may help. A warp takes a strip of 32 points and one slot of the tile; near ties are decided at once
// by its two halves, with differences in double.
#include "over_slots.cuh"

namespace parallax::cluster_detail::twins {
namespace {

// 32 columns of a tile a block; rows come through shared memory, since they are read along and written across.
template <class T> __global__ void __launch_bounds__(kThreads) pack_columns(const PackColumns<T> k) {
  __shared__ double tile[32][33];
  const int64_t d = k.points.x.cols, width = k.columns.width, W = width < 32 ? width : 32;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * W, t = column / width, in_tile = column % width;
  const int64_t group = t / k.columns.per_slot(), kc = k.columns.k;
  // column -> (slot in the list, centre); past the end: false
  const auto find = [&](int64_t c, int64_t& m, int64_t& centre) {
    if (kc <= width) {
      m = group * k.columns.per_tile() + (in_tile + c) / kc;
      centre = (in_tile + c) % kc;
      return (in_tile + c) / kc < k.columns.per_tile() && m < k.slots.m;
    }
    m = group;
    centre = t % k.columns.per_slot() * width + in_tile + c;
    return centre < kc;
  };
  double square = 0;
  for (int64_t j0 = 0; j0 < d; j0 += 32) {
    __syncthreads();
    for (int64_t c = warp_id(); c < W; c += kWarps) {
      const int64_t j = j0 + lane_id();
      int64_t m, centre;
      double v = 0;
      if (find(c, m, centre) && j < d) {
        const double raw = k.candidates ? static_cast<double>(k.points.x.row(k.candidates[m * kc + centre])[j])
                                        : k.slots.centres[(k.slots.list[m] * kc + centre) * d + j];
        v = __dmul_rn(__dsub_rn(raw, k.points.mean[j]), k.points.scale);
      }
      tile[c][lane_id()] = v;
    }
    __syncthreads();
    for (int64_t e = threadIdx.x; e < W * 32 && j0 + e / W < d; e += kThreads)
      k.out[(t * d + j0 + e / W) * width + in_tile + e % W] = static_cast<T>(tile[e % W][e / W]);
    if (!k.candidates && static_cast<int64_t>(threadIdx.x) < W)
      for (int j = 0; j < 32; ++j) square = __dadd_rn(square, __dmul_rn(tile[threadIdx.x][j], tile[threadIdx.x][j]));
  }
  int64_t m, centre;
  if (k.candidates || static_cast<int64_t>(threadIdx.x) >= W || !find(threadIdx.x, m, centre)) return;
  const int64_t slot = k.slots.list[m];
  k.slots.half[slot * kc + centre] = static_cast<T>(0.5 * square);
  // squares are not negative: they order like their bits
  atomicMax(reinterpret_cast<unsigned long long*>(k.slots.longest + slot),
            static_cast<unsigned long long>(__double_as_longlong(square)));
}
template <class T> __global__ void no_longest(const DeviceSlots<T> s) {
  const int64_t m = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (m < s.m) s.longest[s.list[m]] = 0;
}
template <class T> void run_pack(Context& ctx, const PackColumns<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  if (!k.candidates) {
    no_longest<<<static_cast<unsigned>((k.slots.m + 127) / 128), 128, 0, b.stream()>>>(k.slots);
    PLX_LAUNCHED(b);
  }
  const int64_t W = k.columns.width < 32 ? k.columns.width : 32;
  const int64_t blocks = k.columns.tiles(k.slots.m) * k.columns.width / W;
  pack_columns<<<static_cast<unsigned>(blocks), kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(PackColumns, run_pack)

template <class T, int BN> __global__ void __launch_bounds__(kThreads, 1) nearest(const NearestOnDevice<T> k) {
  __shared__ __align__(16) T memory[Tile<T, BN>::kElements];
  const int64_t n = k.points.x.rows, d = k.points.x.cols, kc = k.slots.k;
  T best = 0, second = 0;
  int32_t index = 0;
  over_slots<T, BN>(
      k.points, k.slots.m, k.columns, k.packed, memory,
      [&](const Tile<T, BN>& tile, int64_t m, int64_t first, int64_t centres, int c0, int64_t strip, bool fresh) {
        if (fresh) best = second = static_cast<T>(HUGE_VAL), index = 0;
        const T* half = k.slots.half + k.slots.list[m] * kc + first;
        for (int c = 0; c < centres; ++c) {
          const T s = half[c] - tile.at(c0 + c, strip * 32 + lane_id());
          if (s < best) {
            second = best;
            best = s;
            index = static_cast<int32_t>(first + c);
          } else if (s < second) {
            second = s;
          }
        }
      },
      [&](int64_t m, int64_t strip) {
        const int64_t slot = k.slots.list[m], i0 = (blockIdx.x * kTileStrips + strip) * 32, i = i0 + lane_id();
        // the bound of kmeans_kernels.cpp
        const double u = unit_roundoff<T>();
        const auto c_max =
            static_cast<double>(static_cast<T>(sqrt(k.slots.longest[slot]) * (1 + 8 * unit_roundoff<T>())));
        const auto slope = static_cast<T>(2.01 * u * (static_cast<double>(d) + 6) * c_max);
        const auto offset = static_cast<T>(4.01 * u * c_max * c_max);
        const bool near = i < n && second - best <= slope * k.points.norms[i] + offset;
        const int32_t now = by_half_warps<int32_t>(near, index, [&](int lane) {
          double least;
          return half_warp_nearest(k.points.x.row(lane < 0 ? 0 : i0 + lane), k.slots.centres + slot * kc * d, kc,
                                   lane < 0 ? 0 : d, &least);
        });
        bool moved = false;
        if (i < n) {
          const int32_t old = k.fresh ? -1 : k.slots.labels[slot * n + i];
          k.slots.before[slot * n + i] = old;
          k.slots.labels[slot * n + i] = now;
          moved = old != now;
        }
        const int count = __popc(__ballot_sync(kAll, moved));
        if (lane_id() == 0 && count) atomicAdd(&k.slots.progress[slot].moved, static_cast<unsigned long long>(count));
      });
}

template <class T, int BN> __global__ void __launch_bounds__(kThreads, 1) flag_rows(const FlagOnDevice<T> k) {
  __shared__ __align__(16) T memory[Tile<T, BN>::kElements];
  const int64_t n = k.points.x.rows, d = k.points.x.cols, kc = k.slots.k;
  T own = 0, other = 0;
  over_slots<T, BN>(
      k.points, k.slots.m, k.columns, k.packed, memory,
      [&](const Tile<T, BN>& tile, int64_t m, int64_t first, int64_t centres, int c0, int64_t strip, bool fresh) {
        const int64_t slot = k.slots.list[m], i = (blockIdx.x * kTileStrips + strip) * 32 + lane_id();
        if (fresh) own = 0, other = static_cast<T>(HUGE_VAL);
        const int32_t label = i < n ? k.slots.labels[slot * n + i] : 0;
        const T square = k.points.norms[i] * k.points.norms[i];
        for (int c = 0; c < centres; ++c) {
          const T t = k.slots.half[slot * kc + first + c] - tile.at(c0 + c, strip * 32 + lane_id());
          const auto count = static_cast<double>(k.slots.counts[slot * kc + first + c]);
          const T distance = square + (t + t), weighted = static_cast<T>(count / (count + 1)) * distance;
          if (first + c == label)
            own = distance;
          else
            other = weighted < other ? weighted : other;
        }
      },
      [&](int64_t m, int64_t strip) {
        const int64_t slot = k.slots.list[m], i = (blockIdx.x * kTileStrips + strip) * 32 + lane_id();
        if (i >= n) return;
        const auto size = static_cast<double>(k.slots.counts[slot * kc + k.slots.labels[slot * n + i]]);
        const double reach =
            static_cast<double>(k.points.norms[i]) +
            static_cast<double>(static_cast<T>(sqrt(k.slots.longest[slot]) * (1 + 8 * unit_roundoff<T>())));
        const double bound = 4 * unit_roundoff<T>() * (static_cast<double>(d) + 16) * reach * reach;
        k.flags[slot * n + i] =
            size > 1 && static_cast<double>(other) < size / (size - 1) * static_cast<double>(own) + bound;
      });
}

template <class T> void run_nearest(Context& ctx, const NearestOnDevice<T>& k) {
  launch_over_slots<T>(ctx, k, k.slots.m, nearest<T, 16>, nearest<T, kWide<T>>);
}
template <class T> void run_flags(Context& ctx, const FlagOnDevice<T>& k) {
  launch_over_slots<T>(ctx, k, k.slots.m, flag_rows<T, 16>, flag_rows<T, kWide<T>>);
}
PLX_CLUSTER_TWIN(NearestOnDevice, run_nearest)
PLX_CLUSTER_TWIN(FlagOnDevice, run_flags)

// Half a warp a row.
template <class T> __global__ void __launch_bounds__(kThreads) assign_rows(const AssignOnDevice<T> k) {
  const int64_t n = k.x.rows, d = k.x.cols;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * (kThreads / 16) + threadIdx.x / 16;
  double least;
  const int32_t best = half_warp_nearest(k.x.row(i < n ? i : 0), k.centres, k.k, i < n ? d : 0, &least);
  if (i >= n || (threadIdx.x & 15) != 0) return;
  k.labels[i] = best;
  k.squared[i] = least;
}
template <class T> void run_assign(Context& ctx, const AssignOnDevice<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  const int64_t rows = kThreads / 16;
  assign_rows<<<static_cast<unsigned>((k.x.rows + rows - 1) / rows), kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(AssignOnDevice, run_assign)

}  // namespace
}  // namespace parallax::cluster_detail::twins

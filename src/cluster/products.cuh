// Products of 128 points with a tile of packed columns, left in shared memory for whatever follows (argmin, minimum,
// distances); and differences in double with the bits of the CPU. Every product is one chain of fused multiply-adds
// over the columns of the data, as on the CPU. Blocks have 256 threads.
#pragma once
#include "../tensor/team_cuda.cuh"
#include "device_kernels.h"

namespace parallax::cluster_detail::twins {

using cuda::CudaBackend;
using cuda::device_of;

inline constexpr int kThreads = 256, kWarps = kThreads / 32;
inline constexpr int64_t kTilePoints = 128, kTileStrips = kTilePoints / kStripPoints;
inline constexpr unsigned kAll = 0xFFFFFFFFu;

__device__ __forceinline__ int lane_id() { return static_cast<int>(threadIdx.x & 31); }
__device__ __forceinline__ int warp_id() { return static_cast<int>(threadIdx.x / 32); }

__device__ __forceinline__ float element(const float4& v, int i) {
  return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}
__device__ __forceinline__ double element(const double2& v, int i) { return i == 0 ? v.x : v.y; }
__device__ __forceinline__ float4 vector(const float* v) { return make_float4(v[0], v[1], v[2], v[3]); }
__device__ __forceinline__ double2 vector(const double* v) { return make_double2(v[0], v[1]); }

// Thread (tx, ty) owns the columns tx + 16 n and, in vectors of 16 bytes, points of its own: no bank conflicts in
// either direction.
template <class T, int BN> struct Tile {
  static constexpr int V = 16 / sizeof(T), G = 8 / V, TN = BN / 16, BK = 16;
  static constexpr int LD = kTilePoints + V;  // of the results
  static constexpr int kX = BK * kTilePoints, kC = BK * BN, kS = BN * LD;
  static constexpr int kElements = kX + kC > kS ? kX + kC : kS;
  // a vector type of CUDA's own: structs of arrays are taken apart into single loads and stores
  using Vec = std::conditional_t<sizeof(T) == 4, float4, double2>;
  T* memory;  // [kElements] shared
  __device__ __forceinline__ T at(int column, int64_t point) const { return memory[column * LD + point]; }

  static constexpr int kXVecs = kX / V / kThreads, kCVecs = kC / V;
  struct Stage {
    Vec x[kXVecs], c;
  };
  __device__ __forceinline__ static void load(Stage& s, const T* strips, int64_t n_strips, const T* columns, int64_t d,
                                              int64_t j0) {
#pragma unroll
    for (int i = 0; i < kXVecs; ++i) {
      const int at = static_cast<int>(threadIdx.x) + i * kThreads, strip = at / (BK * 32 / V),
                e = at % (BK * 32 / V) * V;
      s.x[i] = Vec{};
      if (strip < n_strips && j0 + e / 32 < d)
        s.x[i] = *reinterpret_cast<const Vec*>(strips + strip * d * 32 + j0 * 32 + e);
    }
    const int e = static_cast<int>(threadIdx.x) * V;
    s.c = Vec{};
    if (e < kC && j0 + e / BN < d) s.c = *reinterpret_cast<const Vec*>(columns + j0 * BN + e);
  }
  __device__ __forceinline__ void store(const Stage& s) const {
    Vec* to = reinterpret_cast<Vec*>(memory);  // counted in vectors, or the compiler stores single elements
    constexpr int kRow = 32 / V;               // vectors of one column of a strip
#pragma unroll
    for (int i = 0; i < kXVecs; ++i) {
      const int at = static_cast<int>(threadIdx.x) + i * kThreads, strip = at / (BK * kRow), e = at % (BK * kRow);
      to[e / kRow * (kTilePoints / V) + strip * kRow + e % kRow] = s.x[i];
    }
    if (static_cast<int>(threadIdx.x) < kCVecs) to[kX / V + threadIdx.x] = s.c;
  }
  // strips: of the first point; all threads of the block take part
  __device__ __forceinline__ void products(const T* strips, int64_t n_strips, const T* columns, int64_t d) const {
    const int tx = static_cast<int>(threadIdx.x) % 16, ty = static_cast<int>(threadIdx.x) / 16;
    T acc[TN][8] = {};
    Stage next;
    load(next, strips, n_strips, columns, d, 0);
    for (int64_t j0 = 0; j0 < d; j0 += BK) {
      __syncthreads();  // the memory is still read: last results or the last stage
      store(next);
      __syncthreads();
      if (j0 + BK < d) load(next, strips, n_strips, columns, d, j0 + BK);
#pragma unroll(sizeof(T) == 4 ? 4 : 2)
      for (int kk = 0; kk < BK; ++kk) {
        Vec x[G];
        T c[TN];
#pragma unroll
        for (int g = 0; g < G; ++g)
          x[g] = *reinterpret_cast<const Vec*>(memory + kk * kTilePoints + g * 16 * V + ty * V);
#pragma unroll
        for (int n = 0; n < TN; ++n) c[n] = memory[kX + kk * BN + tx + 16 * n];
#pragma unroll
        for (int n = 0; n < TN; ++n)
#pragma unroll
          for (int p = 0; p < 8; ++p) acc[n][p] = fma(c[n], element(x[p / V], p % V), acc[n][p]);
      }
    }
    __syncthreads();
#pragma unroll
    for (int n = 0; n < TN; ++n)
#pragma unroll
      for (int g = 0; g < G; ++g) {
        *reinterpret_cast<Vec*>(memory + (tx + 16 * n) * LD + g * 16 * V + ty * V) = vector(acc[n] + g * V);
      }
    __syncthreads();
  }
};

// |x - y|^2 by half a warp, the bits of the CPU's difference2: 16 partial sums and a tree, nothing fused. Both halves
// of the warp call together; one without work passes d = 0.
template <class T, class U> __device__ __forceinline__ double half_warp_difference2(const T* x, const U* y, int64_t d) {
  double s = 0;
  for (int64_t j = threadIdx.x & 15; j < d; j += 16) {
    const double t = __dsub_rn(static_cast<double>(x[j]), static_cast<double>(y[j]));
    s = __dadd_rn(s, __dmul_rn(t, t));
  }
  for (int half = 8; half; half >>= 1) s = __dadd_rn(s, __shfl_down_sync(kAll, s, half, 16));
  return __shfl_sync(kAll, s, 0, 16);
}
// The centre nearest to x, by half a warp: lowest index among equals.
template <class T>
__device__ __forceinline__ int32_t half_warp_nearest(const T* x, const double* centres, int64_t k, int64_t d,
                                                     double* least) {
  int32_t best = 0;
  *least = half_warp_difference2(x, centres, d);
  for (int64_t c = 1; c < k; ++c) {
    const double s = half_warp_difference2(x, centres + c * d, d);
    if (s < *least) {
      *least = s;
      best = static_cast<int32_t>(c);
    }
  }
  return best;
}
// Every lane with `flag` has f(its number) done by half a warp, two lanes at a time, and gets the result. f receives -1
// where a half has nothing to do.
template <class R, class F> __device__ __forceinline__ R by_half_warps(bool flag, R otherwise, F f) {
  unsigned left = __ballot_sync(kAll, flag);
  R result = otherwise;
  while (left) {
    const int first = __ffs(static_cast<int>(left)) - 1;
    left &= left - 1;
    const int second = __ffs(static_cast<int>(left)) - 1;  // -1: none
    left &= left - 1;
    const R mine = f(lane_id() < 16 ? first : second);
    const R a = __shfl_sync(kAll, mine, 0), b = __shfl_sync(kAll, mine, 16);
    if (lane_id() == first) result = a;
    if (lane_id() == second) result = b;
  }
  return result;
}

using parallax::PLX_ISA::warp_sum;

#define PLX_CLUSTER_TWIN(K, F) \
  PLX_TWIN_OF(K, float, F)     \
  PLX_TWIN_OF(K, double, F)

}  // namespace parallax::cluster_detail::twins

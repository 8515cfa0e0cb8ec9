// The GPU's teams and launch shapes; what team.h is for the CPU. A row is worked on by a warp, or by a block where rows
// are few and wide; a column by a thread of every warp of a block, each with its share of the rows. Sums run in a fixed
// order per lane and a fixed tree: the same bits in every run on one kind of card. `each` gives index j to the same
// lane in every call, so a lane may read what it wrote.
#pragma once
#include "cuda.cuh"
#include "launch.h"

namespace parallax::PLX_ISA {

template <class T> __device__ __forceinline__ T warp_sum(T s) {
  for (int by = 16; by; by >>= 1) s += __shfl_xor_sync(0xFFFFFFFFu, s, by);
  return s;
}
template <class T> __device__ __forceinline__ T warp_max(T s) {
  for (int by = 16; by; by >>= 1) {
    const T x = __shfl_xor_sync(0xFFFFFFFFu, s, by);
    s = x > s ? x : s;
  }
  return s;
}

struct Warp {
  static constexpr bool serial = false;
  __device__ __forceinline__ static int lane() { return static_cast<int>(threadIdx.x & 31); }
  // As many turns for every lane: with turns of its own per lane, unrolled code has lanes at different places, and what
  // would be one access of the warp becomes several.
  template <class F> __device__ __forceinline__ static void steps(int64_t from, int64_t n, F f) {
#pragma unroll 4
    for (int64_t at = from; at < n; at += 32)
      if (at + lane() < n) f(at + lane());
  }
  template <class F> __device__ __forceinline__ void each(int64_t n, F f) const { steps(0, n, f); }
  template <class T, class F> __device__ __forceinline__ T sum(int64_t n, F f) const {
    T s = 0;
    steps(0, n, [&](int64_t j) { s += f(j); });
    return warp_sum(s);
  }
  template <class T, class F> __device__ __forceinline__ T max(int64_t n, F f) const {
    T top = f(lane() < n ? lane() : 0);
    steps(32, n, [&](int64_t j) {
      const T x = f(j);
      top = x > top ? x : top;
    });
    return warp_max(top);
  }
  __device__ __forceinline__ bool leader() const { return lane() == 0; }
  __device__ __forceinline__ void sync() const { __syncwarp(); }
};

inline constexpr int kBlock = 256;
struct Block {
  static constexpr bool serial = false;
  template <class F> __device__ __forceinline__ static void steps(int64_t from, int64_t n, F f) {  // see Warp
#pragma unroll 4
    for (int64_t at = from; at < n; at += kBlock)
      if (at + threadIdx.x < n) f(at + threadIdx.x);
  }
  template <class F> __device__ __forceinline__ void each(int64_t n, F f) const { steps(0, n, f); }
  // one value per warp through shared memory, then the same tree in every warp
  template <class T, class Fold> __device__ __forceinline__ static T across(T s, Fold fold) {
    __shared__ double parts[kBlock / 32];
    __syncthreads();
    if ((threadIdx.x & 31) == 0) memcpy(&parts[threadIdx.x / 32], &s, sizeof s);
    __syncthreads();
    T x;
    memcpy(&x, &parts[threadIdx.x % (kBlock / 32)], sizeof x);
    return fold(x);
  }
  template <class T, class F> __device__ __forceinline__ T sum(int64_t n, F f) const {
    T s = 0;
    steps(0, n, [&](int64_t j) { s += f(j); });
    return across(warp_sum(s), [](T x) {
      for (int by = kBlock / 64; by; by >>= 1) x += __shfl_xor_sync(0xFFFFFFFFu, x, by);
      return x;
    });
  }
  template <class T, class F> __device__ __forceinline__ T max(int64_t n, F f) const {
    const int64_t own = threadIdx.x;
    T top = f(own < n ? own : 0);
    steps(kBlock, n, [&](int64_t j) {
      const T x = f(j);
      top = x > top ? x : top;
    });
    return across(warp_max(top), [](T x) { return warp_max(x); });
  }
  __device__ __forceinline__ bool leader() const { return threadIdx.x == 0; }
  __device__ __forceinline__ void sync() const { __syncthreads(); }
};

inline constexpr int kSlices = 16;  // of the rows of a column
struct Column {
  static constexpr bool serial = true;
  static constexpr int64_t kColumns = 1;
  __device__ __forceinline__ static int slice() { return static_cast<int>(threadIdx.x / 32); }
  template <class F> __device__ __forceinline__ void each(int64_t n, F f) const {
    for (int64_t j = 0; j < n; ++j) f(j);
  }
  template <class F> __device__ __forceinline__ void rows(int64_t first, int64_t n, F f) const {
    for (int64_t i = slice(); i < n; i += kSlices) f(first + i);  // the same turns for a whole warp
  }
  template <class T, size_t N, class F>
  __device__ __forceinline__ void down(int64_t first, int64_t n, T (&sum)[N], F f) const {
    T part[N] = {};
    rows(first, n, [&](int64_t i) { f(i, part); });
    for (size_t j = 0; j < N; ++j) sum[j] += across(part[j], [](T a, T b) { return a + b; });
  }
  template <class T, size_t N, class F>
  __device__ __forceinline__ void down_max(int64_t first, int64_t n, T (&top)[N], F f) const {
    rows(first, n, [&](int64_t i) { f(i, top); });
    for (size_t j = 0; j < N; ++j) top[j] = across(top[j], [](T a, T b) { return a > b ? a : b; });
  }
  // Halves the slices until one is left: one order of the sum. All threads of the block.
  template <class T, class Fold> __device__ __forceinline__ static T across(T x, Fold fold) {
    __shared__ double memory[kSlices * 32];
    T* parts = reinterpret_cast<T*>(memory);
    __syncthreads();
    parts[threadIdx.x] = x;
    for (int half = kSlices / 2; half; half /= 2) {
      __syncthreads();
      if (slice() < half) parts[threadIdx.x] = fold(parts[threadIdx.x], parts[threadIdx.x + half * 32]);
    }
    __syncthreads();
    return parts[threadIdx.x & 31];
  }
  __device__ __forceinline__ bool leader() const { return slice() == 0; }
  __device__ __forceinline__ void sync() const {}
};

template <class K> __global__ void __launch_bounds__(kBlock, 1) warp_rows(const K k, int64_t rows) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * (kBlock / 32);
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * (kBlock / 32) + threadIdx.x / 32; i < rows; i += stride) {
    k(Warp{}, i);
    __syncwarp();
  }
}
template <class K> __global__ void __launch_bounds__(kBlock, 1) block_rows(const K k, int64_t rows) {
  for (int64_t i = blockIdx.x; i < rows; i += gridDim.x) {
    k(Block{}, i);
    __syncthreads();
  }
}
// 32 columns of problem y per block; a thread beyond the last column has none, but meets the others at barriers
template <class K> __global__ void __launch_bounds__(32 * kSlices, 1) block_columns(const K k, int64_t width) {
  const int64_t c = static_cast<int64_t>(blockIdx.x) * 32 + (threadIdx.x & 31);
  k(Column{}, static_cast<int64_t>(blockIdx.y), c < width ? c : int64_t{0}, c < width ? int64_t{1} : int64_t{0});
}

inline int grid(int64_t blocks, const cuda::CudaBackend& b) {
  const int64_t most = static_cast<int64_t>(b.processors()) * 64;
  return static_cast<int>(blocks < most ? blocks : most);
}

template <class K> void rows_shape(Context& ctx, const K& k) {
  cuda::CudaBackend& b = cuda::device_of(ctx);
  const int64_t n = k.rows();
  if (n == 0) return;
  b.use();
  if (k.width() >= 1024 && n < 1024)
    block_rows<<<grid(n, b), kBlock, 0, b.stream()>>>(k, n);
  else
    warp_rows<<<grid((n + kBlock / 32 - 1) / (kBlock / 32), b), kBlock, 0, b.stream()>>>(k, n);
  PLX_LAUNCHED(b);
}

template <class K> void columns_shape(Context& ctx, const K& k) {
  cuda::CudaBackend& b = cuda::device_of(ctx);
  if (k.width() == 0 || k.problems() == 0) return;
  b.use();
  const dim3 blocks(static_cast<unsigned>((k.width() + 31) / 32), static_cast<unsigned>(k.problems()));
  block_columns<<<blocks, 32 * kSlices, 0, b.stream()>>>(k, k.width());
  PLX_LAUNCHED(b);
}

}  // namespace parallax::PLX_ISA

#define PLX_TWINS(K, SHAPE)     \
  namespace parallax::PLX_ISA { \
  PLX_TWIN_OF(K, float, SHAPE)  \
  PLX_TWIN_OF(K, double, SHAPE) \
  }
#define PLX_ROWS(K) PLX_TWINS(K, rows_shape)
#define PLX_COLUMNS(K) PLX_TWINS(K, columns_shape)

// Deep divergence-based clustering without its matrices over pairs of samples: distances are made again, tile by tile,
// to count their digits, to weigh assignments by the kernel, and to weigh hidden rows by its gradient.
#include <cub/block/block_scan.cuh>

#include "ddc_kernels.h"
#include "tiles.cuh"

namespace parallax::tiles {
namespace {

using Scan = cub::BlockScan<int32_t, kThreads>;
constexpr int kDigits = 3;
template <int digit> constexpr int kBins = 1 << kDigitBits[digit];
template <int digit> constexpr int kFirstBin = kFirstBin<digit - 1> + kBins<digit - 1>;
template <> constexpr int kFirstBin<0> = 0;
template <int digit> constexpr int kShift = kShift<digit + 1> + kDigitBits[digit + 1];
template <> constexpr int kShift<kDigits - 1> = 0;
static_assert(kFirstBin<kDigits - 1> + kBins<kDigits - 1> == kDistanceCounts && kShift<0> + kDigitBits[0] == 31);

// What is known of the median after some digits: their bits, and its rank among the entries that share them.
struct Prefix {
  uint32_t bits;
  int32_t rank;
};
struct Search {
  typename Scan::TempStorage scan;
  Prefix found;
};

// Takes `digit` into p, whose place its counts tell. All threads of the block.
template <int digit> __device__ void next_digit(Search& sm, const int32_t* counts, Prefix& p) {
  constexpr int kEach = kBins<digit> / kThreads;
  int32_t count[kEach], before[kEach];
  const int own = static_cast<int>(threadIdx.x) * kEach;
#pragma unroll
  for (int e = 0; e < kEach; ++e) count[e] = counts[kFirstBin<digit> + own + e];
  __syncthreads();
  Scan(sm.scan).ExclusiveSum(count, before);
#pragma unroll
  for (int e = 0; e < kEach; ++e)
    if (before[e] <= p.rank && p.rank - before[e] < count[e])
      sm.found = {p.bits | static_cast<uint32_t>(own + e) << kShift<digit>, p.rank - before[e]};
  __syncthreads();
  p = sm.found;
}
template <int known> __device__ Prefix prefix_of(Search& sm, const int32_t* counts, int64_t n) {
  Prefix p{0, static_cast<int32_t>((n * n - 1) / 2)};  // the lower median of all entries
  if constexpr (known > 0) next_digit<0>(sm, counts, p);
  if constexpr (known > 1) next_digit<1>(sm, counts, p);
  if constexpr (known > 2) next_digit<2>(sm, counts, p);
  return p;
}

// acc = squared distances of 32 rows and 64 others
__device__ __forceinline__ void distances(Chunks& sm, const Mat<const float>& h, int64_t first, int64_t at,
                                          float (&acc)[kRows][kCols], bool again) {
  inner_products<false, true>(sm, h, first, h, at, acc, again);
}

template <int digit> __global__ void __launch_bounds__(kThreads, 1) count_digits(const DistanceCounts k) {
  __shared__ Chunks chunks;
  __shared__ Search search;
  __shared__ int32_t counts[kBins<digit>];
  constexpr int kAbove = kShift<digit> + kDigitBits[digit];
  const int64_t n = k.h.rows, first = static_cast<int64_t>(blockIdx.x) * kOwn;
  const uint32_t known = prefix_of<digit>(search, k.counts, n).bits;
  for (int b = static_cast<int>(threadIdx.x); b < kBins<digit>; b += kThreads) counts[b] = 0;
  float acc[kRows][kCols];
  for (int64_t at = 0; at < n; at += kOther) {
    distances(chunks, k.h, first, at, acc, at > 0);  // its barriers stand between the zeros and the counts
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < kCols; ++c) {
        if (first + warp() + kWarps * r >= n || at + lane() + 32 * c >= n) continue;
        const uint32_t bits = __float_as_uint(acc[r][c]) & 0x7FFFFFFFu;
        if constexpr (digit > 0)
          if ((bits ^ known) >> kAbove) continue;
        atomicAdd(&counts[bits >> kShift<digit> & (kBins<digit> - 1)], 1);
      }
  }
  __syncthreads();
  for (int b = static_cast<int>(threadIdx.x); b < kBins<digit>; b += kThreads)
    if (counts[b]) atomicAdd(&k.counts[kFirstBin<digit> + b], counts[b]);
}

__global__ void __launch_bounds__(kThreads, 1) kernel_times(const KernelTimes k) {
  __shared__ Chunks chunks;
  __shared__ Weighted sm;
  const int64_t n = k.h.rows, first = static_cast<int64_t>(blockIdx.x) * kOwn, column = int64_t(blockIdx.y) * kOut;
  float width;
  if (k.counts) {
    __shared__ Search search;
    constexpr uint32_t kInfinity = 0x7F800000u;  // also for a NaN, as on the CPU
    const uint32_t bits = prefix_of<kDigits>(search, k.counts, n).bits;
    const double s = k.rel * static_cast<double>(__uint_as_float(bits < kInfinity ? bits : kInfinity));
    width = static_cast<float>(s > 1e-9 ? s : 1e-9);
    if (blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0) *k.width = width;
  } else {
    width = *k.width;
  }
  const float by = -0.5f / width;
  sm.clear();
  float acc[kRows][kCols], out[kRows][2] = {};
  for (int64_t at = 0; at < n; at += kOther) {
    distances(chunks, k.h, first, at, acc, at > 0);
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < kCols; ++c) {
        const int t = lane() + 32 * c;
        sm.worths[warp() + kWarps * r][t] = at + t < n ? fn::exp(acc[r][c] * by) : 0;
      }
    multiply_on(sm, k.qw, at, column, out);
  }
  write_out(sm, n, first, k.kb.cols, column, out, [&](int64_t i, int64_t j, float x) { k.kb.row(i)[j] = x; });
}

__global__ void __launch_bounds__(kThreads, 1) distance_grads(const DistanceGrads k) {
  __shared__ Chunks chunks;
  __shared__ Weighted sm;
  const int64_t n = k.h.rows, first = static_cast<int64_t>(blockIdx.x) * kOwn, column = int64_t(blockIdx.y) * kOut;
  const float by = -0.5f / *k.width;
  sm.clear();
  float grad[kRows][kCols], acc[kRows][kCols], out[kRows][2] = {}, sum[kRows] = {};
  for (int64_t at = 0; at < n; at += kOther) {
    inner_products(chunks, k.bg, first, k.qw, at, grad);
    distances(chunks, k.h, first, at, acc, false);
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < kCols; ++c) {
        const int t = lane() + 32 * c;
        const float kernel = fn::exp(acc[r][c] * by);
        const float e = at + t >= n || kernel == 1 ? 0 : grad[r][c] * kernel * by;
        sm.worths[warp() + kWarps * r][t] = e;
        sum[r] += e;
      }
    multiply_on(sm, k.h, at, column, out);
  }
  write_out(sm, n, first, k.dh.cols, column, out, [&](int64_t i, int64_t j, float x) { k.dh.row(i)[j] = -2 * x; });
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const int64_t i = first + warp() + kWarps * r;
    const float all = warp_sum(sum[r]);
    if (blockIdx.y == 0 && lane() == 0 && i < n) k.sums[i] = all;
  }
}

const cuda::Twin counts{typeid(DistanceCounts), [](Context& ctx, const void* kernel) {
                          const DistanceCounts& k = *static_cast<const DistanceCounts*>(kernel);
                          cuda::CudaBackend& b = cuda::device_of(ctx);
                          b.use();
                          b.zero(k.counts, kDistanceCounts * sizeof(int32_t));
                          const unsigned grid = blocks(k.h.rows, kOwn);
                          count_digits<0><<<grid, kThreads, 0, b.stream()>>>(k);
                          PLX_LAUNCHED(b);
                          count_digits<1><<<grid, kThreads, 0, b.stream()>>>(k);
                          PLX_LAUNCHED(b);
                          count_digits<2><<<grid, kThreads, 0, b.stream()>>>(k);
                          PLX_LAUNCHED(b);
                        }};
const cuda::Twin times{
    typeid(KernelTimes), [](Context& ctx, const void* kernel) {
      const KernelTimes& k = *static_cast<const KernelTimes*>(kernel);
      cuda::CudaBackend& b = cuda::device_of(ctx);
      b.use();
      kernel_times<<<dim3(blocks(k.h.rows, kOwn), blocks(k.kb.cols, kOut)), kThreads, 0, b.stream()>>>(k);
      PLX_LAUNCHED(b);
    }};
const cuda::Twin grads{typeid(DistanceGrads), [](Context& ctx, const void* kernel) {
                         const DistanceGrads& k = *static_cast<const DistanceGrads*>(kernel);
                         cuda::CudaBackend& b = cuda::device_of(ctx);
                         b.use();
                         const dim3 grid(blocks(k.h.rows, kOwn), k.dh.cols > kOut ? blocks(k.dh.cols, kOut) : 1);
                         distance_grads<<<grid, kThreads, 0, b.stream()>>>(k);
                         PLX_LAUNCHED(b);
                       }};

}  // namespace
}  // namespace parallax::tiles

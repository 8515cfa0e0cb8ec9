// SymmetricRows on a device: a block owns 32 rows of one pair and meets every 32 x 32 tile with its mirror image, read
// along its rows and turned in shared memory.
#pragma once
#include "../tensor/team_cuda.cuh"
#include "pair_kernels.h"

namespace parallax::PLX_ISA {

template <class T> __global__ void __launch_bounds__(kBlock, 1) symmetric_rows(const SymmetricRows<T> k) {
  constexpr int kTile = 32, kRows = kTile * 32 / kBlock;  // rows of a tile per warp
  __shared__ T turned[kTile][kTile + 1];
  const int lane = static_cast<int>(threadIdx.x & 31), first = static_cast<int>(threadIdx.x >> 5) * kRows;
  const int64_t c = k.s.cols, pair = static_cast<int64_t>(blockIdx.y) * c,
                a0 = static_cast<int64_t>(blockIdx.x) * kTile;
  T sum[kRows] = {};
  for (int64_t b0 = 0; b0 < c; b0 += kTile) {
    __syncthreads();
    for (int r = 0; r < kRows; ++r) {
      const int64_t b = b0 + first + r, a = a0 + lane;
      turned[lane][first + r] = b < c && a < c ? k.p.row(pair + b)[a] : T(0);
    }
    __syncthreads();
    for (int r = 0; r < kRows; ++r) {
      const int64_t a = a0 + first + r, b = b0 + lane;
      if (a >= c || b >= c) continue;
      const T x = T(0.5) * (k.p.row(pair + a)[b] + turned[first + r][lane]);
      k.s.row(pair + a)[b] = x;
      sum[r] += x;
    }
  }
  for (int r = 0; r < kRows; ++r) {
    const T all = warp_sum(sum[r]);
    if (lane == 0 && a0 + first + r < c) k.sums[pair + a0 + first + r] = all;
  }
}

template <class T> void symmetric_shape(Context& ctx, const SymmetricRows<T>& k) {
  if (k.s.rows == 0) return;
  cuda::CudaBackend& b = cuda::device_of(ctx);
  b.use();
  const dim3 blocks(static_cast<unsigned>((k.s.cols + 31) / 32), static_cast<unsigned>(k.s.rows / k.s.cols));
  symmetric_rows<<<blocks, kBlock, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}

}  // namespace parallax::PLX_ISA

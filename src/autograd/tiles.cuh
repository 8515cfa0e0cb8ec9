// Losses over pairs of rows, tile by tile: a block owns 32 rows and passes over all others, 64 at a time. Forward keeps
// a running log-sum-exp per row; backward computes the similarities again and multiplies their weights on at once. One
// launch for all views and pairs of a loss; every sum has one order. A loss says which rows meet and what a pair is
// worth (see contrast.cu for the least of them).
#pragma once
#include "../tensor/team_cuda.cuh"
#include "tiled.h"

namespace parallax::tiles {

using PLX_ISA::warp_max;
using PLX_ISA::warp_sum;

inline constexpr int kThreads = 256, kWarps = kThreads / 32;
inline constexpr int kOwn = 32, kOther = 64;  // a warp has the own rows w, w + 8, ..; a lane the others l, l + 32
inline constexpr int kRows = kOwn / kWarps, kCols = kOther / 32;
inline constexpr int kDepth = 32;          // of an inner product at a time
inline constexpr int kPitch = kDepth + 4;  // 16-byte reads of eight lanes then meet all banks once
inline constexpr int kOut = 64;            // columns of a gradient per block

__device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x & 31); }
__device__ __forceinline__ int warp() { return static_cast<int>(threadIdx.x >> 5); }
__device__ __forceinline__ float4 four(const float* p) { return *reinterpret_cast<const float4*>(p); }

struct alignas(16) Chunks {
  float own[kOwn][kPitch], other[kOther][kPitch];
};

// Rows first.. of x, columns k0..k0 + columns, into `to`; zeros past the rows' end. by: factors of the rows, or null.
template <int kRowsOf, bool kScaled, int kPitchOf>
__device__ __forceinline__ void load_rows(const Mat<const float>& x, int64_t first, int64_t k0, int64_t columns,
                                          float (&to)[kRowsOf][kPitchOf], const float* by) {
  static_assert(kPitchOf % 32 == 4);
  if (columns == kDepth) {
    const int64_t k = k0 + lane();
#pragma unroll
    for (int r = warp(); r < kRowsOf; r += kWarps) {
      const float v = first + r < x.rows ? x.row(first + r)[k] : 0;
      to[r][lane()] = kScaled ? v * by[r] : v;
    }
    return;
  }
  // 4, 8, 16 or 32 lanes a row; the rows that a warp has at a time begin in different banks (see kPitch)
  const int width = static_cast<int>(columns), padded = (width + 3) / 4 * 4;  // of what is read four at a time
  const int lanes = padded <= 4 ? 4 : padded <= 8 ? 8 : padded <= 16 ? 16 : 32, step = lanes / 4, k = lane() % lanes;
  for (int q = warp(); q < kRowsOf / 8 * step; q += kWarps) {
    const int r = q / step * 8 + q % step + step * (lane() / lanes);
    if (k >= padded) continue;
    const float v = k < width && first + r < x.rows ? x.row(first + r)[k0 + k] : 0;
    to[r][k] = kScaled ? v * by[r] : v;
  }
}

template <bool kDistances> __device__ __forceinline__ float meet(float x, float y, float sum) {
  return kDistances ? fmaf(x - y, x - y, sum) : fmaf(x, y, sum);
}

// acc[r][c] = inner product of row first + w + 8 r of `own` and row at + l + 32 c of `other`; rows past the end are
// zeros. own_by, other_by, where given: factors of the tile's rows, applied first. `again`: the same own rows as in the
// call before, which stay where they are if they fit. kDistances: squared distances instead, exactly zero for equal
// rows. All threads of the block; begins with a barrier.
template <bool kScaled = false, bool kDistances = false>
__device__ __forceinline__ void inner_products(Chunks& sm, const Mat<const float>& own, int64_t first,
                                               const Mat<const float>& other, int64_t at, float (&acc)[kRows][kCols],
                                               bool again = false, const float* own_by = nullptr,
                                               const float* other_by = nullptr) {
  const int l = lane(), w = warp();
#pragma unroll
  for (auto& row : acc)
    for (float& x : row) x = 0;
  int64_t k0 = 0;
  do {
    __syncthreads();
    const int64_t left = own.cols - k0, columns = left < kDepth ? left : kDepth;
    if (!again || own.cols > kDepth) load_rows<kOwn, kScaled>(own, first, k0, columns, sm.own, own_by);
    load_rows<kOther, kScaled>(other, at, k0, columns, sm.other, other_by);
    __syncthreads();
#pragma unroll
    for (int q = 0; q < kDepth; q += 4) {
      if (q >= columns) break;
      float4 y[kCols];
#pragma unroll
      for (int c = 0; c < kCols; ++c) y[c] = four(&sm.other[l + 32 * c][q]);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const float4 x = four(&sm.own[w + kWarps * r][q]);
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
          acc[r][c] = meet<kDistances>(x.x, y[c].x, acc[r][c]);
          acc[r][c] = meet<kDistances>(x.y, y[c].y, acc[r][c]);
          acc[r][c] = meet<kDistances>(x.z, y[c].z, acc[r][c]);
          acc[r][c] = meet<kDistances>(x.w, y[c].w, acc[r][c]);
        }
      }
    }
    k0 += kDepth;
  } while (k0 < own.cols);
}

// What a pair adds to the row of its anchor: `times` exp(value) to the sum, value as `positive` positives.
struct Term {
  float value, times, positive;
};
// Of an anchor: ln sum exp(value), the sum of its positives' values, their number.
struct RowSums {
  float log_sum, hit, positives;
};
// What a loss needs of a tile besides inner products, if anything, in shared memory.
struct Nothing {
  template <class... Args> __device__ void prepare(const Args&...) {}
};

// Per problem p and anchor: RowSums. The loss gives
//   anchors(p), parts(p), part(p, s).others, term(extra, part, row of anchor, row of other, inner product),
//   store(p, row, sums), and its Extra: prepare(loss, part, rows of the part, first anchor, first other)
template <class L> __global__ void __launch_bounds__(kThreads, 1) tiled_losses(const __grid_constant__ L loss) {
  __shared__ Chunks sm;
  __shared__ typename L::Extra extra;
  const int p = static_cast<int>(blockIdx.y);
  const Mat<const float> own = loss.anchors(p);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kOwn;
  if (first >= own.rows) return;
  float top[kRows], sum[kRows], hit[kRows], positives[kRows], acc[kRows][kCols];
#pragma unroll
  for (int r = 0; r < kRows; ++r) top[r] = -3e38f, sum[r] = hit[r] = positives[r] = 0;
  bool begun = false;
  for (int s = 0; s < loss.parts(p); ++s) {
    const auto part = loss.part(p, s);
    for (int64_t at = 0; at < part.others.rows; at += kOther) {
      extra.prepare(loss, part, own.rows, first, at);
      inner_products(sm, own, first, part.others, at, acc, begun);
      begun = true;
#pragma unroll
      for (int r = 0; r < kRows; ++r)
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
          const int64_t i = first + warp() + kWarps * r, j = at + lane() + 32 * c;
          if (i >= own.rows || j >= part.others.rows) continue;
          const Term t = loss.term(extra, part, i, j, acc[r][c]);
          hit[r] += t.positive * t.value;
          positives[r] += t.positive;
          if (t.times == 0) continue;
          const float above = t.value - top[r], e = fn::exp(-fn::abs(above));
          sum[r] = above > 0 ? sum[r] * e + t.times : sum[r] + t.times * e;
          top[r] = above > 0 ? t.value : top[r];
        }
    }
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const int64_t i = first + warp() + kWarps * r;
    const float high = warp_max(top[r]), all = warp_sum(sum[r] * fn::exp(top[r] - high));
    const RowSums sums{high + fn::log(all), warp_sum(hit[r]), warp_sum(positives[r])};
    if (i < own.rows && lane() == 0) loss.store(p, i, sums);
  }
}

// Worths of a tile's pairs, times rows of the others: what a gradient is made of.
struct Weighted {
  alignas(16) float worths[kOwn][kOther + 4];
  alignas(16) float rows[kOther][kOut];
  static_assert(kOut <= kOther + 4);
  __device__ __forceinline__ void clear() {  // beyond narrow rows
    for (int e = static_cast<int>(threadIdx.x); e < kOther * kOut; e += kThreads) rows[e / kOut][e % kOut] = 0;
  }
};

// out[r][..] += the own row's worths times columns k0.. of the rows at.. of `other`: columns 2 l and 2 l + 1 of kOut.
// The worths are a warp's own; the block waits before it reads rows.
__device__ __forceinline__ void multiply_on(Weighted& sm, const Mat<const float>& other, int64_t at, int64_t k0,
                                            float (&out)[kRows][2]) {
  const int l = lane(), w = warp();
  const int64_t left = other.cols - k0;
  const int width = left > kOut ? kOut : left > 0 ? static_cast<int>(left) : 0;
  if (width == kOut) {
    for (int r = w; r < kOther; r += kWarps)
#pragma unroll
      for (int c = 0; c < 2; ++c) sm.rows[r][l + 32 * c] = at + r < other.rows ? other.row(at + r)[k0 + l + 32 * c] : 0;
  } else {
    for (int e = static_cast<int>(threadIdx.x); e < kOther * width; e += kThreads) {
      const int r = e / width, k = e % width;
      sm.rows[r][k] = at + r < other.rows ? other.row(at + r)[k0 + k] : 0;
    }
  }
  __syncthreads();
#pragma unroll 2
  for (int t = 0; t < kOther; t += 4) {
    float4 x[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) x[r] = four(&sm.worths[w + kWarps * r][t]);
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      const float2 y = *reinterpret_cast<const float2*>(&sm.rows[t + u][2 * l]);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const float f = u == 0 ? x[r].x : u == 1 ? x[r].y : u == 2 ? x[r].z : x[r].w;
        out[r][0] = fmaf(f, y.x, out[r][0]);
        out[r][1] = fmaf(f, y.y, out[r][1]);
      }
    }
  }
}

// store(row, column, value) of every entry, through the warp's own rows of `worths`, so that neighbouring lanes write
// neighbouring columns
template <class F>
__device__ __forceinline__ void write_out(Weighted& sm, int64_t rows, int64_t first, int64_t cols, int64_t k0,
                                          const float (&out)[kRows][2], F store) {
  const int l = lane(), w = warp();
  __syncwarp();
#pragma unroll
  for (int r = 0; r < kRows; ++r)
    *reinterpret_cast<float2*>(&sm.worths[w + kWarps * r][2 * l]) = make_float2(out[r][0], out[r][1]);
  __syncwarp();
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      const int64_t i = first + w + kWarps * r, k = k0 + l + 32 * c;
      if (i < rows && k < cols) store(i, k, sm.worths[w + kWarps * r][l + 32 * c]);
    }
}

// Per owner g: its gradient = sum over parts and rows of worth * other row; kChunks * kOut columns per block. The loss
// gives
//   owners(g), grad(g), parts(g), part(g, s).others, stat(part, whether of an own row, row),
//   worth(extra, part, own row, other row, inner product, own stat, other stat), and its Extra
template <class L, int kChunks>
__global__ void __launch_bounds__(kThreads, 1) tiled_grads(const __grid_constant__ L loss) {
  __shared__ Chunks chunks;
  __shared__ Weighted sm;
  __shared__ float stats[kOwn + kOther];  // of the own rows, of the other ones
  __shared__ typename L::Extra extra;
  const int g = static_cast<int>(blockIdx.z), l = lane(), w = warp();
  const TiledGrad grad = loss.grad(g);
  if (!grad.to.p) return;
  const Mat<const float> own = loss.owners(g);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * kOwn;
  const int64_t column = static_cast<int64_t>(blockIdx.y) * kOut * kChunks;
  if (first >= own.rows) return;
  sm.clear();
  float acc[kRows][kCols], out[kChunks][kRows][2] = {};
  bool begun = false;
  for (int s = 0; s < loss.parts(g); ++s) {
    const auto part = loss.part(g, s);
    const Mat<const float> other = part.others;
    if (other.rows == 0) continue;
    for (int64_t at = 0; at < other.rows; at += kOther) {
      // the previous tile's readers of these have passed a barrier since
      if (threadIdx.x < kOwn + kOther) {
        const bool mine = threadIdx.x < kOwn;
        const int64_t row = mine ? first + threadIdx.x : at + threadIdx.x - kOwn;
        if (row < (mine ? own.rows : other.rows)) stats[threadIdx.x] = loss.stat(part, mine, row);
      }
      extra.prepare(loss, part, own.rows, first, at);
      inner_products(chunks, own, first, other, at, acc, begun);
      begun = true;
#pragma unroll
      for (int r = 0; r < kRows; ++r)
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
          const int t = l + 32 * c;
          const int64_t i = first + w + kWarps * r, j = at + t;
          sm.worths[w + kWarps * r][t] =
              i < own.rows && j < other.rows
                  ? loss.worth(extra, part, i, j, acc[r][c], stats[w + kWarps * r], stats[kOwn + t])
                  : 0;
        }
#pragma unroll
      for (int chunk = 0; chunk < kChunks; ++chunk) {
        if (chunk) __syncthreads();
        multiply_on(sm, other, at, column + chunk * kOut, out[chunk]);
      }
    }
  }
#pragma unroll
  for (int chunk = 0; chunk < kChunks; ++chunk)
    write_out(sm, own.rows, first, own.cols, column + chunk * kOut, out[chunk], [&](int64_t i, int64_t k, float x) {
      float* to = grad.to.row(i) + k;
      *to = grad.beta == 0 ? x : grad.beta * *to + x;
    });
}

inline unsigned blocks(int64_t n, int64_t per) { return static_cast<unsigned>((n + per - 1) / per); }

template <class L> void run_losses(Context& ctx, const L& loss, int64_t rows, int64_t problems) {
  cuda::CudaBackend& b = cuda::device_of(ctx);
  b.use();
  tiled_losses<<<dim3(blocks(rows, kOwn), static_cast<unsigned>(problems)), kThreads, 0, b.stream()>>>(loss);
  PLX_LAUNCHED(b);
}
inline constexpr int64_t kFew = 64;  // fewer blocks leave most of a large card idle

// More columns per block where there are enough blocks without: inner products are made once per block.
template <class L> void run_grads(Context& ctx, const L& loss, int64_t rows, int64_t columns, int64_t owners) {
  if (columns == 0) return;
  cuda::CudaBackend& b = cuda::device_of(ctx);
  b.use();
  const auto run = [&]<int kChunks>() {
    const dim3 grid(blocks(rows, kOwn), blocks(columns, kOut * kChunks), static_cast<unsigned>(owners));
    tiled_grads<L, kChunks><<<grid, kThreads, 0, b.stream()>>>(loss);
  };
  if (columns > kOut && blocks(rows, kOwn) * owners >= kFew)
    run.template operator()<2>();
  else
    run.template operator()<1>();
  PLX_LAUNCHED(b);
}

}  // namespace parallax::tiles

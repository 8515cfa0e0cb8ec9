// Column statistics and the strip layout on the device, with the bits of points_kernels.cpp.
#include "products.cuh"

namespace parallax::cluster_detail::twins {
namespace {

// One block per block of kSumRows rows and 32 columns: rows come through shared memory, one thread adds up a column.
constexpr int kStage = 128;
template <class T>
__global__ void __launch_bounds__(kThreads, 1) column_sums(const ColumnSums<T> k, int64_t column_tiles) {
  __shared__ T tile[kStage * 32];  // rows of `width` without gaps: neither side meets a bank twice
  const int64_t n = k.x.rows, d = k.x.cols, block = blockIdx.x / column_tiles;
  const int64_t j0 = static_cast<int64_t>(blockIdx.x) % column_tiles * 32, width = d - j0 < 32 ? d - j0 : 32;
  const int64_t begin = block * kSumRows, end = begin + kSumRows < n ? begin + kSumRows : n;
  const bool adds = static_cast<int64_t>(threadIdx.x) < width;
  const double mean = adds && k.mean ? k.mean[j0 + threadIdx.x] : 0.0;
  double sum = 0;
  for (int64_t i0 = begin; i0 < end; i0 += kStage) {
    const int64_t rows = end - i0 < kStage ? end - i0 : kStage;
    for (int64_t e = threadIdx.x; e < rows * width; e += kThreads) tile[e] = k.x.row(i0 + e / width)[j0 + e % width];
    __syncthreads();
    if (adds)
      for (int64_t i = 0; i < rows; ++i) {
        const double x = static_cast<double>(tile[i * width + threadIdx.x]);
        const double t = __dsub_rn(x, mean);
        sum = __dadd_rn(sum, k.mean ? __dmul_rn(t, t) : x);
      }
    __syncthreads();
  }
  if (adds) k.out[block * d + j0 + threadIdx.x] = sum;
}
template <class T> void run_column_sums(Context& ctx, const ColumnSums<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  const int64_t tiles = (k.x.cols + 31) / 32, blocks = (k.x.rows + kSumRows - 1) / kSumRows;
  column_sums<<<static_cast<unsigned>(tiles * blocks), kThreads, 0, b.stream()>>>(k, tiles);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(ColumnSums, run_column_sums)

// One block per strip, 32 columns at a time through shared memory. Half a warp owns the norm of two rows: 16 partial
// sums and a tree.
template <class T> __global__ void __launch_bounds__(kThreads) pack_strips(const PackStrips<T> k) {
  __shared__ T tile[32][33];
  __shared__ double means[32];
  const int64_t n = k.x.rows, d = k.x.cols, i0 = static_cast<int64_t>(blockIdx.x) * 32;
  const int64_t rows = n - i0 < 32 ? n - i0 : 32;
  const int first = warp_id() + (lane_id() & 16), l = lane_id() & 15;
  double part[2] = {0, 0};
  for (int64_t j0 = 0; j0 < d; j0 += 32) {
    const int width = static_cast<int>(d - j0 < 32 ? d - j0 : 32);
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < width) means[threadIdx.x] = k.mean[j0 + threadIdx.x];
    for (int e = static_cast<int>(threadIdx.x); e < 32 * width; e += kThreads)
      tile[e / width][e % width] = e / width < rows ? k.x.row(i0 + e / width)[j0 + e % width] : T(0);
    __syncthreads();
    const auto value = [&](int i, int j) {
      return __dmul_rn(__dsub_rn(static_cast<double>(tile[i][j]), means[j]), k.scale);
    };
    for (int e = static_cast<int>(threadIdx.x); e < 32 * width; e += kThreads)
      k.strips[(i0 * d + j0 * 32) + e] = e % 32 < rows ? static_cast<T>(value(e % 32, e / 32)) : T(0);
    if (k.rows)
      for (int e = static_cast<int>(threadIdx.x); e < rows * width; e += kThreads)
        k.rows[(i0 + e / width) * d + j0 + e % width] = static_cast<T>(value(e / width, e % width));
    for (int r = 0; r < 2; ++r)
      for (int j = l; j < width; j += 16) {
        const double t = value(first + 8 * r, j);
        part[r] = __dadd_rn(part[r], __dmul_rn(t, t));
      }
  }
  for (int r = 0; r < 2; ++r) {
    for (int half = 8; half; half >>= 1) part[r] = __dadd_rn(part[r], __shfl_down_sync(kAll, part[r], half, 16));
    const int i = first + 8 * r;
    if (l == 0)
      k.norms[i0 + i] = i < rows ? static_cast<T>(__dmul_rn(__dsqrt_rn(part[r]), 1 + 4 * unit_roundoff<T>())) : T(0);
  }
}
template <class T> void run_pack_strips(Context& ctx, const PackStrips<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  pack_strips<<<static_cast<unsigned>((k.x.rows + 31) / 32), kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(PackStrips, run_pack_strips)

template <class T> __global__ void __launch_bounds__(kThreads) gather_double(const GatherDouble<T> k) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kWarps + warp_id();
  if (i >= k.n) return;
  const T* from = k.x.row(k.row[i]);
  double* to = k.out + i * k.x.cols;
  for (int64_t j = lane_id(); j < k.x.cols; j += 32) to[j] = static_cast<double>(from[j]);
}
template <class T> void run_gather(Context& ctx, const GatherDouble<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  gather_double<<<static_cast<unsigned>((k.n + kWarps - 1) / kWarps), kThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(GatherDouble, run_gather)

}  // namespace
}  // namespace parallax::cluster_detail::twins

// Single-row moves, see row_moves_kernels.cpp: flagged rows in order of their index, both means updated at once. One
// block per slot; each half warp judges one of the next flagged rows against the present means, and the first one that
// moves is moved. Those before it have been judged rightly, those behind it are judged again: the same moves as one by
// one.
#include "products.cuh"

namespace parallax::cluster_detail::twins {
namespace {

constexpr int kMoveThreads = 512, kJudges = kMoveThreads / 16;

template <class T> struct Judge {
  const MoveOnDevice<T>& k;
  int64_t slot;
  // where row i should go, by half a warp; -1: it stays. Both halves call together, i = -1: nothing to do
  __device__ __forceinline__ int32_t operator()(int64_t i) const {
    const int64_t d = i < 0 ? 0 : k.x.cols, kc = k.slots.k;
    const T* x = k.x.row(i < 0 ? 0 : i);
    const int32_t from = k.slots.labels[slot * k.x.rows + (i < 0 ? 0 : i)];
    const double* centres = k.slots.centres + slot * kc * k.x.cols;
    const int64_t* counts = k.slots.counts + slot * kc;
    const auto size = static_cast<double>(counts[from]);
    const double stay = __dmul_rn(half_warp_difference2(x, centres + from * k.x.cols, d), size / (size - 1));
    double least = __dmul_rn(stay, 1 - 1e-10);
    int32_t to = -1;
    for (int64_t c = 0; c < kc; ++c) {
      const auto count = static_cast<double>(counts[c]);
      const double go = __dmul_rn(half_warp_difference2(x, centres + c * k.x.cols, d), count / (count + 1));
      if (c != from && go < least) {
        least = go;
        to = static_cast<int32_t>(c);
      }
    }
    return i < 0 || counts[from] < 2 ? -1 : to;
  }
};

template <class T> __global__ void __launch_bounds__(kMoveThreads) move_rows(const MoveOnDevice<T> k) {
  __shared__ int64_t rows[kJudges];
  __shared__ int32_t targets[kJudges];
  __shared__ int found[kMoveThreads / 32];
  const int64_t n = k.x.rows, d = k.x.cols, kc = k.slots.k, slot = k.slots.list[blockIdx.x];
  const uint8_t* flags = k.flags + slot * n;
  unsigned long long moved = 0;
  for (int64_t at = 0; at < n;) {
    // the first flagged rows of the next kMoveThreads, in order
    const bool flag = at + threadIdx.x < n && flags[at + threadIdx.x];
    const unsigned ballot = __ballot_sync(kAll, flag);
    if (lane_id() == 0) found[warp_id()] = __popc(ballot);
    __syncthreads();
    int before = __popc(ballot & ((1u << lane_id()) - 1)), total = 0;
    for (int w = 0; w < kMoveThreads / 32; ++w) {
      if (w < warp_id()) before += found[w];
      total += found[w];
    }
    if (flag && before < kJudges) rows[before] = at + threadIdx.x;
    __syncthreads();
    const int judged = total < kJudges ? total : kJudges, own = static_cast<int>(threadIdx.x) / 16;
    if (judged == 0) {
      at += kMoveThreads;
      continue;
    }
    const int32_t to = Judge<T>{k, slot}(own < judged ? rows[own] : -1);
    if (threadIdx.x % 16 == 0) targets[own] = to;
    __syncthreads();
    int first = 0;
    while (first < judged && targets[first] < 0) ++first;
    if (first == judged) {
      at = total > kJudges ? rows[kJudges - 1] + 1 : at + kMoveThreads;
    } else {
      const int64_t i = rows[first], target = targets[first], from = k.slots.labels[slot * n + i];
      const int64_t ia = slot * kc + from, ib = slot * kc + target;
      const auto size = static_cast<double>(k.slots.counts[ia]), grown = static_cast<double>(k.slots.counts[ib] + 1);
      double *a = k.slots.centres + ia * d, *b = k.slots.centres + ib * d;
      __syncthreads();
      for (int64_t j = threadIdx.x; j < d; j += kMoveThreads) {
        const auto v = static_cast<double>(k.x.row(i)[j]);
        a[j] -= (v - a[j]) / (size - 1);
        b[j] += (v - b[j]) / grown;
      }
      if (threadIdx.x == 0) {
        --k.slots.counts[ia];
        ++k.slots.counts[ib];
        k.slots.labels[slot * n + i] = static_cast<int32_t>(target);
        ++moved;
      }
      at = i + 1;
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) k.slots.progress[slot].moved = moved;
}
template <class T> void run_moves(Context& ctx, const MoveOnDevice<T>& k) {
  CudaBackend& b = device_of(ctx);
  b.use();
  move_rows<<<static_cast<unsigned>(k.slots.m), kMoveThreads, 0, b.stream()>>>(k);
  PLX_LAUNCHED(b);
}
PLX_CLUSTER_TWIN(MoveOnDevice, run_moves)

}  // namespace
}  // namespace parallax::cluster_detail::twins

// GMAE's contrast on lists of neighbours. The entries of a tile are looked up in its anchors' lists: lists are in the
// order of their members, so where members are rows each list is read once, from where the last tile stopped.
#include "neighbours_kernels.h"
#include "tiles.cuh"

namespace parallax::tiles {
namespace {

struct Part {
  Mat<const float> others;
};

struct Entries {
  uint8_t near[kOwn][kOther], far[kOwn][kOther];  // how often the pair is a positive, a negative
  int32_t read[kOwn];                             // of the anchor's list
  template <class L> __device__ void prepare(const L& k, const Part&, int64_t n, int64_t first, int64_t at) {
    // a warp's anchors are its own here, too
    for (int r = warp(); r < kOwn; r += kWarps) {
      __syncwarp();  // the previous tile's readers
      for (int t = lane(); t < kOther; t += 32) near[r][t] = far[r][t] = 0;
      const int64_t i = first + r;
      if (i >= n) continue;
      const int64_t own = k.owner ? k.owner[i] : i;
      if (own < 0 || own >= k.lists - (k.skip_last ? 1 : 0)) continue;
      const int64_t begin = own * k.listed;
      const int32_t length = k.lengths[own];
      const int32_t from = k.place || at == 0 ? 0 : read[r];
      __syncwarp();
      int32_t done = 0;
      for (int32_t e0 = from; e0 < length; e0 += 32) {
        const int32_t e = e0 + lane();
        int64_t row = e < length ? k.index[begin + e] : -1;
        if (k.place && row >= 0) row = k.place[row];
        const int64_t t = row - at;
        if (row >= 0 && t >= 0 && t < kOther) near[r][t] = k.near[begin + e], far[r][t] = k.far[begin + e];
        if (k.place) continue;
        // in order: what lies before the next tile is done with
        const unsigned before = __ballot_sync(0xFFFFFFFFu, row >= 0 && t < kOther);
        done += __popc(before);
        if (before != 0xFFFFFFFFu) break;
      }
      if (!k.place && lane() == 0) read[r] = from + done;
      __syncwarp();
    }
  }
};

struct Losses : NeighbourLosses {
  using Extra = Entries;
  __device__ Mat<const float> anchors(int) const { return x; }
  __device__ int parts(int) const { return 1; }
  __device__ Part part(int, int) const { return {others}; }
  __device__ Term term(const Entries& e, const Part&, int64_t i, int64_t j, float dot) const {
    const auto r = i % kOwn, t = j % kOther;
    return {dot, static_cast<float>(e.far[r][t]), static_cast<float>(e.near[r][t])};
  }
  __device__ void store(int, int64_t i, const RowSums& s) const {
    const bool counts = s.positives > 0 && s.log_sum > -1e38f;
    level[i] = counts ? s.log_sum - fn::log(s.positives) : HUGE_VALF;
    loss[i] = counts ? s.positives * s.log_sum - s.hit : 0;
  }
};

struct Grads : NeighbourGrads {
  using Extra = Entries;
  __device__ Mat<const float> owners(int) const { return x; }
  __device__ TiledGrad grad(int) const { return dx; }
  __device__ int parts(int) const { return 1; }
  __device__ Part part(int, int) const { return {others}; }
  __device__ float stat(const Part&, bool mine, int64_t i) const { return mine ? level[i] : 0; }
  __device__ float worth(const Entries& e, const Part&, int64_t i, int64_t j, float dot, float own, float) const {
    if (own == HUGE_VALF) return 0;
    const auto r = i % kOwn, t = j % kOther;
    const float p = e.near[r][t], q = e.far[r][t];
    return weight * *gy * (q == 0 ? -p : q * fn::exp(dot - own) - p);
  }
};

const cuda::Twin losses{typeid(NeighbourLosses), [](Context& ctx, const void* k) {
                          const Losses l{*static_cast<const NeighbourLosses*>(k)};
                          run_losses(ctx, l, l.x.rows, 1);
                        }};
const cuda::Twin grads{typeid(NeighbourGrads), [](Context& ctx, const void* k) {
                         const Grads g{*static_cast<const NeighbourGrads*>(k)};
                         run_grads(ctx, g, g.x.rows, g.x.cols, 1);
                       }};

}  // namespace
}  // namespace parallax::tiles

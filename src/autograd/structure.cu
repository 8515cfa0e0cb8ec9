// GDCN's contrast of every view with the fused vectors, negatives weighted by counts of common neighbours.
#include "structure_kernels.h"
#include "tiles.cuh"

namespace parallax::tiles {
namespace {

// Rows i and j of two halves of [h_v; q]; `same`: one half with itself.
struct Part {
  Mat<const float> others;
  bool same;
  int64_t own, other;  // where the halves' row sums begin
  float scale;
};

template <class Loss> struct Halves : Loss {
  __device__ int64_t n() const { return this->q.rows; }
  __device__ Mat<const float> half(int64_t v, bool fused) const {
    return fused ? this->q : Mat<const float>{this->h.row(v * n()), n(), this->h.cols, this->h.ld};
  }
  __device__ Part meet(int64_t v, bool own, bool other) const {
    return {half(v, other), own == other, (2 * v + own) * n(), (2 * v + other) * n(), 0};
  }
  __device__ float share(int count) const { return 1 - this->per_count * static_cast<float>(count); }
};

// problem 2 v: anchors of view v; 2 v + 1: the fused vectors beside it
struct Losses : Halves<StructureLosses> {
  using Extra = Nothing;
  __device__ Mat<const float> anchors(int p) const { return half(p / 2, p % 2); }
  __device__ int parts(int) const { return 2; }
  __device__ Part part(int p, int s) const { return meet(p / 2, p % 2, s); }
  __device__ Term term(const Nothing&, const Part& p, int64_t i, int64_t j, float dot) const {
    const float x = by * dot;
    if (i == j) return p.same ? Term{x, 0, 0} : Term{x, 1, 1};
    return {x * share(counts[i * n() + j]), 1, 0};
  }
  __device__ void store(int p, int64_t i, const RowSums& s) const {
    log_sum[p * n() + i] = s.log_sum;
    loss[p * n() + i] = s.log_sum - s.hit;
  }
};

// counts[j, i] of a tile: read along their rows, used along their columns
struct Columns {
  uint8_t counts[kOther][kOwn + 4];
  template <class L> __device__ void prepare(const L& loss, const Part&, int64_t n, int64_t first, int64_t at) {
    for (int r = warp(); r < kOther; r += kWarps)
      if (at + r < n && first + lane() < n) counts[r][lane()] = loss.counts[(at + r) * n + first + lane()];
  }
};

// owner v: the rows of view v; last: the fused vectors, beside every view
struct Grads : Halves<StructureGrads> {
  using Extra = Columns;
  __device__ int views() const { return static_cast<int>(gy.rows); }
  __device__ Mat<const float> owners(int g) const { return half(g, g == views()); }
  __device__ TiledGrad grad(int g) const {
    if (g == views()) return dq;
    return {{dh.to.p ? dh.to.row(g * n()) : nullptr, n(), dh.to.cols, dh.to.ld}, dh.beta};
  }
  __device__ int parts(int g) const { return g == views() ? 2 * views() : 2; }
  __device__ Part part(int g, int s) const {
    const bool fused = g == views();
    const int v = fused ? s / 2 : g;
    Part p = meet(v, fused, s % 2);
    p.scale = weight * by * *gy.row(v);
    return p;
  }
  __device__ float stat(const Part& p, bool mine, int64_t i) const { return log_sum[(mine ? p.own : p.other) + i]; }
  // both sides of a pair: i as the anchor of j, and j as that of i
  __device__ float worth(const Columns& c, const Part& p, int64_t i, int64_t j, float dot, float own,
                         float other) const {
    const float x = by * dot;
    if (i == j) return p.same ? 0 : p.scale * (fn::exp(x - own) + fn::exp(x - other) - 2);
    const float here = share(counts[i * n() + j]), there = share(c.counts[j % kOther][i % kOwn]);
    return p.scale * (here * fn::exp(x * here - own) + there * fn::exp(x * there - other));
  }
};

const cuda::Twin losses{typeid(StructureLosses), [](Context& ctx, const void* k) {
                          const Losses l{*static_cast<const StructureLosses*>(k)};
                          run_losses(ctx, l, l.q.rows, 2 * (l.h.rows / l.q.rows));
                        }};
const cuda::Twin grads{typeid(StructureGrads), [](Context& ctx, const void* k) {
                         const Grads g{*static_cast<const StructureGrads*>(k)};
                         run_grads(ctx, g, g.q.rows, g.q.cols, g.gy.rows + 1);
                       }};

}  // namespace
}  // namespace parallax::tiles

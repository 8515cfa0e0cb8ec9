// Contrast of matching rows between pairs of stacked views (DDMC, DistilMVC).
#include "pair_kernels.h"
#include "tiles.cuh"

namespace parallax::tiles {
namespace {

struct Part {
  Mat<const float> others;
  int64_t own, other;  // views
  float scale;
};

template <class Loss> struct Views : Loss {
  using Extra = Nothing;
  __device__ Part meet(int64_t a, int64_t b) const {
    return {{this->u.row(b * this->n), this->n, this->u.cols, this->u.ld}, a, b, 0};
  }
};

// one problem for every ordered pair (a, b): b's rows, and those of a itself
struct Losses : Views<PairLosses> {
  __device__ void views_of(int p, int64_t& a, int64_t& b) const {
    for (a = 0; a < pairs.views; ++a)
      for (b = 0; b < pairs.views; ++b)
        if (pairs.paired(a, b) && pairs.directed(a, b) == p) return;
  }
  __device__ Mat<const float> anchors(int p) const {
    int64_t a, b;
    views_of(p, a, b);
    return meet(a, a).others;
  }
  __device__ int parts(int) const { return own ? 2 : 1; }
  __device__ Part part(int p, int s) const {
    int64_t a, b;
    views_of(p, a, b);
    return meet(a, s ? a : b);
  }
  __device__ Term term(const Nothing&, const Part& p, int64_t i, int64_t j, float dot) const {
    const bool same = p.own == p.other;
    return {by * dot, same && i == j ? 0.f : 1.f, !same && i == j ? 1.f : 0.f};
  }
  __device__ void store(int p, int64_t i, const RowSums& s) const {
    log_sum[p * n + i] = s.log_sum;
    loss[p * n + i] = s.log_sum - s.hit;
  }
};

// owner a: the rows of view a; part b: view b, if they are a pair, or a itself
struct Grads : Views<PairGrads> {
  __device__ Mat<const float> owners(int g) const { return meet(g, g).others; }
  __device__ TiledGrad grad(int g) const { return {{du.to.row(g * n), n, du.to.cols, du.to.ld}, du.beta}; }
  __device__ int parts(int) const { return static_cast<int>(pairs.views); }
  __device__ Part part(int g, int s) const {
    Part p = meet(g, s);
    if (g == s ? !own : !pairs.paired(g, s)) p.others.rows = 0;
    p.scale = weight * by * *gy;
    return p;
  }
  // ln sum exp of row i of view a beside b; for a itself L with sum over b of exp(x - L_b) = exp(x - L)
  __device__ float stat(const Part& p, bool mine, int64_t i) const {
    const int64_t a = mine ? p.own : p.other, b = mine ? p.other : p.own;
    if (a != b) return log_sum[pairs.directed(a, b) * n + i];
    float least = 3e38f, sum = 0;
    for (int64_t v = 0; v < pairs.views; ++v)
      if (pairs.paired(a, v)) least = fn::min(least, log_sum[pairs.directed(a, v) * n + i]);
    for (int64_t v = 0; v < pairs.views; ++v)
      if (pairs.paired(a, v)) sum += fn::exp(least - log_sum[pairs.directed(a, v) * n + i]);
    return least - fn::log(sum);
  }
  // i as the anchor of j, and j as that of i
  __device__ float worth(const Nothing&, const Part& p, int64_t i, int64_t j, float dot, float mine,
                         float other) const {
    const float x = by * dot;
    const bool same = p.own == p.other;
    if (same && i == j) return 0;
    return p.scale * (fn::exp(x - mine) + fn::exp(x - other) - (i == j ? 2.f : 0.f));
  }
};

const cuda::Twin losses{typeid(PairLosses), [](Context& ctx, const void* k) {
                          const Losses l{*static_cast<const PairLosses*>(k)};
                          run_losses(ctx, l, l.n, 2 * l.pairs.count());
                        }};
const cuda::Twin grads{typeid(PairGrads), [](Context& ctx, const void* k) {
                         const Grads g{*static_cast<const PairGrads*>(k)};
                         run_grads(ctx, g, g.n, g.u.cols, g.pairs.views);
                       }};

}  // namespace
}  // namespace parallax::tiles

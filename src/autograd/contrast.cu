// SparseMVC's contrast of the anchors with every view.
#include "contrast_kernels.h"
#include "tiles.cuh"

namespace parallax::tiles {
namespace {

struct Part {
  Mat<const float> others;
  int64_t view;
  float scale;
};

struct Losses : AnchorLosses {
  using Extra = Nothing;
  __device__ Mat<const float> anchors(int) const { return h; }
  __device__ int parts(int) const { return 1; }
  __device__ Part part(int p, int) const { return {r[p], p, by}; }
  __device__ Term term(const Nothing&, const Part&, int64_t i, int64_t j, float dot) const {
    return {by * dot, i == j ? 0.f : 1.f, i == j ? 1.f : 0.f};
  }
  __device__ void store(int p, int64_t i, const RowSums& s) const {
    log_sum[p * h.rows + i] = s.log_sum;
    loss[p * h.rows + i] = s.log_sum - s.hit;
  }
};

// owner 0: the anchors, against all views; owner v + 1: view v, against the anchors
struct Grads : AnchorGrads {
  using Extra = Nothing;
  __device__ Mat<const float> owners(int g) const { return g ? r[g - 1] : h; }
  __device__ TiledGrad grad(int g) const { return g ? dr[g - 1] : dh; }
  __device__ int parts(int g) const { return g ? 1 : static_cast<int>(views); }
  __device__ Part part(int g, int s) const {
    const int v = g ? g - 1 : s;
    return {g ? h : r[v], g ? -1 - v : v, weight * by * *gy.row(v)};
  }
  __device__ float stat(const Part& p, bool mine, int64_t i) const {
    if (p.view < 0) return mine ? 0 : log_sum[(-1 - p.view) * h.rows + i];
    return mine ? log_sum[p.view * h.rows + i] : 0;
  }
  __device__ float worth(const Nothing&, const Part& p, int64_t i, int64_t j, float dot, float own, float other) const {
    return p.scale * (i == j ? -1.f : fn::exp(by * dot - (p.view < 0 ? other : own)));
  }
};

const cuda::Twin losses{typeid(AnchorLosses), [](Context& ctx, const void* k) {
                          const Losses l{*static_cast<const AnchorLosses*>(k)};
                          run_losses(ctx, l, l.h.rows, l.views);
                        }};
const cuda::Twin grads{typeid(AnchorGrads), [](Context& ctx, const void* k) {
                         const Grads g{*static_cast<const AnchorGrads*>(k)};
                         run_grads(ctx, g, g.h.rows, g.h.cols, g.views + 1);
                       }};

}  // namespace
}  // namespace parallax::tiles

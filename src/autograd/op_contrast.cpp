#include "op_contrast.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "../tensor/gemm.h"
#include "contrast_kernels.h"

namespace parallax {

Tensor AnchorContrast::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = x[0].rows(), h = x[0].cols(), V = static_cast<int64_t>(x.size()) - 1;
  PLX_CHECK(shape, V > 0 && n > 1, "anchor_contrast: ", V, " views of ", n, " rows");
  for (const Tensor& t : x)
    PLX_CHECK(shape, t.shape() == x[0].shape(), "anchor_contrast: ", t.shape(), " beside ", x[0].shape());
  Tensor rows = Tensor::empty(ctx, x[0].dtype(), {V * n, 1});
  const double weight = at.weight / static_cast<double>(n);
  if (tiled(ctx, x[0].dtype())) {
    for (const Tensor& t : x) s.x.push_back(t);
    s.log_sums = Tensor::empty(ctx, DType::f32, {V * n, 1});
    AnchorLosses k{.h = x[0].mat<float>(),
                   .loss = rows.ptr<float>(),
                   .log_sum = s.log_sums.ptr<float>(),
                   .by = static_cast<float>(1 / at.tau),
                   .views = V};
    for (int64_t v = 0; v < V; ++v) k.r[v] = x[static_cast<size_t>(v) + 1].mat<float>();
    run_device(ctx, k);
    return sum_rows(ctx, rows, V, weight);
  }
  s.dh = Tensor::samples(ctx, x[0].dtype(), {V * n, h});
  s.dr = Tensor::samples(ctx, x[0].dtype(), {V * n, h});
  Tensor sim = Tensor::samples(ctx, x[0].dtype(), {std::min(n, kAnchorTile), n});
  by_float(rows.dtype(), [&]<class T>(T) {
    for (int64_t v = 0; v < V; ++v) {
      const Tensor& r = x[static_cast<size_t>(v) + 1];
      for (int64_t first = 0; first < n; first += kAnchorTile) {
        const int64_t m = std::min(kAnchorTile, n - first);
        const Tensor anchors = x[0].row_range(first, m), tile = sim.row_range(0, m);
        gemm(ctx, anchors, r, tile, {.tb = true, .alpha = 1 / at.tau});
        run(ctx, AnchorRows<T>{tile.mat<T>(), rows.ptr<T>() + v * n + first, first, static_cast<T>(weight)});
        gemm(ctx, tile, r, s.dh.row_range(v * n + first, m), {.alpha = 1 / at.tau});
        gemm(ctx, tile, anchors, s.dr.row_range(v * n, n),
             {.ta = true, .alpha = 1 / at.tau, .beta = first ? 1.0 : 0.0});
      }
    }
  });
  return sum_rows(ctx, rows, V, weight);
}

void AnchorContrast::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const int64_t V = gy.rows();
  if (s.log_sums.defined()) {
    const Tensor& h = s.x[0];
    AnchorGrads k{.h = h.mat<float>(),
                  .log_sum = s.log_sums.ptr<float>(),
                  .gy = gy.mat<float>(),
                  .by = static_cast<float>(1 / at.tau),
                  .weight = static_cast<float>(at.weight / static_cast<double>(h.rows())),
                  .views = V,
                  .dh = tiled_grad(ctx, g[0])};
    for (int v = 0; v < V; ++v) {
      k.r[v] = s.x[v + 1].mat<float>();
      k.dr[v] = tiled_grad(ctx, g[static_cast<size_t>(v) + 1]);
    }
    run_device(ctx, k);
    return;
  }
  const int64_t n = s.dh.rows() / V;
  for (int64_t v = 0; v < V; ++v) {
    const Tensor by = gy.row_range(v, 1);
    if (g[0]) {
      const Grad::Open o = g[0].open(ctx);
      axpby(ctx, 1, s.dh.row_range(v * n, n), o.beta, o.tensor, by);
    }
    if (const Grad& gr = g[static_cast<size_t>(v) + 1]) {
      const Grad::Open o = gr.open(ctx);
      axpby(ctx, 1, s.dr.row_range(v * n, n), o.beta, o.tensor, by);
    }
  }
}

Var anchor_contrast(const Var& h, std::span<const Var> r, double tau, double weight) {
  Small<Var, kMaxProblems + 1> in{h};
  for (const Var& v : r) in.push_back(v);
  return apply<AnchorContrast>({tau, weight}, in.span());
}

}  // namespace parallax

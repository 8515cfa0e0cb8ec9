#include "op_structure.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "../tensor/gemm.h"
#include "basic_kernels.h"
#include "structure_kernels.h"

namespace parallax {

Tensor neighbour_counts(Context& ctx, std::span<const Tensor> views, int64_t k) {
  PLX_CHECK(shape, !views.empty() && views[0].rows() > 0, "neighbour counts of no rows");
  const int64_t n = views[0].rows();
  PLX_CHECK(config, k >= 1 && k <= n, "neighbour counts: ", k, " neighbours among ", n, " rows");
  const DType type = views[0].dtype();
  for (const Tensor& x : views)
    PLX_CHECK(shape, x.rows() == n, "neighbour counts: views of ", n, " and ", x.rows(), " rows");
  if (tiled(ctx, type) && k <= NearestLists::kMost && views.size() <= kMaxProblems) {
    const Tensor padded = Tensor::zeros(ctx, DType::u8, {(n * n + 3) / 4 * 4, 1});
    const auto V = static_cast<int64_t>(views.size());
    const Tensor norms = Tensor::empty(ctx, DType::f64, {V * n, 1});
    NearestLists lists{.norms = norms.ptr<double>(), .counts = padded.ptr<uint8_t>(), .views = V, .n = n, .k = k};
    for (size_t v = 0; v < views.size(); ++v) lists.x[v] = views[v].mat<float>();
    run_device(ctx, lists);
    return padded.row_range(0, n * n).reshape({n, n});
  }
  Tensor counts = Tensor::zeros(ctx, DType::u8, {n, n});
  Tensor norms = Tensor::empty(ctx, DType::f64, {n, 1}), lengths = Tensor::empty(ctx, type, {n, 1});
  Tensor sim = Tensor::samples(ctx, type, {std::min(n, kAnchorTile), n}),
         exact = Tensor::samples(ctx, DType::f64, {std::min(n, kAnchorTile), n});
  by_float(type, [&]<class T>(T) {
    for (const Tensor& x : views) {
      Tensor unit = Tensor::samples(ctx, type, x.shape());
      run(ctx, NormalizeRows<T>{x.mat<T>(), unit.mat<T>(), lengths.ptr<T>(), static_cast<T>(1e-12)});
      run(ctx, SquaredNorms<T>{x.mat<T>(), norms.ptr<double>()});
      const double rounding = sizeof(T) == 4 ? 6e-8 : 1.2e-16;
      for (int64_t first = 0; first < n; first += kAnchorTile) {
        const int64_t m = std::min(kAnchorTile, n - first);
        const Tensor tile = sim.row_range(0, m);
        gemm(ctx, unit.row_range(first, m), unit, tile, {.tb = true});
        run(ctx, NearestRows<T>{tile.mat<T>(), exact.row_range(0, m).mat<double>(), x.mat<T>(), norms.ptr<double>(),
                                counts.ptr<uint8_t>(), first, k,
                                static_cast<T>(4 * rounding * static_cast<double>(x.cols() + 8))});
      }
    }
  });
  return counts;
}

Tensor StructureContrast::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const Tensor &h = x[0], &q = x[1];
  const int64_t n = q.rows(), d = q.cols();
  PLX_CHECK(shape, n > 0 && h.rows() > 0 && h.rows() % n == 0 && h.cols() == d, "structure_contrast: views ", h.shape(),
            " beside fused vectors ", q.shape());
  PLX_CHECK(shape, at.counts.shape() == (Shape{n, n}), "structure_contrast: counts ", at.counts.shape(), " for ", n,
            " rows");
  const int64_t V = h.rows() / n;
  Tensor rows = Tensor::empty(ctx, h.dtype(), {V * 2 * n, 1});
  const double weight = 1 / static_cast<double>(2 * n);
  if (tiled(ctx, h.dtype())) {
    s.h = h;
    s.q = q;
    s.log_sums = Tensor::empty(ctx, DType::f32, {V * 2 * n, 1});
    run_device(
        ctx, StructureLosses{h.mat<float>(), q.mat<float>(), at.counts.ptr<uint8_t>(), rows.ptr<float>(),
                             s.log_sums.ptr<float>(), static_cast<float>(1 / at.tau), static_cast<float>(1.0 / at.of)});
    return sum_rows(ctx, rows, V, weight);
  }
  s.dr = Tensor::samples(ctx, h.dtype(), {V * 2 * n, d});
  Tensor r = Tensor::samples(ctx, h.dtype(), {2 * n, d});
  Tensor sim = Tensor::samples(ctx, h.dtype(), {std::min(2 * n, kAnchorTile), 2 * n});
  axpby(ctx, 1, q, 0, r.row_range(n, n));
  by_float(rows.dtype(), [&]<class T>(T) {
    for (int64_t v = 0; v < V; ++v) {
      axpby(ctx, 1, h.row_range(v * n, n), 0, r.row_range(0, n));
      const Tensor dr = s.dr.row_range(v * 2 * n, 2 * n);
      for (int64_t first = 0; first < 2 * n; first += kAnchorTile) {
        const int64_t m = std::min(kAnchorTile, 2 * n - first);
        const Tensor anchors = r.row_range(first, m), tile = sim.row_range(0, m);
        gemm(ctx, anchors, r, tile, {.tb = true, .alpha = 1 / at.tau});
        run(ctx, StructureRows<T>{tile.mat<T>(), at.counts.ptr<uint8_t>(), rows.ptr<T>() + v * 2 * n + first, first,
                                  static_cast<T>(1.0 / at.of), static_cast<T>(weight)});
        // both sides of a pair: E^T r reaches all rows, E r the anchors
        gemm(ctx, tile, anchors, dr, {.ta = true, .alpha = 1 / at.tau, .beta = first ? 1.0 : 0.0});
        gemm(ctx, tile, r, dr.row_range(first, m), {.alpha = 1 / at.tau, .beta = 1});
      }
    }
  });
  return sum_rows(ctx, rows, V, weight);
}

void StructureContrast::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  if (s.log_sums.defined()) {
    run_device(ctx,
               StructureGrads{s.h.mat<float>(), s.q.mat<float>(), at.counts.ptr<uint8_t>(), s.log_sums.ptr<float>(),
                              gy.mat<float>(), static_cast<float>(1 / at.tau), static_cast<float>(1.0 / at.of),
                              static_cast<float>(1 / static_cast<double>(2 * s.q.rows())), tiled_grad(ctx, g[0]),
                              tiled_grad(ctx, g[1])});
    return;
  }
  const int64_t V = gy.rows(), n = s.dr.rows() / (2 * V);
  for (int64_t v = 0; v < V && g[1]; ++v) {
    const Grad::Open o = g[1].open(ctx);
    axpby(ctx, 1, s.dr.row_range(v * 2 * n + n, n), o.beta, o.tensor, gy.row_range(v, 1));
  }
  if (!g[0]) return;
  const Grad::Open o = g[0].open(ctx);
  for (int64_t v = 0; v < V; ++v)
    axpby(ctx, 1, s.dr.row_range(v * 2 * n, n), o.beta, o.tensor.row_range(v * n, n), gy.row_range(v, 1));
}

Var structure_contrast(const Var& h, const Var& q, const Tensor& counts, int of, double tau) {
  return apply<StructureContrast>({counts, of, tau}, {h, q});
}

}  // namespace parallax

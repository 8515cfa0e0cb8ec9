#include "sparsity.h"

#include "../tensor/elementwise.h"

namespace parallax {

Sparsity sparsity_of(Context& ctx, std::span<const Tensor> views, double theta, double beta, bool all) {
  const int64_t V = static_cast<int64_t>(views.size()), n = views[0].rows();
  Sparsity s;
  const DType type = views[0].dtype();
  s.sparsity = Tensor::empty(ctx, type, {V + 1, 1});
  s.gate = Tensor::empty(ctx, type, {V + 1, 1});
  Tensor counts = Tensor::empty(ctx, type, {V, n});
  by_float(type, [&]<class T>(T) {
    ZeroCounts<T> z;
    GateRow<T> g;
    z.counts = counts.mat<T>();
    for (int64_t v = 0; v < V; ++v) {
      z.x[v] = views[static_cast<size_t>(v)].mat<T>();
      g.dims[v] = views[static_cast<size_t>(v)].cols();
    }
    run(ctx, z);
    g.counts = counts.mat<T>();
    g.sparsity = s.sparsity.ptr<T>();
    g.gate = s.gate.ptr<T>();
    g.theta = theta;
    g.beta = beta;
    g.all = all;
    run(ctx, g);
  });
  return s;
}

Tensor concat_views(Context& ctx, std::span<const Tensor> views) {
  int64_t cols = 0;
  for (const Tensor& v : views) cols += v.cols();
  Tensor y = Tensor::empty(ctx, views[0].dtype(), {views[0].rows(), cols});
  int64_t at = 0;
  for (const Tensor& v : views) {
    axpby(ctx, 1, v, 0, y.col_range(at, v.cols()));
    at += v.cols();
  }
  return y;
}

}  // namespace parallax

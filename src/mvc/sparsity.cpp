#include "sparsity.h"

#include <cmath>

#include "../tensor/elementwise.h"

namespace parallax {

Sparsity sparsity_of(Context& ctx, std::span<const Tensor> views, double theta, double beta, bool all) {
  const int64_t V = static_cast<int64_t>(views.size()), n = views[0].rows();
  PLX_CHECK(data, V < kMaxProblems, V, " views; at most ", kMaxProblems - 1, " are supported");
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

Sparsity sparsity_from(Context& ctx, DType type, const std::vector<double>& zeros, double theta, double beta,
                       bool all) {
  std::vector<double> s, gates;
  double sum = 0;
  for (const double z : zeros) s.push_back(std::rint(z * 1e4) / 1e4), sum += s.back();
  s.push_back(sum / static_cast<double>(zeros.size()));
  for (const double x : s) gates.push_back(beta * (all ? 1.0 : x <= theta ? 0.0 : (x - theta) / (1 - theta)));
  const Shape shape{static_cast<int64_t>(s.size()), 1};
  Sparsity r{Tensor::persistent(ctx, type, shape), Tensor::persistent(ctx, type, shape)};
  r.sparsity.assign(s);
  r.gate.assign(gates);
  return r;
}

Tensor concat_views(Context& ctx, std::span<const Tensor> views) {
  int64_t cols = 0;
  for (const Tensor& v : views) cols += v.cols();
  Tensor y = Tensor::samples(ctx, views[0].dtype(), {views[0].rows(), cols});
  int64_t at = 0;
  for (const Tensor& v : views) {
    axpby(ctx, 1, v, 0, y.col_range(at, v.cols()));
    at += v.cols();
  }
  return y;
}

}  // namespace parallax

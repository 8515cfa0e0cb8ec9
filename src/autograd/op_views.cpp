#include "op_views.h"

#include "views_kernels.h"

namespace parallax {

namespace {
int views_of(In x, std::string_view name, int64_t n) {
  PLX_CHECK(shape, x.size() > 1, name, ": no views");
  for (size_t v = 1; v < x.size(); ++v)
    PLX_CHECK(shape, x[v].rows() == n && x[v].cols() == x[1].cols(), name, ": view ", v - 1, " is ", x[v].shape(), ", ",
              n, " x ", x[1].cols(), " is needed");
  return static_cast<int>(x.size()) - 1;
}
template <class T>
void row_dots(Context& ctx, const Tensor& q, std::span<const Tensor> k, const Tensor& y, double scale, double beta) {
  RowDots<T> r;
  r.q = q.mat<T>();
  for (size_t v = 0; v < k.size(); ++v) r.k[v] = k[v].mat<T>();
  r.y = y.mat<T>();
  r.scale = static_cast<T>(scale);
  r.beta = static_cast<T>(beta);
  run(ctx, r);
}
template <class T>
void row_mix(Context& ctx, const Tensor& w, std::span<const Tensor> z, const Tensor& y, double scale, double beta) {
  RowMix<T> r;
  r.w = w.mat<T>();
  for (size_t v = 0; v < z.size(); ++v) r.z[v] = z[v].mat<T>();
  r.y = y.mat<T>();
  r.scale = static_cast<T>(scale);
  r.beta = static_cast<T>(beta);
  run(ctx, r);
}
// gradient of the views' rows: weights[:, v] times x
template <class T>
void row_scale(Context& ctx, const Tensor& x, const Tensor& weights, std::span<const Grad> g, double scale) {
  RowScale<T> r{.x = x.mat<T>(), .w = weights.mat<T>(), .y = {}, .beta = {}, .scale = static_cast<T>(scale)};
  for (size_t v = 0; v < g.size(); ++v) {
    if (!g[v]) continue;
    const Grad::Open o = g[v].open(ctx);
    bool again = false;  // a view that comes twice is written twice
    for (size_t u = 0; u < v; ++u) again = again || r.y[u].p == o.tensor.ptr<T>();
    if (again) {
      run(ctx, r);
      for (size_t u = 0; u < v; ++u) r.y[u] = {};
    }
    r.y[v] = o.tensor.mat<T>();
    r.beta[v] = static_cast<T>(o.beta);
  }
  run(ctx, r);
}
}  // namespace

Tensor ViewScores::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int V = views_of(x, name, x[0].rows());
  PLX_CHECK(shape, x[0].cols() == x[1].cols(), "view_scores: query and keys differ in width");
  for (const Tensor& t : x) s.x.push_back(t);
  Tensor y = Tensor::samples(ctx, x[0].dtype(), {x[0].rows(), V});
  by_float(y.dtype(), [&]<class T>(T) { row_dots<T>(ctx, x[0], x.subspan(1), y, at.scale, 0); });
  return y;
}
void ViewScores::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  by_float(gy.dtype(), [&]<class T>(T) {
    if (g[0]) {
      const Grad::Open o = g[0].open(ctx);
      row_mix<T>(ctx, gy, s.x.span().subspan(1), o.tensor, at.scale, o.beta);
    }
    row_scale<T>(ctx, s.x[0], gy, g.subspan(1), at.scale);
  });
}
Var view_scores(const Var& q, std::span<const Var> k, double scale) {
  Small<Var, kMaxProblems + 1> in{q};
  for (const Var& v : k) in.push_back(v);
  return apply<ViewScores>({scale}, in.span());
}

Tensor ViewMix::forward(Context& ctx, const Attr&, Saved& s, In x) {
  const int V = views_of(x, name, x[0].rows());
  PLX_CHECK(shape, x[0].cols() == V, "view_mix: ", x[0].cols(), " weights for ", V, " views");
  for (const Tensor& t : x) s.x.push_back(t);
  Tensor y = Tensor::samples(ctx, x[0].dtype(), x[1].shape());
  by_float(y.dtype(), [&]<class T>(T) { row_mix<T>(ctx, x[0], x.subspan(1), y, 1, 0); });
  return y;
}
void ViewMix::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  by_float(gy.dtype(), [&]<class T>(T) {
    if (g[0]) {
      const Grad::Open o = g[0].open(ctx);
      row_dots<T>(ctx, gy, s.x.span().subspan(1), o.tensor, 1, o.beta);
    }
    row_scale<T>(ctx, gy, s.x[0], g.subspan(1), 1);
  });
}
Var view_mix(const Var& w, std::span<const Var> z) {
  Small<Var, kMaxProblems + 1> in{w};
  for (const Var& v : z) in.push_back(v);
  return parallax::apply<ViewMix>({}, in.span());
}

}  // namespace parallax

#include "op_diffusion.h"

#include "diffusion_kernels.h"
#include "norm_kernels.h"

namespace parallax {

Tensor DiffusionChain::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const Tensor &c = x[0], &w0 = x[1], &w2 = x[5];
  const int64_t n = c.rows(), h = w2.rows(), hidden = w2.cols(), K = static_cast<int64_t>(at.steps.size()),
                R = at.repeats;
  PLX_CHECK(config, K > 0 && R > 0, "diffusion_chain: ", K, " steps of ", R, " repeats");
  PLX_CHECK(shape, w0.shape() == (Shape{hidden, h + c.cols()}) && x[6].count() == h, "diffusion_chain: first layer ",
            w0.shape(), ", ", Shape{hidden, h + c.cols()}, " is needed");
  for (size_t i = 2; i < 5; ++i)
    PLX_CHECK(shape, x[i].shape() == (Shape{1, hidden}), "diffusion_chain: ", x[i].shape(), " where ", Shape{1, hidden},
              " is needed");
  const DType type = c.dtype();
  s = {c,
       w0,
       x[3],
       x[4],
       w2,
       Tensor::samples(ctx, type, {K * R * n, h}),
       Tensor::samples(ctx, type, {K * R * n, hidden}),
       Tensor::empty(ctx, type, {K * R * n, 1})};
  Tensor cond = Tensor::samples(ctx, type, {n, hidden}), o = Tensor::samples(ctx, type, {R * n, hidden});
  Tensor last = Tensor::samples(ctx, type, {R * n, h}), q = Tensor::samples(ctx, type, {n, h});
  gemm(ctx, c, w0.col_range(h, c.cols()), cond, {.tb = true, .bias = x[2]});
  by_float(type, [&]<class T>(T) {
    run(ctx, NoiseRows<T>{s.z.row_range(0, R * n).mat<T>(), at.draw.as<T>(), n, static_cast<T>(at.noise)});
    for (int64_t k = 0; k < K; ++k) {
      const ChainStep step = at.steps[static_cast<size_t>(k)];
      const Tensor z = s.z.row_range(k * R * n, R * n), u = s.xh.row_range(k * R * n, R * n);
      const Tensor next = k + 1 < K ? s.z.row_range((k + 1) * R * n, R * n) : last;
      gemm(ctx, z, w0.col_range(0, h), u, {.tb = true});
      const NormRows<T> norm{u.mat<T>(),
                             cond.mat<T>(),
                             u.mat<T>(),
                             o.mat<T>(),
                             s.inverse.row_range(k * R * n, R * n).ptr<T>(),
                             s.gamma.ptr<T>(),
                             s.beta.ptr<T>(),
                             static_cast<T>(at.eps),
                             true};
      run(ctx, DenoiseRows<T>{norm, z.mat<T>(), x[6].ptr<T>(), next.mat<T>(), static_cast<T>(step.a),
                              static_cast<T>(step.g)});
      gemm(ctx, o, w2, next, {.tb = true, .alpha = step.g, .beta = 1});
    }
    run(ctx, FoldRepeats<T>{last.mat<T>(), q.mat<T>(), static_cast<T>(1.0 / static_cast<double>(R)), T(0)});
  });
  return q;
}

void DiffusionChain::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const int64_t n = s.c.rows(), C = s.c.cols(), h = s.w2.rows(), hidden = s.w2.cols();
  const int64_t K = static_cast<int64_t>(at.steps.size()), R = at.repeats, rows = R * n;
  const DType type = gy.dtype();
  // rows of all steps, so that each weight has one product: dz of the steps' results, gz of the second products', du of
  // the normalised values, dv of what is normalised
  const auto rows_of = [&](int64_t cols) { return Tensor::samples(ctx, type, {K * rows, cols}); };
  const Tensor dz = rows_of(h), gz = rows_of(h), o = rows_of(hidden), du = rows_of(hidden), dv = rows_of(hidden),
               dcond = Tensor::samples(ctx, type, {n, hidden});
  Grad::Open open[7] = {};
  for (size_t i = 0; i < 7; ++i)
    if (g[i]) open[i] = g[i].open(ctx);
  const auto step = [&](int64_t k) { return at.steps[static_cast<size_t>(k)]; };
  const auto of = [&](const Tensor& t, int64_t k) { return t.row_range(k * rows, rows); };
  by_float(type, [&]<class T>(T) {
    run(ctx, SpreadRepeats<T>{gy.mat<T>(), of(dz, K - 1).mat<T>(), static_cast<T>(1.0 / static_cast<double>(R))});
    for (int64_t k = K; k-- > 0;) {
      gemm(ctx, of(dz, k), s.w2, of(du, k), {.alpha = step(k).g});
      const NormGradRows<T> norm{of(du, k).mat<T>(),
                                 of(s.xh, k).mat<T>(),
                                 of(dv, k).mat<T>(),
                                 of(s.inverse, k).ptr<T>(),
                                 s.gamma.ptr<T>(),
                                 s.beta.ptr<T>(),
                                 T(0),
                                 true};
      const Mat<T> before = k > 0 ? of(dz, k - 1).mat<T>() : Mat<T>{};
      run(ctx, DenoiseGradRows<T>{norm, of(o, k).mat<T>(), of(dz, k).mat<T>(), of(gz, k).mat<T>(), before,
                                  static_cast<T>(step(k).a), static_cast<T>(step(k).g)});
      if (k > 0) gemm(ctx, of(dv, k), s.w0.col_range(0, h), of(dz, k - 1), {.beta = 1});
    }
    const auto at_of = [&](size_t i) { return g[i] ? open[i].tensor.ptr<T>() : nullptr; };
    const auto keep = [&](size_t i) { return static_cast<T>(open[i].beta); };
    run(ctx, DenoiseGradColumns<T>{{du.mat<T>(), s.xh.mat<T>(), s.gamma.ptr<T>(), s.beta.ptr<T>(), at_of(3), at_of(4),
                                    keep(3), keep(4), true},
                                   {dv.mat<T>(), at_of(2), keep(2)},
                                   {gz.mat<T>(), at_of(6), keep(6)}});
    run(ctx, FoldRepeats<T>{dv.mat<T>(), dcond.mat<T>(), T(1), T(0)});
    Small<Product<T>> list;
    if (g[5]) list.push_back(product<T>(gz, o, open[5].tensor, {.ta = true, .beta = open[5].beta}));
    if (g[1]) {
      const Tensor& w = open[1].tensor;
      list.push_back(product<T>(dv, s.z, w.col_range(0, h), {.ta = true, .beta = open[1].beta}));
      list.push_back(product<T>(dcond, s.c, w.col_range(h, C), {.ta = true, .beta = open[1].beta}));
    }
    if (g[0]) list.push_back(product<T>(dcond, s.w0.col_range(h, C), open[0].tensor, {.beta = open[0].beta}));
    gemm<T>(ctx, list.span());
  });
}

Var diffusion_chain(const Var& c, const DenoiserVars& p, const DiffusionChain::Attr& attr) {
  return apply<DiffusionChain>(attr, {c, p.w0, p.b0, p.gamma, p.beta, p.w2, p.b2});
}

}  // namespace parallax

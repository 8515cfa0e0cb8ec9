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
      run(ctx,
          NormRows<T>{u.mat<T>(), cond.mat<T>(), u.mat<T>(), o.mat<T>(), s.inverse.row_range(k * R * n, R * n).ptr<T>(),
                      s.gamma.ptr<T>(), s.beta.ptr<T>(), static_cast<T>(at.eps), true});
      run(ctx, StepRows<T>{z.mat<T>(), x[6].ptr<T>(), next.mat<T>(), static_cast<T>(step.a), static_cast<T>(step.g)});
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
  Tensor dz = Tensor::samples(ctx, type, {rows, h}), du = Tensor::samples(ctx, type, {rows, hidden});
  Tensor o = Tensor::samples(ctx, type, {rows, hidden}), dcond = Tensor::samples(ctx, type, {n, hidden});
  Grad::Open open[7];
  for (size_t i = 0; i < 7; ++i)
    if (g[i]) open[i] = g[i].open(ctx);
  by_float(type, [&]<class T>(T) {
    run(ctx, SpreadRepeats<T>{gy.mat<T>(), dz.mat<T>(), static_cast<T>(1.0 / static_cast<double>(R))});
    for (int64_t k = K; k-- > 0;) {
      const ChainStep step = at.steps[static_cast<size_t>(k)];
      const Tensor z = s.z.row_range(k * rows, rows), xh = s.xh.row_range(k * rows, rows);
      const bool first = k + 1 == K;  // to write
      const auto keep = [&](size_t i) { return first ? open[i].beta : 1.0; };
      gemm(ctx, dz, s.w2, du, {.alpha = step.g});
      if (g[5]) {
        run(ctx, ReluAffine<T>{xh.mat<T>(), s.gamma.ptr<T>(), s.beta.ptr<T>(), o.mat<T>()});
        gemm(ctx, dz, o, open[5].tensor, {.ta = true, .alpha = step.g, .beta = keep(5)});
      }
      if (g[6])
        run(ctx,
            WeighColumns<T>{dz.mat<T>(), open[6].tensor.ptr<T>(), static_cast<T>(step.g), static_cast<T>(keep(6))});
      if (g[3] || g[4])
        run(ctx, NormGradColumns<T>{du.mat<T>(), xh.mat<T>(), s.gamma.ptr<T>(), s.beta.ptr<T>(),
                                    g[3] ? open[3].tensor.ptr<T>() : nullptr, g[4] ? open[4].tensor.ptr<T>() : nullptr,
                                    static_cast<T>(keep(3)), static_cast<T>(keep(4)), true});
      run(ctx, NormGradRows<T>{du.mat<T>(), xh.mat<T>(), du.mat<T>(), s.inverse.row_range(k * rows, rows).ptr<T>(),
                               s.gamma.ptr<T>(), s.beta.ptr<T>(), T(0), true});
      run(ctx, FoldRepeats<T>{du.mat<T>(), dcond.mat<T>(), T(1), first ? T(0) : T(1)});
      if (g[1]) gemm(ctx, du, z, open[1].tensor.col_range(0, h), {.ta = true, .beta = keep(1)});
      if (k > 0) gemm(ctx, du, s.w0.col_range(0, h), dz, {.beta = step.a});
    }
    if (g[2]) run(ctx, WeighColumns<T>{dcond.mat<T>(), open[2].tensor.ptr<T>(), T(1), static_cast<T>(open[2].beta)});
  });
  if (g[1]) gemm(ctx, dcond, s.c, open[1].tensor.col_range(h, C), {.ta = true, .beta = open[1].beta});
  if (g[0]) gemm(ctx, dcond, s.w0.col_range(h, C), open[0].tensor, {.beta = open[0].beta});
}

Var diffusion_chain(const Var& c, const DenoiserVars& p, const DiffusionChain::Attr& attr) {
  return apply<DiffusionChain>(attr, {c, p.w0, p.b0, p.gamma, p.beta, p.w2, p.b2});
}

}  // namespace parallax

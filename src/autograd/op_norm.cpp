#include "op_norm.h"

#include "norm_kernels.h"

namespace parallax {

Tensor LayerNorm::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const Shape row{1, x[0].cols()};
  PLX_CHECK(shape, row.cols > 0 && x[1].shape() == row && x[2].shape() == row, "layer_norm: rows of ", row.cols,
            " with gamma ", x[1].shape(), " and beta ", x[2].shape());
  s.gamma = x[1];
  s.beta = x[2];
  s.xh = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  s.inverse = Tensor::empty(ctx, x[0].dtype(), {x[0].rows(), 1});
  Tensor y = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  by_float(y.dtype(), [&]<class T>(T) {
    run(ctx, NormRows<T>{x[0].mat<T>(),
                         {},
                         s.xh.mat<T>(),
                         y.mat<T>(),
                         s.inverse.ptr<T>(),
                         s.gamma.ptr<T>(),
                         s.beta.ptr<T>(),
                         static_cast<T>(at.eps),
                         at.relu});
  });
  return y;
}

void LayerNorm::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  by_float(gy.dtype(), [&]<class T>(T) {
    if (g[1] || g[2]) {
      NormGradColumns<T> k{gy.mat<T>(), s.xh.mat<T>(), s.gamma.ptr<T>(), s.beta.ptr<T>(), nullptr, nullptr, 0,
                           0,           at.relu};
      if (g[1]) {
        const Grad::Open o = g[1].open(ctx);
        k.dgamma = o.tensor.ptr<T>();
        k.keep_gamma = static_cast<T>(o.beta);
      }
      if (g[2]) {
        const Grad::Open o = g[2].open(ctx);
        k.dbeta = o.tensor.ptr<T>();
        k.keep_beta = static_cast<T>(o.beta);
      }
      run(ctx, k);
    }
    if (g[0]) {
      const Grad::Open o = g[0].open(ctx);
      run(ctx, NormGradRows<T>{gy.mat<T>(), s.xh.mat<T>(), o.tensor.mat<T>(), s.inverse.ptr<T>(), s.gamma.ptr<T>(),
                               s.beta.ptr<T>(), static_cast<T>(o.beta), at.relu});
    }
  });
}

Var layer_norm(const Var& x, const Var& gamma, const Var& beta, bool relu, double eps) {
  return apply<LayerNorm>({eps, relu}, {x, gamma, beta});
}

}  // namespace parallax

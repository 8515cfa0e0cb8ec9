#include "op_sparse.h"

#include "../tensor/elementwise.h"
#include "sparse_kernels.h"

namespace parallax {

Tensor ActivationEntropy::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t G = at.factor.rows();
  const Tensor& a = x[0];
  PLX_CHECK(shape, G > 0 && a.rows() % G == 0, "activation_entropy: ", a.rows(), " rows are not ", G,
            " equal problems");
  s.slope = Tensor::samples(ctx, a.dtype(), {G, a.cols()});
  Tensor kl = Tensor::samples(ctx, a.dtype(), {G, a.cols()});
  by_float(a.dtype(), [&]<class T>(T) {
    const double weight = at.mean_units ? 1.0 / static_cast<double>(a.cols()) : 1.0;
    run(ctx, EntropyColumns<T>{a.mat<T>(), kl.mat<T>(), s.slope.mat<T>(), at.factor.ptr<T>(), G, at.rho,
                               static_cast<T>(weight)});
  });
  return sum_rows(ctx, kl, G);
}

void ActivationEntropy::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, SpreadRows<T>{s.slope.mat<T>(), gy.ptr<T>(), o.tensor.mat<T>(), static_cast<T>(o.beta)});
  });
}

Var activation_entropy(const Var& a, const Tensor& factor, double rho, bool mean_units) {
  return apply<ActivationEntropy>({factor, rho, mean_units}, {a});
}

}  // namespace parallax

#include "op_classify.h"

#include "../tensor/elementwise.h"
#include "classify_kernels.h"

namespace parallax {

Tensor Gelu::forward(Context& ctx, const Attr&, Saved& s, In x) {
  s.x = x[0];
  Tensor y = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  by_float(y.dtype(), [&]<class T>(T) { run(ctx, GeluRows<T>{x[0].mat<T>(), y.mat<T>()}); });
  return y;
}
void Gelu::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, GeluGrad<T>{s.x.mat<T>(), gy.mat<T>(), o.tensor.mat<T>(), static_cast<T>(o.beta)});
  });
}
Var gelu(const Var& x) { return apply<Gelu>({}, {x}); }

Tensor CrossEntropy::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = x[0].rows();
  PLX_CHECK(shape, n > 0 && x[0].cols() > 0 && at.labels.count() == n, "cross_entropy: ", at.labels.count(),
            " labels for logits ", x[0].shape());
  s.dx = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  Tensor rows = Tensor::empty(ctx, x[0].dtype(), {n, 1});
  const double weight = 1 / static_cast<double>(n);
  by_float(rows.dtype(), [&]<class T>(T) {
    run(ctx, CrossEntropyRows<T>{x[0].mat<T>(), at.labels.ptr<int64_t>(), s.dx.mat<T>(), rows.ptr<T>(),
                                 static_cast<T>(weight)});
  });
  return sum_rows(ctx, rows, 1, weight);
}
void CrossEntropy::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  axpby(ctx, 1, s.dx, o.beta, o.tensor, gy);
}
Var cross_entropy(const Var& logits, const Tensor& labels) { return apply<CrossEntropy>({labels}, {logits}); }

}  // namespace parallax

#include "op_codes.h"

#include "codes_kernels.h"

namespace parallax {

Tensor JoinCommon::forward(Context& ctx, const Attr& at, Saved&, In x) {
  const int64_t blocks = at.views + 1;
  PLX_CHECK(shape, at.views > 0 && x[0].rows() % blocks == 0, "join_common: ", x[0].rows(), " rows are not ", blocks,
            " equal blocks");
  const int64_t n = x[0].rows() / blocks;
  Tensor y = Tensor::samples(ctx, x[0].dtype(), {at.views * n, 2 * x[0].cols()});
  by_float(y.dtype(), [&]<class T>(T) { run(ctx, JoinRows<T>{x[0].mat<T>(), y.mat<T>(), n}); });
  return y;
}
void JoinCommon::backward(Context& ctx, const Attr& at, const Saved&, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  const int64_t n = gy.rows() / at.views;
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, JoinGrad<T>{gy.mat<T>(), o.tensor.mat<T>(), n, static_cast<T>(o.beta)});
  });
}
Var join_common(const Var& z, int views) { return apply<JoinCommon>({views}, {z}); }

Tensor SideBySide::forward(Context& ctx, const Attr& at, Saved&, In x) {
  PLX_CHECK(shape, at.problems > 0 && x[0].rows() % at.problems == 0, "side_by_side: ", x[0].rows(), " rows are not ",
            at.problems, " equal problems");
  Tensor y = Tensor::samples(ctx, x[0].dtype(), {x[0].rows() / at.problems, at.problems * x[0].cols()});
  by_float(y.dtype(), [&]<class T>(T) { run(ctx, SideRows<T>{x[0].mat<T>(), y.mat<T>()}); });
  return y;
}
void SideBySide::backward(Context& ctx, const Attr&, const Saved&, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, SideGrad<T>{gy.mat<T>(), o.tensor.mat<T>(), static_cast<T>(o.beta)});
  });
}
Var side_by_side(const Var& z, int problems) { return problems == 1 ? z : apply<SideBySide>({problems}, {z}); }

}  // namespace parallax

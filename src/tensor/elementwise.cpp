#include "elementwise.h"

namespace parallax {

void fill(Context& ctx, const Tensor& t, double value) {
  by_float(t.dtype(), [&]<class T>(T) {
    Axpby<T> k;
    k.y = t.mat<T>();
    k.a = static_cast<T>(value);
    run(ctx, k);
  });
}

void axpby(Context& ctx, double a, const Tensor& x, double b, const Tensor& y, const Tensor& a_by) {
  PLX_CHECK(shape, x.shape() == y.shape(), "axpby of ", x.shape(), " and ", y.shape());
  by_float(y.dtype(), [&]<class T>(T) {
    run(ctx, Axpby<T>{x.mat<T>(), y.mat<T>(), static_cast<T>(a), static_cast<T>(b),
                      a_by.defined() ? a_by.ptr<T>() : nullptr});
  });
}

void gather_rows(Context& ctx, const Tensor& x, const Tensor& index, const Tensor& y) {
  PLX_CHECK(shape, index.count() == y.rows() && x.cols() == y.cols(), "gather of ", index.count(), " rows of ",
            x.shape(), " into ", y.shape());
  by_float(y.dtype(), [&]<class T>(T) { run(ctx, GatherRows<T>{x.mat<T>(), index.ptr<int64_t>(), y.mat<T>()}); });
}

Tensor sum_rows(Context& ctx, const Tensor& x, int64_t problems, double weight) {
  PLX_CHECK(shape, problems > 0 && x.rows() % problems == 0, x.rows(), " rows are not ", problems, " equal problems");
  Tensor out = Tensor::empty(ctx, x.dtype(), {problems, 1});
  by_float(x.dtype(), [&]<class T>(T) {
    run(ctx, SumRows<T>{x.mat<T>(), out.ptr<T>(), problems, static_cast<T>(weight), T(0)});
  });
  return out;
}

}  // namespace parallax

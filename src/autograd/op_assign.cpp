#include "op_assign.h"

#include "../tensor/elementwise.h"
#include "assign_kernels.h"

namespace parallax {

namespace {
int64_t rows_of_problem(const Tensor& x, int64_t problems, std::string_view name) {
  PLX_CHECK(shape, problems > 0 && x.rows() > 0 && x.cols() > 0 && x.rows() % problems == 0, name, ": ", x.shape(),
            " for ", problems, " equal problems");
  return x.rows() / problems;
}
// gradient rows of problem g times gy[g]
void scale_problems(Context& ctx, const Tensor& d, const Tensor& gy, const Grad& grad) {
  const Grad::Open o = grad.open(ctx);
  const int64_t n = d.rows() / gy.rows();
  Small<AxpbyPart> parts;
  for (int64_t g = 0; g < gy.rows(); ++g)
    parts.push_back({1, d.row_range(g * n, n), o.beta, o.tensor.row_range(g * n, n), gy.row_range(g, 1)});
  axpby(ctx, parts.span());
}
}  // namespace

Tensor GaussianKl::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = rows_of_problem(x[0], at.problems, name);
  PLX_CHECK(shape, x[0].cols() % 2 == 0, "gaussian_kl: ", x[0].cols(),
            " columns are not means and spreads of equal number");
  s.dx = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  Tensor rows = Tensor::empty(ctx, x[0].dtype(), {x[0].rows(), 1});
  const double weight =
      1 / (static_cast<double>(n) * (at.sum_coordinates ? 1.0 : static_cast<double>(x[0].cols()) / 2));
  by_float(s.dx.dtype(), [&]<class T>(T) {
    run(ctx, GaussianKlRows<T>{x[0].mat<T>(), s.dx.mat<T>(), rows.ptr<T>(), static_cast<T>(weight)});
  });
  return sum_rows(ctx, rows, at.problems, weight);
}
void GaussianKl::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  scale_problems(ctx, s.dx, gy, g[0]);
}
Var gaussian_kl(const Var& x, int problems, bool sum_coordinates) {
  return apply<GaussianKl>({problems, sum_coordinates}, {x});
}

Tensor UniformNll::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = rows_of_problem(x[0], at.problems, name), K = x[0].cols(), G = at.problems;
  const DType type = x[0].dtype();
  if (at.target == marginal) {
    s.da = Tensor::samples(ctx, type, {G, K});
    Tensor loss = Tensor::empty(ctx, type, {G, 1});
    by_float(type, [&]<class T>(T) {
      run(ctx, ColumnBalance<T>{x[0].mat<T>(), s.da.mat<T>(), loss.ptr<T>(), G, false});
    });
    return loss;
  }
  s.da = Tensor::samples(ctx, type, x[0].shape());
  Tensor rows = Tensor::empty(ctx, type, {G * n, 1});
  const Tensor targets = at.targets.defined() ? at.targets : Tensor::empty(ctx, DType::i64, {G * n, 1});
  PLX_CHECK(shape, targets.count() == G * n, "uniform_nll: room for ", targets.count(), " targets of ", G * n, " rows");
  const double weight = 1 / static_cast<double>(n);
  by_float(type, [&]<class T>(T) {
    if (at.target == sinkhorn) {
      const Tensor scratch = Tensor::samples(ctx, type, {G * K, n + 1}),
                   vectors = Tensor::samples(ctx, type, {3 * G, n});
      run(ctx, UniformTargets<T>{x[0].mat<T>(), scratch.mat<T>(), vectors.row_range(0, G).mat<T>(),
                                 vectors.row_range(G, G).mat<T>(), vectors.row_range(2 * G, G).mat<T>(),
                                 targets.ptr<int64_t>(), G, at.power, at.tolerance, at.iterations});
    }
    const Uniform mode = at.target == per_sample ? Uniform::per_sample
                         : at.double_softmax     ? Uniform::sinkhorn_double
                                                 : Uniform::sinkhorn;
    run(ctx, UniformNllRows<T>{x[0].mat<T>(), s.da.mat<T>(), targets.ptr<int64_t>(), rows.ptr<T>(),
                               static_cast<T>(weight), mode});
  });
  return sum_rows(ctx, rows, G, weight);
}
void UniformNll::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  if (at.target != marginal) return scale_problems(ctx, s.da, gy, g[0]);
  const Grad::Open o = g[0].open(ctx);
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, SpreadSlope<T>{s.da.mat<T>(), gy.ptr<T>(), o.tensor.mat<T>(), static_cast<T>(o.beta)});
  });
}

Tensor Balance::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t V = at.pairs.views, P = at.pairs.count();
  PLX_CHECK(shape, V > 1, "balance: ", V, " views make no pair");
  rows_of_problem(x[0], V, name);
  s.slope = Tensor::samples(ctx, x[0].dtype(), {V, x[0].cols()});
  Tensor views = Tensor::empty(ctx, x[0].dtype(), {V, 1}), loss = Tensor::empty(ctx, x[0].dtype(), {P, 1});
  by_float(x[0].dtype(), [&]<class T>(T) {
    run(ctx, ColumnBalance<T>{x[0].mat<T>(), s.slope.mat<T>(), views.ptr<T>(), V, true});
    run(ctx, PairSums<T>{views.ptr<T>(), loss.ptr<T>(), at.pairs, true});
  });
  return loss;
}
void Balance::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  Tensor views = Tensor::empty(ctx, gy.dtype(), {at.pairs.views, 1});
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, PairSums<T>{gy.ptr<T>(), views.ptr<T>(), at.pairs, false});
    run(ctx, SpreadSlope<T>{s.slope.mat<T>(), views.ptr<T>(), o.tensor.mat<T>(), static_cast<T>(o.beta)});
  });
}
Var balance(const Var& y, const Pairs& pairs) { return apply<Balance>({pairs}, {y}); }

Tensor SmoothedKl::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = rows_of_problem(x[0], at.problems, name);
  PLX_CHECK(shape, at.targets.count() == x[0].rows(), "smoothed_kl: ", at.targets.count(), " targets for ", x[0].rows(),
            " rows");
  PLX_CHECK(config, at.eps >= 0 && at.eps <= 1, "smoothed_kl: the smoothing is ", at.eps);
  s.dx = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  Tensor rows = Tensor::empty(ctx, x[0].dtype(), {x[0].rows(), 1});
  const double weight = at.scale / static_cast<double>(n);
  by_float(s.dx.dtype(), [&]<class T>(T) {
    run(ctx, SmoothedKlRows<T>{x[0].mat<T>(), s.dx.mat<T>(), at.targets.ptr<int64_t>(), rows.ptr<T>(),
                               static_cast<T>(weight), static_cast<T>(at.eps)});
  });
  return sum_rows(ctx, rows, at.problems, weight);
}
void SmoothedKl::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  scale_problems(ctx, s.dx, gy, g[0]);
}
Var smoothed_kl(const Var& logits, const Tensor& targets, int problems, double eps, double scale) {
  return apply<SmoothedKl>({problems, targets, eps, scale}, {logits});
}

Tensor argmax_rows(Context& ctx, const Tensor& x) {
  PLX_CHECK(shape, x.cols() > 0, "argmax of ", x.shape());
  Tensor y = Tensor::empty(ctx, DType::i64, {x.rows(), 1});
  by_float(x.dtype(), [&]<class T>(T) { run(ctx, ArgmaxRows<T>{x.mat<T>(), y.ptr<int64_t>()}); });
  return y;
}

}  // namespace parallax

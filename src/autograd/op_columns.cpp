#include "op_columns.h"

#include "column_kernels.h"

namespace parallax {

namespace {
int64_t rows_of_problem(const Tensor& x, int problems, std::string_view name) {
  PLX_CHECK(shape, problems > 0 && x.rows() % problems == 0, name, ": ", x.rows(), " rows are not ", problems,
            " equal problems");
  return x.rows() / problems;
}
}  // namespace

Tensor BatchNorm::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = rows_of_problem(x[0], at.problems, name), d = x[0].cols();
  PLX_CHECK(shape, !at.training || n > 1, "batch_norm: ", n, " rows have no variance");
  PLX_CHECK(internal, at.training || at.running_mean.size() == at.problems, "batch_norm: no running statistics");
  const int lists = at.shared ? 1 : at.problems;
  PLX_CHECK(shape, static_cast<int>(x.size()) == 1 + (at.bias ? 3 : 2) * lists, "batch_norm: ", x.size() - 1,
            " scales, shifts and biases for ", at.problems, " problems");
  s.x = x[0];
  s.y = Tensor::samples(ctx, s.x.dtype(), s.x.shape());
  s.mean = Tensor::samples(ctx, s.x.dtype(), {at.problems, d});
  s.inv = Tensor::samples(ctx, s.x.dtype(), {at.problems, d});
  for (size_t i = 1; i < x.size(); ++i)
    PLX_CHECK(shape, x[i].count() == d && x[i].rows() == 1, "batch_norm: ", x[i].shape(), " for ", d, " columns");
  for (int i = 0; i < lists; ++i) s.gamma.push_back(x[static_cast<size_t>(1 + i)]);
  for (int i = 0; i < lists && at.bias; ++i) s.bias.push_back(x[static_cast<size_t>(1 + 2 * lists + i)]);
  by_float(s.x.dtype(), [&]<class T>(T) {
    BatchNormColumns<T> k;
    k.x = s.x.mat<T>();
    k.y = s.y.mat<T>();
    k.mean = s.mean.mat<T>();
    k.inv = s.inv.mat<T>();
    k.n_problems = at.problems;
    k.training = at.training;
    k.rectified = at.rectified;
    k.eps = at.eps;
    k.momentum = at.momentum;
    k.act = at.act;
    k.slope = static_cast<T>(at.slope);
    for (int g = 0; g < at.problems; ++g) {
      k.gamma[g] = s.gamma[at.shared ? 0 : g].ptr<T>();
      k.beta[g] = x[static_cast<size_t>(1 + lists + (at.shared ? 0 : g))].ptr<T>();
      k.bias[g] = at.bias ? s.bias[at.shared ? 0 : g].ptr<T>() : nullptr;
      k.running_mean[g] = at.running_mean.empty() ? nullptr : at.running_mean[g].ptr<T>();
      k.running_var[g] = at.running_var.empty() ? nullptr : at.running_var[g].ptr<T>();
    }
    run(ctx, k);
  });
  return s.y;
}

void BatchNorm::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const int lists = s.gamma.size();
  by_float(gy.dtype(), [&]<class T>(T) {
    BatchNormGrad<T> k;
    k.x = s.x.mat<T>();
    k.y = s.y.mat<T>();
    k.dy = gy.mat<T>();
    k.mean = s.mean.mat<T>();
    k.inv = s.inv.mat<T>();
    k.n_problems = at.problems;
    k.shared = at.shared;
    k.training = at.training;
    k.rectified = at.rectified;
    k.act = at.act;
    k.slope = static_cast<T>(at.slope);
    if (g[0]) {
      const Grad::Open o = g[0].open(ctx);
      k.dx = o.tensor.mat<T>();
      k.keep = static_cast<T>(o.beta);
    }
    for (int i = 0; i < at.problems; ++i) {
      const int own = at.shared ? 0 : i;
      k.gamma[i] = s.gamma[own].ptr<T>();
      k.bias[i] = at.bias ? s.bias[own].ptr<T>() : nullptr;
      if (at.shared && i > 0) {
        k.dgamma[i] = k.dgamma[0], k.dbeta[i] = k.dbeta[0], k.dbias[i] = k.dbias[0];
        continue;
      }
      T** where[] = {&k.dgamma[i], &k.dbeta[i], &k.dbias[i]};
      T* had[] = {&k.gamma_keep[i], &k.beta_keep[i], &k.bias_keep[i]};
      for (int part = 0; part < 3; ++part) {
        *where[part] = nullptr;
        *had[part] = 0;
        if (part == 2 && !at.bias) continue;
        const Grad& grad = g[static_cast<size_t>(1 + part * lists + own)];
        if (!grad) continue;
        const Grad::Open o = grad.open(ctx);
        *where[part] = o.tensor.ptr<T>();
        *had[part] = static_cast<T>(o.beta);
      }
    }
    run(ctx, k);
  });
}

Var batch_norm(const Var& x, std::span<const Var> gamma, std::span<const Var> beta, int problems, BatchNorm::Attr at,
               std::span<const Var> bias) {
  PLX_CHECK(shape, gamma.size() == beta.size() && (gamma.size() == 1 || static_cast<int>(gamma.size()) == problems),
            "batch_norm: ", gamma.size(), " scales and ", beta.size(), " shifts for ", problems, " problems");
  PLX_CHECK(shape, bias.empty() || bias.size() == gamma.size(), "batch_norm: ", bias.size(), " biases beside ",
            gamma.size(), " scales");
  at.bias = !bias.empty();
  at.problems = problems;
  at.shared = gamma.size() == 1 && problems > 1;
  Small<Var, 3 * kMaxProblems + 1> in{x};
  for (const auto list : {gamma, beta, bias})
    for (const Var& v : list) in.push_back(v);
  return apply<BatchNorm>(at, in.span());
}

Tensor SoftmaxColumns::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  PLX_CHECK(shape, rows_of_problem(x[0], at.problems, name) > 0, "softmax_columns of ", x[0].shape());
  s.y = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  by_float(s.y.dtype(), [&]<class T>(T) { run(ctx, SoftmaxDown<T>{x[0].mat<T>(), s.y.mat<T>(), at.problems}); });
  return s.y;
}
void SoftmaxColumns::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, SoftmaxDownGrad<T>{s.y.mat<T>(), gy.mat<T>(), o.tensor.mat<T>(), at.problems, static_cast<T>(o.beta)});
  });
}
Var softmax_columns(const Var& x, int problems) { return apply<SoftmaxColumns>({problems}, {x}); }

Tensor Transpose::forward(Context& ctx, const Attr& at, Saved&, In x) {
  const int64_t n = rows_of_problem(x[0], at.problems, name);
  Tensor y = Tensor::samples(ctx, x[0].dtype(), {at.problems * x[0].cols(), n});
  by_float(y.dtype(), [&]<class T>(T) { run(ctx, TransposeRows<T>{x[0].mat<T>(), y.mat<T>(), T(0)}); });
  return y;
}
void Transpose::backward(Context& ctx, const Attr&, const Saved&, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, TransposeRows<T>{gy.mat<T>(), o.tensor.mat<T>(), static_cast<T>(o.beta)});
  });
}
Var transpose(const Var& x, int problems) { return apply<Transpose>({problems}, {x}); }

}  // namespace parallax

#include "op_disentangle.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "disentangle_kernels.h"

namespace parallax {

Tensor LinearSigmoidMse::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int V = at.targets.size();
  const Tensor& h = x[0];
  PLX_CHECK(shape, V > 0 && h.rows() % V == 0 && x.size() == static_cast<size_t>(1 + 2 * V),
            "linear_sigmoid_mse: ", h.rows(), " rows and ", x.size() - 1, " parameters for ", V, " problems");
  PLX_CHECK(config, at.dropout >= 0 && at.dropout < 1 && (at.dropout == 0 || at.draws.size() == V),
            "linear_sigmoid_mse: dropout ", at.dropout, " with ", at.draws.size(), " draws for ", V, " problems");
  const int64_t n = h.rows() / V;
  s.h = h;
  Tensor loss = Tensor::empty(ctx, h.dtype(), {V, 1});
  by_float(h.dtype(), [&]<class T>(T) {
    Small<Product<T>> list;
    for (int v = 0; v < V; ++v) {
      const Tensor& w = x[static_cast<size_t>(1 + v)];
      PLX_CHECK(shape, at.targets[v].shape() == (Shape{n, w.rows()}), "linear_sigmoid_mse: a target of ",
                at.targets[v].shape(), ", ", Shape{n, w.rows()}, " is needed");
      s.w.push_back(w);
      s.residual.push_back(Tensor::samples(ctx, h.dtype(), {n, w.rows()}));
      list.push_back(
          product<T>(h.row_range(v * n, n), w, s.residual[v], {.tb = true, .bias = x[static_cast<size_t>(1 + V + v)]}));
    }
    gemm<T>(ctx, list.span());
    const Tensor rows = Tensor::empty(ctx, h.dtype(), {V * n, 1});
    SigmoidError<T> k{};
    k.p = at.dropout;
    k.row_loss = rows.ptr<T>();
    k.views = V;
    k.n = n;
    ProblemSums<T> sums{.x = rows.ptr<T>(), .weight = {}, .out = loss.ptr<T>(), .n_problems = V, .n = n};
    for (int v = 0; v < V; ++v) {
      const double entries = static_cast<double>(n * s.w[v].rows());
      k.all_o[v] = s.residual[v].mat<T>();
      k.all_targets[v] = at.targets[v].mat<T>();
      if (v < at.outputs.size() && at.outputs[v].defined()) k.all_y[v] = at.outputs[v].mat<T>();
      if (at.dropout > 0) k.draws[v] = at.draws[v].as<T>();
      k.factor[v] = static_cast<T>(2 / entries);
      k.widest = std::max(k.widest, s.w[v].rows());
      sums.weight[v] = static_cast<T>(1 / entries);
    }
    run(ctx, k);
    run(ctx, sums);
  });
  return loss;
}
// From the logits' gradient on it is the plain layer's.
void LinearSigmoidMse::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  LinearMse::backward(ctx, {}, s, gy, g);
}

Var linear_sigmoid_mse(const Var& h, std::span<const Var> w, std::span<const Var> b, std::span<const Tensor> targets,
                       double dropout, const Small<AnyDraw>& draws, std::span<const Tensor> outputs) {
  LinearSigmoidMse::Attr at;
  for (const Tensor& t : targets) at.targets.push_back(t);
  for (const Tensor& t : outputs) at.outputs.push_back(t);
  at.dropout = dropout;
  at.draws = draws;
  PLX_CHECK(shape, w.size() == targets.size() && b.size() == targets.size(), "linear_sigmoid_mse: ", w.size(),
            " weights and ", b.size(), " biases for ", targets.size(), " targets");
  Small<Var, 2 * kMaxProblems + 1> inputs;
  inputs.push_back(h);
  for (const auto list : {w, b})
    for (const Var& v : list) inputs.push_back(v);
  return apply<LinearSigmoidMse>(at, inputs.span());
}

Tensor Decorrelation::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = at.common.rows(), d = at.common.cols();
  PLX_CHECK(shape, n > 0 && x[0].rows() > 0 && x[0].rows() % n == 0, "decorrelation: ", x[0].rows(),
            " rows are not views of ", n, " samples");
  const int64_t V = x[0].rows() / n;
  s.centred = Tensor::samples(ctx, x[0].dtype(), at.common.shape());
  s.sign = Tensor::samples(ctx, x[0].dtype(), {V * d, x[0].cols()});
  Tensor sums = Tensor::empty(ctx, x[0].dtype(), {V, 1});
  by_float(sums.dtype(), [&]<class T>(T) {
    // Centring P as well changes nothing in exact arithmetic, since the columns of S~ sum to zero; in single precision
    // it keeps the rounding of those sums, times P's large mean, out of C, whose signs are the gradient.
    const Tensor p = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
    run(ctx, CenterColumns<T>{at.common.mat<T>(), x[0].mat<T>(), s.centred.mat<T>(), p.mat<T>()});
    Small<Product<T>> list;
    for (int64_t v = 0; v < V; ++v)
      list.push_back(product<T>(s.centred, p.row_range(v * n, n), s.sign.row_range(v * d, d), {.ta = true}));
    gemm<T>(ctx, list.span());
    run(ctx, AbsSign<T>{s.sign.mat<T>(), sums.ptr<T>(), V});
  });
  return sums;
}
void Decorrelation::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  const int64_t V = gy.rows(), n = s.centred.rows(), d = s.centred.cols();
  by_float(gy.dtype(), [&]<class T>(T) {
    Small<Product<T>> list;
    for (int64_t v = 0; v < V; ++v)
      list.push_back(product<T>(s.centred, s.sign.row_range(v * d, d), o.tensor.row_range(v * n, n),
                                {.beta = o.beta, .alpha_by = gy.row_range(v, 1)}));
    gemm<T>(ctx, list.span());
  });
}
Var decorrelation(const Tensor& common, const Var& specific) { return apply<Decorrelation>({common}, {specific}); }

Tensor Discriminators::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int V = at.views;
  const size_t G = static_cast<size_t>(V);
  PLX_CHECK(shape, V > 0 && x.size() == 1 + 4 * G && x[0].rows() % V == 0 && x[0].rows() > 0,
            "discriminators: ", x[0].rows(), " rows and ", x.size() - 1, " parameters for ", V, " views");
  s.p = x[0];
  const int64_t all = x[0].rows(), n = all / V, hidden = x[1].rows();
  for (size_t i = 0; i < G; ++i) {
    s.w.push_back(x[1 + i]);
    PLX_CHECK(shape,
              x[1 + i].shape() == (Shape{hidden, x[0].cols()}) && x[1 + 2 * G + i].shape() == (Shape{1, hidden}) &&
                  x[1 + 3 * G + i].count() == 1,
              "discriminators: layers ", x[1 + i].shape(), " and ", x[1 + 2 * G + i].shape(), " of discriminator ", i,
              " do not fit codes of ", x[0].cols());
  }
  const DType type = x[0].dtype();
  s.dh = Tensor::samples(ctx, type, {V * all, hidden});
  s.dw = Tensor::samples(ctx, type, {V, hidden});
  s.db1 = Tensor::samples(ctx, type, {V, hidden});
  const Tensor both = Tensor::empty(ctx, type, {2 * V * all, 1}), loss = both.row_range(0, V * all),
               slope = both.row_range(V * all, V * all);
  by_float(type, [&]<class T>(T) {
    Small<Product<T>> list;
    JudgeRows<T> judge{};
    JudgeGrad<T> grad{};
    for (int i = 0; i < V; ++i) {
      list.push_back(product<T>(x[0], s.w[i], s.dh.row_range(i * all, all), {.tb = true}));
      judge.b1[i] = x[1 + G + static_cast<size_t>(i)].ptr<T>();
      judge.w[i] = grad.w[i] = x[1 + 2 * G + static_cast<size_t>(i)].ptr<T>();
      judge.b[i] = x[1 + 3 * G + static_cast<size_t>(i)].ptr<T>();
      if (i < at.outputs.size() && at.outputs[i].defined()) judge.out[i] = at.outputs[i].mat<T>();
    }
    gemm<T>(ctx, list.span());
    judge.h = s.dh.mat<T>();
    judge.lean = static_cast<T>(at.slope);
    judge.loss = loss.ptr<T>();
    judge.slope = slope.ptr<T>();
    judge.views = V;
    judge.n = n;
    judge.weight = static_cast<T>(at.weight / static_cast<double>(n));
    judge.squash = at.squash;
    run(ctx, judge);
    grad.h = s.dh.mat<T>();
    grad.slope = slope.ptr<T>();
    grad.dw = s.dw.mat<T>();
    grad.db = s.db1.mat<T>();
    grad.views = V;
    grad.lean = static_cast<T>(at.slope);
    run(ctx, grad);
  });
  const Tensor sums = sum_rows(ctx, both, 2 * V);
  s.db2 = sums.row_range(V, V);
  return sums.row_range(0, V);
}

void Discriminators::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const int V = at.views;
  const size_t G = static_cast<size_t>(V);
  const int64_t all = s.p.rows();
  by_float(gy.dtype(), [&]<class T>(T) {
    Small<Product<T>> list;
    Small<AxpbyPart, 3 * kMaxProblems> small;
    for (int i = 0; i < V; ++i) {
      const size_t k = static_cast<size_t>(i);
      const Tensor by = gy.row_range(i, 1);
      if (g[1 + k]) {
        const Grad::Open o = g[1 + k].open(ctx);
        list.push_back(
            product<T>(s.dh.row_range(i * all, all), s.p, o.tensor, {.ta = true, .beta = o.beta, .alpha_by = by}));
      }
      const Tensor sums[] = {s.db1, s.dw, s.db2};
      for (size_t q = 0; q < 3; ++q)
        if (const Grad& gq = g[1 + (q + 1) * G + k]) {
          const Grad::Open o = gq.open(ctx);
          small.push_back({1, sums[q].row_range(i, 1), o.beta, o.tensor, by});
        }
    }
    axpby(ctx, small.span());
    gemm<T>(ctx, list.span());
    if (!g[0]) return;
    const Grad::Open o = g[0].open(ctx);
    for (int i = 0; i < V; ++i)  // one after the other: all add to the same codes
      gemm(ctx, s.dh.row_range(i * all, all), s.w[i], o.tensor,
           {.alpha = at.reversal ? -1.0 : 1.0, .beta = i ? 1.0 : o.beta, .alpha_by = gy.row_range(i, 1)});
  });
}

Var discriminators(const Var& specific, std::span<const Var> w1, std::span<const Var> b1, std::span<const Var> w2,
                   std::span<const Var> b2, bool squash, double slope, double weight, std::span<const Tensor> outputs,
                   bool reversal) {
  Discriminators::Attr at{.views = static_cast<int>(w1.size()),
                          .slope = slope,
                          .weight = weight,
                          .squash = squash,
                          .outputs = {},
                          .reversal = reversal};
  for (const Tensor& t : outputs) at.outputs.push_back(t);
  Small<Var, 4 * kMaxProblems + 1> inputs;
  inputs.push_back(specific);
  for (const auto list : {w1, b1, w2, b2})
    for (const Var& v : list) inputs.push_back(v);
  return apply<Discriminators>(at, inputs.span());
}

}  // namespace parallax

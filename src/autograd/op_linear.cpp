#include "op_linear.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "linear_kernels.h"

namespace parallax {

namespace {

struct Parts {  // of an input list [x..., w..., b...]
  int nx, nw, nb;
  int w(int g) const { return nx + (nw == 1 ? 0 : g); }
  int b(int g) const { return nb == 0 ? -1 : nx + nw + (nb == 1 ? 0 : g); }
};
Parts parts(const Linear::Attr& at) { return {at.x_list ? at.problems : 1, at.weights, at.biases}; }

// Gives the product of block i its part of the mask.
template <class T> void put_mask(Product<T>& q, const ReluOffer& offer, int i) {
  q.mask_ld = offer.mask.cols() * 8;
  q.relu_mask = offer.mask.ptr<uint8_t>() + offer.mask.rows() / offer.biases * i * offer.mask.cols();
}
// The product that writes the gradient of block i does what is offered.
template <class T> void apply_offer(Context& ctx, Product<T>& q, const ReluOffer& offer, int i) {
  put_mask(q, offer, i);
  q.bias_grad = offer.bias[i].open(ctx).tensor.template ptr<T>();
}

}  // namespace

Tensor Linear::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const Parts p = parts(at);
  const int G = at.problems;
  PLX_CHECK(config, at.dropout >= 0 && at.dropout < 1, "linear: dropout must be in [0, 1), it is ", at.dropout);
  PLX_CHECK(config, at.dropout == 0 || (at.act == Act::relu && at.draws.size() == G), "linear: dropout needs relu and ",
            G, " draws");
  const int64_t n = at.x_list ? x[0].rows() : x[0].rows() / G;
  PLX_CHECK(shape, at.x_list || x[0].rows() % G == 0, "linear: ", x[0].rows(), " rows are not ", G, " equal problems");
  const int64_t out = x[static_cast<size_t>(p.w(0))].rows();
  s.y = Tensor::samples(ctx, x[0].dtype(), {G * n, out});
  for (int i = 0; i < p.nx; ++i) s.x.push_back(x[static_cast<size_t>(i)]);
  for (int i = 0; i < p.nw; ++i) {
    s.w.push_back(x[static_cast<size_t>(p.nx + i)]);
    PLX_CHECK(shape, s.w[i].rows() == out, "linear: stacked problems give ", out, " and ", s.w[i].rows(), " columns");
  }
  by_float(s.y.dtype(), [&]<class T>(T) {
    Small<Product<T>> list;
    const bool one = !at.x_list && p.nw == 1 && p.nb <= 1;  // a shared layer on stacked rows is one product
    for (int g = 0; g < (one ? 1 : G); ++g) {
      const Tensor xg = at.x_list ? x[static_cast<size_t>(g)] : one ? x[0] : x[0].row_range(g * n, n);
      const Tensor yg = one ? s.y : s.y.row_range(g * n, n);
      GemmOptions o{.tb = true, .act = at.act, .slope = at.slope};
      if (p.nb) o.bias = x[static_cast<size_t>(p.b(g))];
      list.push_back(product<T>(xg, x[static_cast<size_t>(p.w(g))], yg, o));
    }
    if (epilogues(ctx, s.y.dtype()) && at.act == Act::relu && at.dropout == 0 && p.nb == list.size() && n > 0) {
      const int64_t bits = (out + 127) / 128 * 128;
      s.offer = {.mask = Tensor::empty(ctx, DType::u8, {G * n, bits / 8}), .first = p.b(0), .biases = p.nb};
      for (int i = 0; i < list.size(); ++i) put_mask(list[i], s.offer, i);
    }
    gemm<T>(ctx, list.span());
    if (at.dropout > 0) {
      DropRows<T> k;
      k.y = s.y.mat<T>();
      k.n_problems = G;
      k.p = at.dropout;
      for (int g = 0; g < G; ++g) k.draw[g] = at.draws[g].as<T>();
      run(ctx, k);
    }
  });
  return s.y;
}

void Linear::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const Parts p = parts(at);
  const int G = at.problems;
  const int64_t n = gy.rows() / G;
  by_float(gy.dtype(), [&]<class T>(T) {
    ActGrad<T> k;
    k.y = s.y.mat<T>();
    k.dy = gy.mat<T>();
    k.n_problems = G;
    k.shared = p.nb == 1 && G > 1;
    k.act = at.act;
    k.slope = static_cast<T>(at.slope);
    k.scale = static_cast<T>(1 / (1 - at.dropout));
    const bool one = !at.x_list && p.nw == 1;
    const int blocks = one ? 1 : G;
    // without an activation the weights' products have the biases' gradients with them
    bool with_products = epilogues(ctx, gy.dtype()) && at.act == Act::none && p.nb == blocks && p.nw == blocks && n > 0;
    for (int i = 0; i < blocks && with_products; ++i) {
      const Grad &gb = g[static_cast<size_t>(p.b(i))], &gw = g[static_cast<size_t>(p.w(i))];
      with_products = gw && gb && !gb.written();
    }
    bool any_bias = false;
    for (int i = 0; i < G && !with_products && !s.offer.taken; ++i) {
      k.db[i] = nullptr;
      k.beta[i] = 0;
      if (p.nb && (p.nb == G || i == 0) && g[static_cast<size_t>(p.b(i))]) {
        const Grad::Open o = g[static_cast<size_t>(p.b(i))].open(ctx);
        k.db[i] = o.tensor.ptr<T>();
        k.beta[i] = static_cast<T>(o.beta);
        any_bias = true;
      }
    }
    if (any_bias || (at.act != Act::none && !s.offer.taken)) run(ctx, k);

    Small<Product<T>, 2 * kMaxProblems> list;
    for (int i = 0; i < blocks; ++i) {
      const Tensor d = one ? gy : gy.row_range(i * n, n);
      const Tensor xg = at.x_list ? s.x[i] : one ? s.x[0] : s.x[0].row_range(i * n, n);
      if (const Grad& gw = g[static_cast<size_t>(p.w(i))]) {
        const Grad::Open o = gw.open(ctx);
        Product<T> q = product<T>(d, xg, o.tensor, {.ta = true, .beta = o.beta});
        if (with_products) q.bias_grad = g[static_cast<size_t>(p.b(i))].open(ctx).tensor.template ptr<T>();
        list.push_back(q);
      }
    }
    if (at.x_list) {
      for (int i = 0; i < G; ++i)
        if (g[static_cast<size_t>(i)]) {
          const Grad::Open o = g[static_cast<size_t>(i)].open(ctx);
          list.push_back(product<T>(gy.row_range(i * n, n), s.w[p.nw == 1 ? 0 : i], o.tensor, {.beta = o.beta}));
        }
    } else if (g[0]) {
      const ReluOffer* offer = g[0].take_offer(blocks);
      const Grad::Open o = g[0].open(ctx);
      for (int i = 0; i < blocks; ++i) {
        list.push_back(product<T>(one ? gy : gy.row_range(i * n, n), s.w[p.nw == 1 ? 0 : i],
                                  one ? o.tensor : o.tensor.row_range(i * n, n), {.beta = o.beta}));
        if (offer) apply_offer(ctx, list[list.size() - 1], *offer, i);
      }
    }
    // a shared weight on a list of inputs gets one contribution after the other
    if (at.x_list && p.nw == 1) {
      for (const Product<T>& q : list) gemm<T>(ctx, std::span<const Product<T>>(&q, 1));
    } else {
      gemm<T>(ctx, list.span());
    }
  });
}

Var linear(std::span<const Var> x, std::span<const Var> w, std::span<const Var> b, int problems,
           const LinearOptions& o) {
  Linear::Attr at{.problems = problems, .act = o.act, .slope = o.slope, .dropout = o.dropout, .draws = o.draws};
  at.x_list = x.size() > 1;
  at.weights = static_cast<int>(w.size());
  at.biases = static_cast<int>(b.size());
  PLX_CHECK(shape,
            (x.size() == 1 || static_cast<int>(x.size()) == problems) &&
                (w.size() == 1 || static_cast<int>(w.size()) == problems) &&
                (b.size() <= 1 || static_cast<int>(b.size()) == problems) && (b.size() <= 1 || b.size() == w.size()),
            "linear: ", x.size(), " inputs, ", w.size(), " weights and ", b.size(), " biases for ", problems,
            " problems");
  Small<Var, 3 * kMaxProblems> inputs;
  for (const auto list : {x, w, b})
    for (const Var& v : list) inputs.push_back(v);
  return apply<Linear>(at, inputs.span());
}

Var linear(const Var& x, const Var& w, const Var& b, const LinearOptions& o) {
  return linear({&x, 1}, {&w, 1}, {&b, 1}, 1, o);
}

Tensor LinearMse::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int G = at.targets.size();
  const Tensor& h = x[0];
  PLX_CHECK(shape, G > 0 && h.rows() % G == 0 && x.size() == static_cast<size_t>(1 + 2 * G), "linear_mse: ", h.rows(),
            " rows and ", x.size() - 1, " parameters for ", G, " problems");
  const int64_t n = h.rows() / G;
  s.h = h;
  Tensor loss = Tensor::empty(ctx, h.dtype(), {G, 1});
  by_float(h.dtype(), [&]<class T>(T) {
    Small<Product<T>> list;
    for (int g = 0; g < G; ++g) {
      s.w.push_back(x[static_cast<size_t>(1 + g)]);
      s.residual.push_back(Tensor::samples(ctx, h.dtype(), {n, s.w[g].rows()}));
      list.push_back(product<T>(h.row_range(g * n, n), s.w[g], s.residual[g],
                                {.tb = true, .bias = x[static_cast<size_t>(1 + G + g)]}));
    }
    gemm<T>(ctx, list.span());
    const Tensor rows = Tensor::empty(ctx, h.dtype(), {G * n, 1});
    SquaredError<T> k;
    ProblemSums<T> sums;
    k.row_loss = rows.ptr<T>();
    sums.x = k.row_loss;
    sums.out = loss.ptr<T>();
    k.n_problems = sums.n_problems = G;
    k.n = sums.n = n;
    for (int g = 0; g < G; ++g) {
      const Tensor &y = s.residual[g], &t = at.targets[g];
      PLX_CHECK(shape, y.shape() == t.shape(), "squared error of ", y.shape(), " and ", t.shape());
      const double entries = static_cast<double>(y.count());
      if (g < at.outputs.size() && at.outputs[g].defined()) axpby(ctx, 1, y, 0, at.outputs[g]);
      k.y[g] = y.mat<T>();
      k.t[g] = t.mat<T>();
      k.factor[g] = static_cast<T>(2 / entries);
      sums.weight[g] = static_cast<T>(1 / entries);
    }
    run(ctx, k);
    run(ctx, sums);
  });
  return loss;
}

void LinearMse::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  const int G = s.w.size();
  const int64_t n = s.h.rows() / G;
  // On a device one number for each problem keeps products of equal shape from being one call: there the factor is put
  // into the operand, on the way through it to the bias's gradient.
  const bool scale = ctx.backend() != nullptr;
  by_float(gy.dtype(), [&]<class T>(T) {
    Small<Product<T>, 2 * kMaxProblems> list;
    ColumnSums<T> sums;
    Small<Tensor> residual;
    bool any = scale;
    sums.n_problems = G;
    for (int i = 0; i < G; ++i) {
      const Tensor& r = s.residual[i];
      sums.list[i] = r.mat<T>();
      sums.widest = std::max(sums.widest, r.cols());
      sums.factor[i] = gy.row_range(i, 1).template ptr<T>();
      sums.out[i] = nullptr;
      sums.beta[i] = 0;
      residual.push_back(scale ? Tensor::samples(ctx, r.dtype(), r.shape()) : r);
      sums.scaled[i] = scale ? residual[i].mat<T>() : Mat<T>{};
      const Grad& gb = g[static_cast<size_t>(1 + G + i)];
      if (!gb) continue;
      const Grad::Open o = gb.open(ctx);
      sums.out[i] = o.tensor.ptr<T>();
      sums.beta[i] = static_cast<T>(o.beta);
      any = true;
    }
    if (any) run(ctx, sums);
    const auto by = [&](int i, GemmOptions o) {
      if (!scale) o.alpha_by = gy.row_range(i, 1);
      return o;
    };
    for (int i = 0; i < G; ++i)
      if (const Grad& gw = g[static_cast<size_t>(1 + i)]) {
        const Grad::Open o = gw.open(ctx);
        list.push_back(product<T>(residual[i], s.h.row_range(i * n, n), o.tensor, by(i, {.ta = true, .beta = o.beta})));
      }
    if (g[0]) {
      const ReluOffer* offer = g[0].take_offer(G);
      const Grad::Open o = g[0].open(ctx);
      for (int i = 0; i < G; ++i) {
        list.push_back(product<T>(residual[i], s.w[i], o.tensor.row_range(i * n, n), by(i, {.beta = o.beta})));
        if (offer) apply_offer(ctx, list[list.size() - 1], *offer, i);
      }
    }
    gemm<T>(ctx, list.span());
  });
}

Var linear_mse(const Var& h, std::span<const Var> w, std::span<const Var> b, std::span<const Tensor> targets,
               std::span<const Tensor> outputs) {
  LinearMse::Attr at;
  for (const Tensor& t : targets) at.targets.push_back(t);
  for (const Tensor& t : outputs) at.outputs.push_back(t);
  PLX_CHECK(shape, w.size() == targets.size() && b.size() == targets.size(), "linear_mse: ", w.size(), " weights and ",
            b.size(), " biases for ", targets.size(), " targets");
  Small<Var, 2 * kMaxProblems + 1> inputs;
  inputs.push_back(h);
  for (const auto list : {w, b})
    for (const Var& v : list) inputs.push_back(v);
  return apply<LinearMse>(at, inputs.span());
}

Tensor Mse::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  PLX_CHECK(shape, x[0].shape() == at.target.shape(), "squared error of ", x[0].shape(), " and ", at.target.shape());
  s.residual = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  axpby(ctx, 1, x[0], 0, s.residual);
  const Tensor rows = Tensor::empty(ctx, x[0].dtype(), {x[0].rows(), 1});
  const double entries = static_cast<double>(x[0].count());
  by_float(x[0].dtype(), [&]<class T>(T) {
    SquaredError<T> k;
    k.y[0] = s.residual.mat<T>();
    k.t[0] = at.target.mat<T>();
    k.factor[0] = static_cast<T>(2 / entries);
    k.row_loss = rows.ptr<T>();
    k.n = rows.rows();
    run(ctx, k);
  });
  return sum_rows(ctx, rows, 1, 1 / entries);
}

void Mse::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  if (!g[0]) return;
  const Grad::Open o = g[0].open(ctx);
  axpby(ctx, 1, s.residual, o.beta, o.tensor, gy);
}
Var mse(const Var& x, const Tensor& target) { return apply<Mse>({target}, {x}); }

}  // namespace parallax

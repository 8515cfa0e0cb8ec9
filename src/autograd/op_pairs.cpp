#include "op_pairs.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "../tensor/gemm.h"
#include "pair_kernels.h"

namespace parallax {

namespace {

int64_t rows_per_view(const Pairs& p, const Tensor& x, std::string_view name) {
  PLX_CHECK(shape, p.views > 1 && p.hub < p.views && x.rows() % p.views == 0 && x.rows() > 0, name, ": ", x.rows(),
            " rows of ", p.views, " views, hub ", p.hub);
  return x.rows() / p.views;
}

// f(first view, number of views) for every run of neighbouring views that view a is compared with
template <class F> void for_runs(const Pairs& p, int64_t a, bool own, F f) {
  const auto wanted = [&](int64_t b) { return b == a ? own : p.paired(a, b); };
  for (int64_t b = 0; b < p.views;) {
    int64_t end = b;
    while (end < p.views && wanted(end)) ++end;
    if (end > b) f(b, end - b);
    b = std::max(end, b + 1);
  }
}

// Independent products, handed over in groups.
template <class T> class Bundle {
 public:
  explicit Bundle(Context& ctx) : ctx_(ctx) {}
  void add(const Tensor& a, const Tensor& b, const Tensor& c, const GemmOptions& o) {
    list_.push_back(product<T>(a, b, c, o));
    if (list_.size() == kMaxProblems) flush();
  }
  void flush() {
    if (!list_.empty()) gemm<T>(ctx_, list_.span());
    list_ = {};
  }

 private:
  Context& ctx_;
  Small<Product<T>> list_;
};
}  // namespace

Tensor PairContrast::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const Tensor& u = x[0];
  const int64_t n = rows_per_view(at.pairs, u, name), V = at.pairs.views, P = at.pairs.count();
  PLX_CHECK(config, at.tau > 0, "pair_contrast: the temperature is ", at.tau);
  Tensor losses = Tensor::empty(ctx, u.dtype(), {2 * P * n, 1}), sim;
  const double by = 1 / at.tau;
  const bool on_device = tiled(ctx, u.dtype());
  if (on_device) {
    s.u = u;
    s.log_sums = Tensor::empty(ctx, DType::f32, {2 * P * n, 1});
    run_device(ctx, PairLosses{u.mat<float>(), losses.ptr<float>(), s.log_sums.ptr<float>(), at.pairs, n,
                               static_cast<float>(by), at.own});
  } else {
    s.du = Tensor::samples(ctx, u.dtype(), u.shape());
    sim = Tensor::samples(ctx, u.dtype(), {std::min(n, kAnchorTile), V * n});
    fill(ctx, s.du, 0);
  }
  by_float(u.dtype(), [&]<class T>(T) {
    for (int64_t a = 0; !on_device && a < V; ++a)
      for (int64_t first = 0; first < n; first += kAnchorTile) {
        const int64_t m = std::min(kAnchorTile, n - first);
        const Tensor anchors = u.row_range(a * n + first, m), tile = sim.row_range(0, m);
        for_runs(at.pairs, a, at.own, [&](int64_t b, int64_t k) {
          gemm(ctx, anchors, u.row_range(b * n, k * n), tile.col_range(b * n, k * n), {.tb = true, .alpha = by});
        });
        run(ctx, PairRows<T>{tile.mat<T>(), losses.ptr<T>(), at.pairs, a, first, n, at.own,
                             static_cast<T>(0.5 / static_cast<double>(n))});
        for_runs(at.pairs, a, at.own, [&](int64_t b, int64_t k) {  // as partners, and as anchors
          const Tensor part = tile.col_range(b * n, k * n), others = u.row_range(b * n, k * n);
          gemm(ctx, part, anchors, s.du.row_range(b * n, k * n), {.ta = true, .alpha = by, .beta = 1});
          gemm(ctx, part, others, s.du.row_range(a * n + first, m), {.alpha = by, .beta = 1});
        });
      }
    if (at.parts.defined()) {
      const int64_t terms = at.parts.rows();
      PLX_CHECK(shape, terms == P || terms == 2 * P, "pair_contrast: ", terms, " places for the terms of ", P,
                " pairs");
      run(ctx, SumRows<T>{losses.mat<T>(), at.parts.ptr<T>(), terms,
                          static_cast<T>(static_cast<double>(terms) / (2.0 * static_cast<double>(P * n))), T(0)});
    }
  });
  return sum_rows(ctx, losses, 1, 0.5 / static_cast<double>(n));
}

void PairContrast::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  if (s.log_sums.defined()) {
    const int64_t n = s.u.rows() / at.pairs.views;
    run_device(ctx, PairGrads{s.u.mat<float>(), s.log_sums.ptr<float>(), gy.ptr<float>(), at.pairs, n,
                              static_cast<float>(1 / at.tau), static_cast<float>(0.5 / static_cast<double>(n)), at.own,
                              tiled_grad(ctx, g[0])});
    return;
  }
  const Grad::Open o = g[0].open(ctx);
  axpby(ctx, 1, s.du, o.beta, o.tensor, gy);
}

Var pair_contrast(const Var& u, const Pairs& pairs, double tau, bool own, const Tensor& parts) {
  return apply<PairContrast>({pairs, tau, own, parts}, {u});
}

Tensor JointInformation::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  s.x = x[0];
  const int64_t n = rows_per_view(at.pairs, s.x, name), V = at.pairs.views, P = at.pairs.count(), c = s.x.cols();
  PLX_CHECK(shape, c > 0, "joint_information of ", s.x.shape());
  const DType type = s.x.dtype();
  s.g = Tensor::samples(ctx, type, {P * c, c});
  Tensor sym = Tensor::samples(ctx, type, {P * c, c}), work = Tensor::samples(ctx, type, {6, P * c}),
         scale = Tensor::empty(ctx, type, {P, 1});
  by_float(type, [&]<class T>(T) {
    Bundle<T> products(ctx);
    for (int64_t a = 0; a < V; ++a)
      for (int64_t b = a + 1; b < V; ++b)
        if (at.pairs.paired(a, b))
          products.add(s.x.row_range(a * n, n), s.x.row_range(b * n, n), s.g.row_range(at.pairs.index(a, b) * c, c),
                       {.ta = true});
    products.flush();
    const auto row = [&](int64_t i) { return work.row_range(i, 1).ptr<T>(); };
    T *sums = row(0), *marginal = row(1), *log_marginal = row(2), *value = row(3), *through = row(4), *inner = row(5);
    run(ctx, SymmetricRows<T>{s.g.mat<T>(), sym.mat<T>(), sums});
    run(ctx,
        JointMarginals<T>{sums, P, c, at.simplex ? static_cast<T>(n) : T(0), marginal, log_marginal, scale.ptr<T>()});
    run(ctx, JointRows<T>{sym.mat<T>(), s.g.mat<T>(), marginal, log_marginal, scale.ptr<T>(),
                          static_cast<T>(at.coefficient), value, through, inner});
    run(ctx, JointGradRows<T>{s.g.mat<T>(), through, inner, scale.ptr<T>(), at.simplex});
  });
  return sum_rows(ctx, work.row_range(3, 1).reshape({P * c, 1}), P);
}

// dx_a = sum over its partners of x_b dJ/dP0 (symmetric)
void JointInformation::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  const int64_t V = at.pairs.views, n = s.x.rows() / V, c = s.x.cols();
  by_float(gy.dtype(), [&]<class T>(T) {
    Bundle<T> products(ctx);
    for (int64_t round = 0; round + 1 < V; ++round, products.flush())  // the round-th partner of every view
      for (int64_t a = 0; a < V; ++a) {
        int64_t seen = 0, b = 0;
        for (; b < V; ++b)
          if (at.pairs.paired(a, b) && seen++ == round) break;
        if (b == V) continue;
        const int64_t p = at.pairs.index(a, b);
        products.add(s.x.row_range(b * n, n), s.g.row_range(p * c, c), o.tensor.row_range(a * n, n),
                     {.beta = round ? 1.0 : o.beta, .alpha_by = gy.row_range(p, 1)});
      }
  });
}

Var joint_information(const Var& x, const Pairs& pairs, double coefficient, bool simplex) {
  return apply<JointInformation>({pairs, coefficient, simplex}, {x});
}

}  // namespace parallax

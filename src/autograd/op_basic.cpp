#include "op_basic.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "basic_kernels.h"

namespace parallax {

namespace {
void check_dropout(const Dropout::Attr& at, const Tensor& x) {
  PLX_CHECK(config, at.p >= 0 && at.p < 1, "dropout must be in [0, 1), it is ", at.p);
  const int G = at.draws.size();
  PLX_CHECK(shape, at.p == 0 || (G > 0 && x.rows() % G == 0), "dropout: ", x.rows(), " rows are not ", G,
            " equal problems");
}
template <class T> void copy_draws(const Small<AnyDraw>& from, Draw<T>* to) {
  for (const AnyDraw& d : from) *to++ = d.as<T>();
}
void drop_into(Context& ctx, const Dropout::Attr& at, const Tensor& x, const Tensor& y, double beta) {
  const int G = at.draws.size();
  by_float(y.dtype(), [&]<class T>(T) {
    DropInto<T> k{
        .x = x.mat<T>(), .y = y.mat<T>(), .draws = {}, .n_problems = G, .p = at.p, .beta = static_cast<T>(beta)};
    copy_draws(at.draws, k.draws);
    run(ctx, k);
  });
}
}  // namespace

Tensor Dropout::forward(Context& ctx, const Attr& at, Saved&, In x) {
  check_dropout(at, x[0]);
  Tensor y = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  drop_into(ctx, at, x[0], y, 0);
  return y;
}
void Dropout::backward(Context& ctx, const Attr& at, const Saved&, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  drop_into(ctx, at, gy, o.tensor, o.beta);
}
Var dropout(const Var& x, double p, const Small<AnyDraw>& draws) {
  return p == 0 ? x : apply<Dropout>({p, draws}, {x});
}

Tensor Softmax::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  PLX_CHECK(shape, x[0].cols() > 0, "softmax of ", x[0].shape());
  check_dropout(at, x[0]);
  s.y = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  by_float(s.y.dtype(), [&]<class T>(T) {
    const SoftmaxRows<T> plain{x[0].mat<T>(), s.y.mat<T>()};
    if (at.p == 0) return run(ctx, plain);
    DropSoftmaxRows<T> k{.x = plain.x, .y = plain.y, .draws = {}, .n_problems = at.draws.size(), .p = at.p};
    copy_draws(at.draws, k.draws);
    run(ctx, k);
  });
  return s.y;
}
void Softmax::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  by_float(gy.dtype(), [&]<class T>(T) {
    const SoftmaxGrad<T> plain{s.y.mat<T>(), gy.mat<T>(), o.tensor.mat<T>(), static_cast<T>(o.beta)};
    if (at.p == 0) return run(ctx, plain);
    DropSoftmaxGrad<T> k{.plain = plain, .draws = {}, .n_problems = at.draws.size(), .p = at.p};
    copy_draws(at.draws, k.draws);
    run(ctx, k);
  });
}
Var softmax(const Var& x) { return apply<Softmax>({}, {x}); }
Var softmax(const Var& x, double p, const Small<AnyDraw>& draws) { return apply<Softmax>({p, draws}, {x}); }

Tensor Normalize::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int G = at.problems;
  PLX_CHECK(shape, G > 0 && x[0].rows() % G == 0, "normalize: ", x[0].rows(), " rows are not ", G, " equal problems");
  const int64_t n = x[0].rows() / G;
  s.y = Tensor::samples(ctx, x[0].dtype(), {n, G * x[0].cols()});
  s.norm = Tensor::empty(ctx, x[0].dtype(), {n, 1});
  by_float(s.y.dtype(), [&]<class T>(T) {
    run(ctx, NormalizeRows<T>{x[0].mat<T>(), s.y.mat<T>(), s.norm.ptr<T>(), static_cast<T>(at.eps)});
  });
  return s.y;
}
void Normalize::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  by_float(gy.dtype(), [&]<class T>(T) {
    run(ctx, NormalizeGrad<T>{s.y.mat<T>(), gy.mat<T>(), s.norm.ptr<T>(), o.tensor.mat<T>(), static_cast<T>(o.beta)});
  });
}
Var normalize(const Var& x, double eps, int problems) { return apply<Normalize>({eps, problems}, {x}); }

Tensor WeightedTotal::forward(Context& ctx, const Attr& at, Saved&, In x) {
  PLX_CHECK(shape, static_cast<int>(x.size()) == at.weights.size() && !x.empty(), "weighted_total: ", x.size(),
            " terms and ", at.weights.size(), " weights");
  const int groups = at.ends.size();
  if (groups) {
    PLX_CHECK(shape, at.ends[groups - 1] == at.weights.size() && at.group_sums.shape() == (Shape{groups, 1}),
              "weighted_total: ", groups, " groups, sums ", at.group_sums.shape());
    PLX_CHECK(config, x.size() <= kTerms, "weighted_total: ", x.size(), " terms in groups, at most ", kTerms);
    PLX_CHECK(config, groups <= kGroups, "weighted_total: ", groups, " groups, at most ", kGroups);
  }
  Tensor y = Tensor::empty(ctx, x[0].dtype(), {1, 1});
  by_float(y.dtype(), [&]<class T>(T) {
    for (size_t from = 0; from < x.size(); from += kTerms) {
      TotalTerms<T> k;
      k.out = y.ptr<T>();
      k.first = from == 0;
      k.groups = groups;
      if (groups) k.group_sum = at.group_sums.ptr<T>();
      for (int g = 0; g < groups; ++g) k.end[g] = at.ends[g], k.factor[g] = static_cast<T>(at.factors[g]);
      for (size_t i = from; i < x.size() && k.count < kTerms; ++i, ++k.count) {
        k.x[k.count] = x[i].mat<T>();
        k.weight[k.count] = static_cast<T>(at.weights[static_cast<int>(i)]);
      }
      run(ctx, k);
    }
  });
  return y;
}
void WeightedTotal::backward(Context& ctx, const Attr& at, const Saved&, const Tensor& gy, Grads g) {
  by_float(gy.dtype(), [&]<class T>(T) {
    SpreadTotal<T> k;
    k.gy = gy.ptr<T>();
    int group = 0;
    const auto flush = [&] {
      if (k.count) run(ctx, k);
      k.count = 0;
    };
    for (size_t i = 0; i < g.size(); ++i) {
      while (group < at.ends.size() && static_cast<int>(i) >= at.ends[group]) ++group;
      const double factor = at.ends.empty() ? 1 : at.factors[group];
      if (!g[i]) continue;
      const Grad::Open o = g[i].open(ctx);
      const Mat<T> dx = o.tensor.mat<T>();
      // a term that occurs twice is written by two launches
      if (k.count == kTerms || std::any_of(k.dx, k.dx + k.count, [&](const Mat<T>& d) { return d.p == dx.p; })) flush();
      k.dx[k.count] = dx;
      k.weight[k.count] = static_cast<T>(factor * at.weights[static_cast<int>(i)]);
      k.keep[k.count++] = static_cast<T>(o.beta);
    }
    flush();
  });
}
Var weighted_total(std::span<const Var> terms, std::span<const double> weights) {
  WeightedTotal::Attr at;
  for (const double w : weights) at.weights.push_back(w);
  return apply<WeightedTotal>(at, terms);
}
Var grouped_total(std::initializer_list<LossGroup> groups, const Tensor& group_sums) {
  WeightedTotal::Attr at;
  at.group_sums = group_sums;
  Small<Var, kTerms> terms;
  for (const LossGroup& g : groups) {
    PLX_CHECK(shape, !g.terms.empty() && g.terms.size() == g.weights.size(), "grouped_total: a group of ",
              g.terms.size(), " terms and ", g.weights.size(), " weights");
    for (const Var& v : g.terms) terms.push_back(v);
    for (const double w : g.weights) at.weights.push_back(w);
    at.ends.push_back(terms.size());
    at.factors.push_back(g.factor);
  }
  return apply<WeightedTotal>(at, terms.span());
}
Var total(std::span<const Var> terms) {
  if (terms.size() == 1 && terms[0].shape() == (Shape{1, 1})) return terms[0];
  WeightedTotal::Attr at;
  for (size_t i = 0; i < terms.size(); ++i) at.weights.push_back(1);
  return apply<WeightedTotal>(at, terms);
}
Var total(std::initializer_list<Var> terms) { return total(std::span<const Var>(terms.begin(), terms.size())); }

Tensor AddScaled::forward(Context& ctx, const Attr& at, Saved&, In x) {
  Tensor y = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  PLX_CHECK(shape, x[0].shape() == x[1].shape(), "add_scaled of ", x[0].shape(), " and ", x[1].shape());
  by_float(y.dtype(), [&]<class T>(T) {
    run(ctx, AddRows<T>{x[0].mat<T>(), x[1].mat<T>(), y.mat<T>(), T(at.a), T(at.b)});
  });
  return y;
}
void AddScaled::backward(Context& ctx, const Attr& at, const Saved&, const Tensor& gy, Grads g) {
  Small<AxpbyPart> parts;
  for (size_t i = 0; i < 2; ++i)
    if (g[i]) {
      const Grad::Open o = g[i].open(ctx);
      parts.push_back({i ? at.b : at.a, gy, o.beta, o.tensor});
    }
  axpby(ctx, parts.span());
}
Var add_scaled(double a, const Var& x, double b, const Var& y) { return apply<AddScaled>({a, b}, {x, y}); }

}  // namespace parallax

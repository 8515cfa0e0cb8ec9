// Kernels of op_disentangle.
#pragma once
#include "linear_kernels.h"

namespace parallax {

// y = x - column means, for one problem of n rows and for those of another width stacked in x
template <class T> struct CenterColumns {
  Mat<const T> one, stacked;
  Mat<T> one_y, stacked_y;
  PLX_HD int64_t problems() const { return 1 + stacked.rows / one.rows; }
  PLX_HD int64_t rows() const { return one.rows; }
  PLX_HD int64_t width() const { return one.cols > stacked.cols ? one.cols : stacked.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g, int64_t c, int64_t most) const {
    const Mat<const T> x = g ? stacked : one;
    const Mat<T> y = g ? stacked_y : one_y;
    const int64_t left = x.cols > c ? x.cols - c : 0, cols = left < most ? left : most;  // none: goes along to barriers
    const int64_t n = rows(), first = g ? (g - 1) * n : 0;
    T mean[Team::kColumns] = {};
    team.down(first, n, mean, [&](int64_t i, T* sum) {
      const T* v = x.row(i) + c;
      for (int64_t j = 0; j < cols; ++j) sum[j] += v[j];
    });
    const T by = T(1) / static_cast<T>(n);
    for (int64_t j = 0; j < cols; ++j) mean[j] *= by;
    team.rows(first, n, [&](int64_t i) {
      const T* in = x.row(i) + c;
      T* out = y.row(i) + c;
      team.each(cols, [=, &mean](int64_t j) { out[j] = in[j] - mean[j]; });
    });
  }
};
PLX_KERNEL(CenterColumns)

// sums of |c| for every one of the problems stacked in it; in place of c its sign
template <class T> struct AbsSign {
  Mat<T> c;
  T* sums;  // [problems]
  int64_t problems;
  PLX_HD int64_t rows() const { return problems; }
  PLX_HD int64_t width() const { return c.rows / problems * c.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g) const {
    const int64_t n = c.rows / problems, cols = c.cols, ld = c.ld;
    T* first = c.row(g * n);
    const auto one = [](T& x) {
      const T v = x;
      x = v > T(0) ? T(1) : (v < T(0) ? T(-1) : T(0));
      return static_cast<double>(fn::abs(v));
    };
    double s = 0;
    if constexpr (!Team::serial)
      s = team.template sum<double>(n * cols, [=](int64_t e) { return one(first[e / cols * ld + e % cols]); });
    else
      for (int64_t i = 0; i < n; ++i)
        s += team.template sum<double>(cols, [=](int64_t j) { return one(first[i * ld + j]); });
    if (team.leader()) sums[g] = static_cast<T>(s);
  }
};
PLX_KERNEL(AbsSign)

// Row r of discriminator i looks at sample r % n of view j = r / n % V: in place of its hidden products the activated
// values, its output, its loss (share 1/n, weight included) and the gradient of that loss with respect to the last
// linear result.
template <class T> struct JudgeRows {
  Mat<T> h;                                                       // [V V n, hidden]
  T lean;                                                         // slope of the leaky activation
  const T *b1[kMaxProblems], *w[kMaxProblems], *b[kMaxProblems];  // first bias; last layer: [hidden], [1]
  T *loss, *slope;                                                // [V V n]
  Mat<T> out[kMaxProblems];                                       // [n, V] of each discriminator, or null
  int64_t views, n;
  T weight;
  bool squash;  // published form: the sigmoid's result is taken for a logit
  PLX_HD int64_t rows() const { return h.rows; }
  PLX_HD int64_t width() const { return h.cols + 16; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t per = views * n, i = r / per, j = r % per / n, s = r % n;
    T* x = h.row(r);
    const T *a = w[i], *first = b1[i], l = lean;
    const T o = team.template sum<T>(h.cols, [=](int64_t k) {
      const T t = x[k] + first[k], v = t > 0 ? t : l * t;
      x[k] = v;
      return v * a[k];
    }) + *b[i];
    if (!team.leader()) return;
    const T y = squash ? fn::sigmoid(o) : o;
    const T by = i == j ? weight * static_cast<T>(views - 1) : weight;  // the real term stands beside every other view
    T d = i == j ? -by * fn::sigmoid(-y) : by * fn::sigmoid(y);
    if (squash) d *= y * (T(1) - y);
    loss[r] = by * fn::softplus(i == j ? -y : y);
    slope[r] = d;
    if (out[i].p) out[i].row(s)[j] = y;
  }
};
PLX_KERNEL(JudgeRows)

// Per discriminator: in place of h the gradient in front of its activation; sums for the last layer and the first bias.
template <class T> struct JudgeGrad {
  Mat<T> h;  // [V V n, hidden]
  const T* w[kMaxProblems];
  const T* slope;  // [V V n]
  Mat<T> dw, db;   // [V, hidden]: of the last weights and of the first biases
  int64_t views;
  T lean;  // slope of the leaky activation
  PLX_HD int64_t problems() const { return views; }
  PLX_HD int64_t rows() const { return h.rows / views; }
  PLX_HD int64_t width() const { return h.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i, int64_t c, int64_t cols) const {
    const int64_t n = rows();
    constexpr int64_t k = Team::kColumns;
    const T l = lean;
    T sums[2 * k] = {}, a[k];  // of the weights, of the biases
    for (int64_t j = 0; j < cols; ++j) a[j] = w[i][c + j];
    team.down(i * n, n, sums, [&](int64_t r, T* sum) {
      T* x = h.row(r) + c;
      const T d = slope[r];
      for (int64_t j = 0; j < cols; ++j) {
        const T v = x[j], g = d * a[j] * (v > T(0) ? T(1) : l);
        sum[j] += d * v;
        sum[k + j] += g;
        x[j] = g;
      }
    });
    if (!team.leader()) return;
    T *to_w = dw.row(i) + c, *to_b = db.row(i) + c;
    team.each(cols, [=, &sums](int64_t j) {
      to_w[j] = sums[j];
      to_b[j] = sums[k + j];
    });
  }
};
PLX_KERNEL(JudgeGrad)

// Reconstruction through dropout and a sigmoid: t = mask o / (1 - p), y = sigmoid(t). In: o. Out: the gradient of
// factor/2 times the squared error with respect to o; a dropped entry is 0.5 and carries none.
template <class T> struct SigmoidError {
  Mat<T> all_o[kMaxProblems];  // [n, d_g] of every view
  Mat<const T> all_targets[kMaxProblems];
  Mat<T> all_y[kMaxProblems];  // the reconstructions, or null
  Draw<T> draws[kMaxProblems];
  double p;     // 0: no dropout
  T* row_loss;  // [views n]
  T factor[kMaxProblems];
  int64_t views = 0, n = 0, widest = 0;
  PLX_HD int64_t rows() const { return views * n; }
  PLX_HD int64_t width() const { return widest * 12; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t g = r / n, i = r % n;
    const Mat<T> o = all_o[g], y = all_y[g];
    const Mat<const T> target = all_targets[g];
    const Draw<T> draw = draws[g];
    const T f = factor[g];
    if constexpr (!Team::serial) {
      const Draw<T> d = draw;
      const T by = f, scale = p > 0 ? static_cast<T>(1.0 / (1.0 - p)) : T(1);
      const uint32_t limit = p > 0 ? drop_threshold(p) : 0;
      const bool drops = p > 0;
      T *x = o.row(i), *show = y.p ? y.row(i) : nullptr;
      const T* t = target.row(i);
      const T sum = team.template sum<T>(o.cols, [=](int64_t j) {
        const T m = drops ? drop_scale(d, i, j, limit, scale) : T(1), v = fn::sigmoid(m * x[j]), e = v - t[j];
        x[j] = by * e * v * (T(1) - v) * m;
        if (show) show[j] = v;
        return e * e;
      });
      if (team.leader()) row_loss[r] = sum;
      return;
    }
    T part[64], mask[64];
    for (int j = 0; j < 64; ++j) mask[j] = T(1);
    T loss = 0;
    for (int64_t c = 0; c < o.cols; c += 64) {
      const int64_t part_cols = o.cols - c < 64 ? o.cols - c : 64;
      T* x = o.row(i) + c;
      const T* t = target.row(i) + c;
      T* show = y.p ? y.row(i) + c : nullptr;
      team.each(part_cols, [=, &part](int64_t j) { part[j] = x[j]; });
      if (p > 0) {  // the scales of 64 columns: what dropout makes of ones
        team.each(part_cols, [=](int64_t j) { x[j] = T(1); });
        team.sync();
        drop_part(team, draw, i, o.row(i), mask, c, part_cols, p);
      }
      loss += team.template sum<T>(part_cols, [=, &mask, &part](int64_t j) {
        const T m = mask[j], v = fn::sigmoid(m * part[j]), e = v - t[j];
        x[j] = f * e * v * (T(1) - v) * m;
        if (show) show[j] = v;
        return e * e;
      });
    }
    if (team.leader()) row_loss[r] = loss;
  }
};
PLX_KERNEL(SigmoidError)

}  // namespace parallax

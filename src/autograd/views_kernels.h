// Kernels of op_views.
#pragma once
#include "../tensor/launch.h"
#include "../tensor/small.h"

namespace parallax {

// y[b, v] = beta y + scale * <q_b, k_vb>
template <class T> struct RowDots {
  Mat<const T> q;
  Mat<const T> k[kMaxProblems];
  Mat<T> y;  // [n, V]
  T scale, beta;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return q.cols * y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* a = q.row(i);
    for (int64_t v = 0; v < y.cols; ++v) {
      const T* b = k[v].row(i);
      const T s = team.template sum<T>(q.cols, [=](int64_t j) { return a[j] * b[j]; });
      T* out = y.row(i) + v;
      if (team.leader()) *out = (beta == T(0) ? T(0) : beta * *out) + scale * s;
    }
  }
};
PLX_KERNEL(RowDots)

// y_b = beta y_b + scale * sum_v w[b, v] z_vb
template <class T> struct RowMix {
  Mat<const T> w;  // [n, V]
  Mat<const T> z[kMaxProblems];
  Mat<T> y;
  T scale, beta;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * w.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    T* out = y.row(i);
    const T keep = beta;
    if (keep == T(0))
      team.each(y.cols, [=](int64_t j) { out[j] = T(0); });
    else
      team.each(y.cols, [=](int64_t j) { out[j] *= keep; });
    for (int64_t v = 0; v < w.cols; ++v) {
      const T f = scale * w.row(i)[v];
      const T* in = z[v].row(i);
      team.each(y.cols, [=](int64_t j) { out[j] += f * in[j]; });
    }
  }
};
PLX_KERNEL(RowMix)

// y_vb = beta_v y_vb + scale * w[b, v] x_b
template <class T> struct RowScale {
  Mat<const T> x;
  Mat<const T> w;          // [n, V]
  Mat<T> y[kMaxProblems];  // null: not wanted
  T beta[kMaxProblems];
  T scale;
  PLX_HD int64_t rows() const { return w.cols * x.rows; }
  PLX_HD int64_t width() const { return x.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t v = r / x.rows, i = r % x.rows;
    if (!y[v].p) return;
    T* out = y[v].row(i);
    const T* in = x.row(i);
    const T f = scale * w.row(i)[v], keep = beta[v];
    team.each(x.cols, [=](int64_t j) { out[j] = (keep == T(0) ? T(0) : keep * out[j]) + f * in[j]; });
  }
};
PLX_KERNEL(RowScale)

}  // namespace parallax

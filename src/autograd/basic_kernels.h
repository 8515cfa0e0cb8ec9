// Kernels of op_basic.
#pragma once
#include "linear_kernels.h"

namespace parallax {

// y = beta * y + mask * x / (1 - p)
template <class T> struct DropInto {
  Mat<const T> x;  // [problems * n, d]
  Mat<T> y;
  Draw<T> draws[kMaxProblems];
  int n_problems;
  double p;
  T beta;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 4; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t each = y.rows / n_problems, i = r % each;
    const Draw<T>& draw = draws[r / each];
    T* out = y.row(r);
    const T* in = x.row(r);
    if (beta == T(0)) return drop_row(team, draw, i, in, out, y.cols, p);
    if constexpr (!Team::serial) {
      const Draw<T> d = draw;
      const T keep = beta, scale = static_cast<T>(1.0 / (1.0 - p));
      const uint32_t limit = drop_threshold(p);
      team.each(y.cols, [=](int64_t j) { out[j] = keep * out[j] + drop_scale(d, i, j, limit, scale) * in[j]; });
      return;
    }
    for (int64_t c = 0; c < y.cols; c += 64) {  // added to what is there, piece by piece
      const int64_t n = y.cols - c < 64 ? y.cols - c : 64;
      T piece[64];
      drop_part(team, draw, i, in, piece, c, n, p);
      const T keep = beta;
      team.each(n, [=, &piece](int64_t j) { out[c + j] = keep * out[c + j] + piece[j]; });
    }
  }
};
PLX_KERNEL(DropInto)

// y = a u + b v
template <class T> struct AddRows {
  Mat<const T> u, v;
  Mat<T> y;
  T a, b;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T *p = u.row(i), *q = v.row(i);
    T* out = y.row(i);
    const T f = a, g = b;
    team.each(y.cols, [=](int64_t j) { out[j] = f * p[j] + g * q[j]; });
  }
};
PLX_KERNEL(AddRows)

inline constexpr int kTerms = 32, kGroups = 8;  // of a total that one launch takes

// out = (first ? 0 : out) + sum_t w_t * (sum of all entries of term t); sums in double, terms in order. With groups
// (none empty): the sum over groups of factor_g * group_sum_g, each of which is that sum over the terms of g
template <class T> struct TotalTerms {
  Mat<const T> x[kTerms];
  T weight[kTerms];
  int count = 0;
  T* out;
  bool first;
  int groups = 0;  // 0: every term enters by itself
  int end[kGroups];
  T factor[kGroups];
  T* group_sum = nullptr;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const {
    int64_t n = 0;
    for (int t = 0; t < count; ++t) n += x[t].rows * x[t].cols;
    return n;
  }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    T sum = first ? T(0) : *out, inner = 0;
    int g = 0;
    for (int t = 0; t < count; ++t) {
      const T* p = x[t].p;
      const int64_t cols = x[t].cols, ld = x[t].ld;
      const double s = team.template sum<double>(
          x[t].rows * cols, [=](int64_t e) { return static_cast<double>(p[e / cols * ld + e % cols]); });
      (groups ? inner : sum) += weight[t] * static_cast<T>(s);
      if (!groups || t + 1 < end[g]) continue;
      if (team.leader()) group_sum[g] = inner;
      sum += factor[g++] * inner;
      inner = 0;
    }
    team.sync();
    if (team.leader()) *out = sum;
  }
};
PLX_KERNEL(TotalTerms)

// every entry of dx_t = keep_t dx_t + w_t * gy
template <class T> struct SpreadTotal {
  Mat<T> dx[kTerms];
  T weight[kTerms], keep[kTerms];
  int count = 0;
  const T* gy;
  PLX_HD int64_t rows() const { return count; }
  PLX_HD int64_t width() const { return count ? dx[0].rows * dx[0].cols : 0; }
  template <class Team> PLX_HD void operator()(Team team, int64_t t) const {
    T* p = dx[t].p;
    const int64_t cols = dx[t].cols, ld = dx[t].ld;
    const T add = weight[t] * *gy, had = keep[t];
    team.each(dx[t].rows * cols, [=](int64_t e) {
      T* at = p + e / cols * ld + e % cols;
      *at = had == T(0) ? add : add + had * *at;
    });
  }
};
PLX_KERNEL(SpreadTotal)

template <class T> struct SoftmaxRows {
  Mat<const T> x;
  Mat<T> y;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* in = x.row(i);
    T* out = y.row(i);
    const T top = team.template max<T>(y.cols, [=](int64_t j) { return in[j]; });
    const T z = team.template sum<T>(y.cols, [=](int64_t j) {
      const T e = fn::exp(in[j] - top);
      out[j] = e;
      return e;
    });
    const T inv = T(1) / z;
    team.each(y.cols, [=](int64_t j) { out[j] *= inv; });
  }
};
PLX_KERNEL(SoftmaxRows)

// dx = beta dx + y o (dy - <dy, y>)
template <class T> struct SoftmaxGrad {
  Mat<const T> y, dy;
  Mat<T> dx;
  T beta;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T *v = y.row(i), *d = dy.row(i);
    T* out = dx.row(i);
    const T dot = team.template sum<T>(y.cols, [=](int64_t j) { return v[j] * d[j]; });
    const T keep = beta;
    team.each(y.cols, [=](int64_t j) { out[j] = (keep == T(0) ? T(0) : keep * out[j]) + v[j] * (d[j] - dot); });
  }
};
PLX_KERNEL(SoftmaxGrad)

template <class T> struct NormalizeRows {
  Mat<const T> x;
  Mat<T> y;
  T* norm;  // [n]; the floor shows as a negative sign
  T eps;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* in = x.row(i);
    T* out = y.row(i);
    const T length = fn::sqrt(team.template sum<T>(y.cols, [=](int64_t j) { return in[j] * in[j]; }));
    const bool floored = length < eps;
    const T by = floored ? eps : length, inv = T(1) / by;
    team.each(y.cols, [=](int64_t j) { out[j] = in[j] * inv; });
    if (team.leader()) norm[i] = floored ? -by : by;
  }
};
PLX_KERNEL(NormalizeRows)

template <class T> struct NormalizeGrad {
  Mat<const T> y, dy;
  const T* norm;
  Mat<T> dx;
  T beta;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T *v = y.row(i), *d = dy.row(i);
    T* out = dx.row(i);
    const T length = norm[i];
    const T dot = length < 0 ? T(0) : team.template sum<T>(y.cols, [=](int64_t j) { return v[j] * d[j]; });
    const T inv = T(1) / fn::abs(length), keep = beta;
    team.each(y.cols, [=](int64_t j) { out[j] = (keep == T(0) ? T(0) : keep * out[j]) + (d[j] - v[j] * dot) * inv; });
  }
};
PLX_KERNEL(NormalizeGrad)

}  // namespace parallax

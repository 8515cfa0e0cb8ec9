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

// The same of a row behind a dropout.
template <class T> struct DropSoftmaxRows {
  Mat<const T> x;  // [problems * n, d]
  Mat<T> y;
  Draw<T> draws[kMaxProblems];
  int n_problems;
  double p;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 12; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t each = y.rows / n_problems;
    drop_row(team, draws[r / each], r % each, x.row(r), y.row(r), y.cols, p);
    team.sync();
    SoftmaxRows<T>{y, y}(team, r);
  }
};
PLX_KERNEL(DropSoftmaxRows)

// SoftmaxGrad, through the dropout
template <class T> struct DropSoftmaxGrad {
  SoftmaxGrad<T> plain;
  Draw<T> draws[kMaxProblems];
  int n_problems;
  double p;
  PLX_HD int64_t rows() const { return plain.rows(); }
  PLX_HD int64_t width() const { return plain.y.cols * 6; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t each = rows() / n_problems, i = r % each, cols = plain.y.cols;
    const Draw<T> draw = draws[r / each];
    const T *v = plain.y.row(r), *d = plain.dy.row(r);
    T* out = plain.dx.row(r);
    const T dot = team.template sum<T>(cols, [=](int64_t j) { return v[j] * d[j]; }), keep = plain.beta;
    if constexpr (!Team::serial) {
      const T scale = static_cast<T>(1.0 / (1.0 - p));
      const uint32_t limit = drop_threshold(p);
      team.each(cols, [=](int64_t j) {
        out[j] = (keep == T(0) ? T(0) : keep * out[j]) + drop_scale(draw, i, j, limit, scale) * (v[j] * (d[j] - dot));
      });
      return;
    }
    for (int64_t c = 0; c < cols; c += 64) {  // added to what is there, piece by piece
      const int64_t n = cols - c < 64 ? cols - c : 64;
      T piece[64], old[64];
      team.each(n, [=, &old](int64_t j) {
        old[j] = keep == T(0) ? T(0) : keep * out[c + j];
        out[c + j] = v[c + j] * (d[c + j] - dot);
      });
      drop_part(team, draw, i, out, piece, c, n, p);
      team.each(n, [=, &piece, &old](int64_t j) { out[c + j] = old[j] + piece[j]; });
    }
  }
};
PLX_KERNEL(DropSoftmaxGrad)

// Row i of y: the rows i of the problems of x side by side, by the length of them all.
template <class T> struct NormalizeRows {
  Mat<const T> x;  // [G n, d]
  Mat<T> y;        // [n, G d]
  T* norm;         // [n]; the floor shows as a negative sign
  T eps;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t d = x.cols;
    T square = 0;
    for (int64_t r = i; r < x.rows; r += y.rows) {
      const T* in = x.row(r);
      square += team.template sum<T>(d, [=](int64_t j) { return in[j] * in[j]; });
    }
    const T length = fn::sqrt(square);
    const bool floored = length < eps;
    const T by = floored ? eps : length, inv = T(1) / by;
    T* out = y.row(i);
    for (int64_t r = i; r < x.rows; r += y.rows, out += d) {
      const T* in = x.row(r);
      team.each(d, [=](int64_t j) { out[j] = in[j] * inv; });
    }
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
    const T length = norm[i];
    const T dot = length < 0 ? T(0) : team.template sum<T>(y.cols, [=](int64_t j) { return v[j] * d[j]; });
    const T inv = T(1) / fn::abs(length), keep = beta;
    for (int64_t r = i; r < dx.rows; r += y.rows, v += dx.cols, d += dx.cols) {
      T* out = dx.row(r);
      const T *a = v, *b = d;
      team.each(dx.cols,
                [=](int64_t j) { out[j] = (keep == T(0) ? T(0) : keep * out[j]) + (b[j] - a[j] * dot) * inv; });
    }
  }
};
PLX_KERNEL(NormalizeGrad)

}  // namespace parallax

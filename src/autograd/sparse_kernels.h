// Kernels of op_sparse.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// per column: its divergence (times factor and weight) and the gradient that every row of it gets
template <class T> struct EntropyColumns {
  Mat<const T> a;   // [problems * n, d]
  Mat<T> kl, slope; // [problems, d]
  const T* factor;  // [problems]
  int64_t n_problems;
  T rho, weight;
  PLX_HD int64_t problems() const { return n_problems; }
  PLX_HD int64_t rows() const { return a.rows / n_problems; }
  PLX_HD int64_t width() const { return a.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g, int64_t c, int64_t cols) const {
    T *out = kl.row(g) + c, *grad = slope.row(g) + c;
    const T f = factor[g] * weight;
    if (f == T(0)) {
      team.each(cols, [=](int64_t j) { out[j] = grad[j] = T(0); });
      return;
    }
    const int64_t n = rows();
    T sum[64] = {}, total[64] = {};
    for (int64_t i = 0; i < n; ++i) {
      if ((i & 255) == 0)
        for (int64_t j = 0; j < 64; ++j) total[j] += sum[j], sum[j] = 0;
      const T* v = a.row(g * n + i) + c;
      for (int64_t j = 0; j < cols; ++j) sum[j] += v[j];
    }
    const T low = T(1e-6), high = T(1) - T(1e-6), r = rho, inv_n = T(1) / static_cast<T>(n);
    for (int64_t j = 0; j < cols; ++j) {
      const T mean = (total[j] + sum[j]) * inv_n;
      const T m = mean < low ? low : (mean > high ? high : mean);
      const bool open = mean >= low && mean <= high;
      out[j] = f * (r * fn::log(r / m) + (T(1) - r) * fn::log((T(1) - r) / (T(1) - m)));
      grad[j] = open ? f * inv_n * ((T(1) - r) / (T(1) - m) - r / m) : T(0);
    }
  }
};
PLX_KERNEL(EntropyColumns)

// dx = beta dx + gy_g * slope_g, the same for every row of problem g
template <class T> struct SpreadRows {
  Mat<const T> slope;  // [problems, d]
  const T* gy;         // [problems]
  Mat<T> dx;           // [problems * n, d]
  T beta;
  PLX_HD int64_t rows() const { return dx.rows; }
  PLX_HD int64_t width() const { return dx.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t g = i / (dx.rows / slope.rows);
    const T* s = slope.row(g);
    T* out = dx.row(i);
    const T f = gy[g], keep = beta;
    team.each(dx.cols, [=](int64_t j) { out[j] = (keep == T(0) ? T(0) : keep * out[j]) + f * s[j]; });
  }
};
PLX_KERNEL(SpreadRows)

}  // namespace parallax

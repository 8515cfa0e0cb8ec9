// Kernels of op_sparse.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// per column: its divergence (times factor and weight) and the gradient that every row of it gets
template <class T> struct EntropyColumns {
  Mat<const T> a;    // [problems * n, d]
  Mat<T> kl, slope;  // [problems, d]
  const T* factor;   // [problems]
  int64_t n_problems;
  double rho;
  T weight;
  PLX_HD int64_t problems() const { return n_problems; }
  PLX_HD int64_t rows() const { return a.rows / n_problems; }
  PLX_HD int64_t width() const { return a.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g, int64_t c, int64_t cols) const {
    T *out = kl.row(g) + c, *grad = slope.row(g) + c;
    const T f = factor[g] * weight;
    if (f == T(0)) {
      if (team.leader()) team.each(cols, [=](int64_t j) { out[j] = grad[j] = T(0); });
      return;
    }
    const int64_t n = rows();
    T sums[Team::kColumns] = {};
    team.down(g * n, n, sums, [&](int64_t i, T* sum) {
      const T* v = a.row(i) + c;
      for (int64_t j = 0; j < cols; ++j) sum[j] += v[j];
    });
    if (!team.leader()) return;
    // in double: 1 - c of a saturated unit is 1e-6, of which single precision keeps two digits
    const double r = rho, high = 1 - 1e-6, inv_n = 1.0 / static_cast<double>(n), by = static_cast<double>(f);
    for (int64_t j = 0; j < cols; ++j) {
      const double mean = static_cast<double>(sums[j]) * inv_n;
      const double m = mean < 1e-6 ? 1e-6 : (mean > high ? high : mean);
      const bool open = mean >= 1e-6 && mean <= high;
      out[j] = static_cast<T>(by * (r * fn::log(r / m) + (1 - r) * fn::log((1 - r) / (1 - m))));
      grad[j] = open ? static_cast<T>(by * inv_n * ((1 - r) / (1 - m) - r / m)) : T(0);
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

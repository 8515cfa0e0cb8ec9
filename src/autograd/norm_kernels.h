// Kernels of layer normalisation: of op_norm, and of the denoiser in op_diffusion.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// u = x + add (a row of `add` serves every n-th row of x: repeats stacked one above another share their condition),
// xh = (u - mean) / sqrt(var + eps), y = gamma xh + beta, then max(y, 0) if asked. xh may be x itself.
template <class T> struct NormRows {
  Mat<const T> x;
  Mat<const T> add;  // [n, d] or null
  Mat<T> xh, y;      // [r, d]
  T* inverse;        // [r], 1 / sqrt(var + eps)
  const T *gamma, *beta;
  T eps;
  bool relu;
  PLX_HD int64_t rows() const { return x.rows; }
  PLX_HD int64_t width() const { return x.cols * 4; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T *in = x.row(i), *g = gamma, *b = beta;
    T *out = y.row(i), *u = xh.row(i);
    const int64_t d = x.cols;
    const T inv_d = T(1) / static_cast<T>(d);
    T total;
    if (add.p) {
      const T* extra = add.row(i % add.rows);
      total = team.template sum<T>(d, [=](int64_t j) { return u[j] = in[j] + extra[j]; });
    } else {
      total = team.template sum<T>(d, [=](int64_t j) { return u[j] = in[j]; });
    }
    const T mean = total * inv_d;
    const T var = team.template sum<T>(d, [=](int64_t j) {
      u[j] -= mean;
      return u[j] * u[j];
    }) * inv_d;
    const T by = T(1) / fn::sqrt(var + eps);
    if (relu) {
      team.each(d, [=](int64_t j) {
        u[j] *= by;
        out[j] = fn::relu(g[j] * u[j] + b[j]);
      });
    } else {
      team.each(d, [=](int64_t j) {
        u[j] *= by;
        out[j] = g[j] * u[j] + b[j];
      });
    }
    if (team.leader()) inverse[i] = by;
  }
};
PLX_KERNEL(NormRows)

// With w = dy [y > 0] gamma: dx = keep dx + inverse (w - mean(w) - xh mean(w xh)). dx may be dy itself (keep = 0).
template <class T> struct NormGradRows {
  Mat<const T> dy, xh;
  Mat<T> dx;
  const T *inverse, *gamma, *beta;
  T keep;
  bool relu;
  PLX_HD int64_t rows() const { return dy.rows; }
  PLX_HD int64_t width() const { return dy.cols * 4; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T *d = dy.row(i), *u = xh.row(i), *g = gamma, *b = beta;
    T* out = dx.row(i);
    const int64_t n = dy.cols;
    const T inv_n = T(1) / static_cast<T>(n), by = inverse[i], old = keep;
    const T floor = relu ? T(0) : T(-3e38);  // what y must exceed to pass a gradient on
    // a factor, not a choice between values: GCC 12 gets the masked sum of a choice wrong with AVX-512
    const auto w = [=](int64_t j) { return (g[j] * u[j] + b[j] > floor ? T(1) : T(0)) * (d[j] * g[j]); };
    const T m1 = team.template sum<T>(n, w) * inv_n;
    const T m2 = team.template sum<T>(n, [=](int64_t j) { return w(j) * u[j]; }) * inv_n;
    team.each(n, [=](int64_t j) {
      const T v = by * (w(j) - m1 - u[j] * m2);
      out[j] = old == T(0) ? v : old * out[j] + v;
    });
  }
};
PLX_KERNEL(NormGradRows)

// dgamma = keep dgamma + sum dy [y > 0] xh, dbeta = keep dbeta + sum dy [y > 0]; either may be null
template <class T> struct NormGradColumns {
  Mat<const T> dy, xh;
  const T *gamma, *beta;
  T *dgamma, *dbeta;
  T keep_gamma, keep_beta;
  bool relu;
  PLX_HD int64_t problems() const { return 1; }
  PLX_HD int64_t rows() const { return dy.rows; }
  PLX_HD int64_t width() const { return dy.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t, int64_t c, int64_t cols) const {
    constexpr int64_t k = Team::kColumns;
    T sums[2 * k] = {}, scale[k], shift[k];  // of the scale, of the shift
    for (int64_t j = 0; j < cols; ++j) scale[j] = gamma[c + j], shift[j] = beta[c + j];
    const T floor = relu ? T(0) : T(-3e38);
    team.down(0, dy.rows, sums, [&](int64_t i, T* sum) {
      const T *d = dy.row(i) + c, *u = xh.row(i) + c;
      for (int64_t j = 0; j < cols; ++j) {
        const T x = d[j], w = scale[j] * u[j] + shift[j] > floor ? x : T(0);
        sum[j] += w * u[j];
        sum[k + j] += w;
      }
    });
    if (!team.leader()) return;
    const T kg = keep_gamma, kb = keep_beta;
    if (dgamma) {
      T* out = dgamma + c;
      team.each(cols, [=, &sums](int64_t j) { out[j] = (kg == T(0) ? T(0) : kg * out[j]) + sums[j]; });
    }
    if (dbeta) {
      T* out = dbeta + c;
      team.each(cols, [=, &sums](int64_t j) { out[j] = (kb == T(0) ? T(0) : kb * out[j]) + sums[k + j]; });
    }
  }
};
PLX_KERNEL(NormGradColumns)

}  // namespace parallax

// Kernels of the optimiser.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// One piece of one parameter.
template <class T> struct Piece {
  T *p, *m, *v;
  const T* g;
  int64_t count;
  const uint32_t* updates;  // of the parameter, this one included
  const bool* written;      // a parameter that backward did not reach is left alone
};

// b^t by squaring: the same bits on every machine
PLX_HD double power(double b, uint32_t t) {
  double r = 1;
  for (; t; t >>= 1, b *= b)
    if (t & 1) r *= b;
  return r;
}

template <class T> struct AdamPieces {
  const Piece<T>* pieces;
  int64_t n;
  const T *lr, *clip;   // device scalars; clip may be null
  const int32_t* flag;  // not zero: hold back
  double beta1, beta2, eps, weight_decay;
  PLX_HD int64_t rows() const { return n; }
  PLX_HD int64_t width() const { return 16384; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const Piece<T> q = pieces[i];
    if (!*q.written || *flag) return;
    const uint32_t t = *q.updates;
    const T a = static_cast<T>(static_cast<double>(*lr) / (1 - power(beta1, t)));
    const T c = static_cast<T>(1 / sqrt(1 - power(beta2, t)));
    const T b1 = static_cast<T>(beta1), b2 = static_cast<T>(beta2), e = static_cast<T>(eps),
            decay = static_cast<T>(weight_decay);
    const T o1 = static_cast<T>(1 - beta1), o2 = static_cast<T>(1 - beta2);
    const T by = clip ? *clip : T(1);
    T* __restrict p = q.p, * __restrict m = q.m, * __restrict v = q.v;
    const T* __restrict g = q.g;
    team.each(q.count, [=](int64_t j) {
      const T grad = g[j] * by + decay * p[j];
      const T mj = b1 * m[j] + o1 * grad;
      const T vj = b2 * v[j] + o2 * grad * grad;
      m[j] = mj;
      v[j] = vj;
      p[j] -= a * mj / (fn::sqrt(vj) * c + e);
    });
  }
};
PLX_KERNEL(AdamPieces)

// p -= lr * u, u = momentum * u + g; the first moment holds u
template <class T> struct SgdPieces {
  const Piece<T>* pieces;
  int64_t n;
  const T *lr, *clip;
  const int32_t* flag;
  double momentum, weight_decay;
  PLX_HD int64_t rows() const { return n; }
  PLX_HD int64_t width() const { return 16384; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const Piece<T> q = pieces[i];
    if (!*q.written || *flag) return;
    const T a = *lr, by = clip ? *clip : T(1), mu = static_cast<T>(momentum), decay = static_cast<T>(weight_decay);
    T *p = q.p, *m = q.m;
    const T* g = q.g;
    team.each(q.count, [=](int64_t j) {
      m[j] = mu * m[j] + (g[j] * by + decay * p[j]);
      p[j] -= a * m[j];
    });
  }
};
PLX_KERNEL(SgdPieces)

// sum of squares of each piece that backward reached
template <class T> struct SquarePieces {
  const Piece<T>* pieces;
  int64_t n;
  double* sums;  // [n]
  PLX_HD int64_t rows() const { return n; }
  PLX_HD int64_t width() const { return 16384; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const Piece<T> q = pieces[i];
    const T* g = q.g;
    const double s =
        *q.written ? team.template sum<double>(
                         q.count, [=](int64_t j) { return static_cast<double>(g[j]) * static_cast<double>(g[j]); })
                   : 0.0;
    if (team.leader()) sums[i] = s;
  }
};
PLX_KERNEL(SquarePieces)

// Before an update: clip factor from the sums of squares, finite flag, step counters. One row.
template <class T> struct PrepareUpdate {
  const Piece<T>* pieces;
  int64_t n;
  const double* sums;  // null: no clipping
  double clip_norm;
  T *norm, *clip;
  const T* loss;  // may be null
  int32_t* flag;
  uint32_t* const* counters;  // [parameters]
  const bool* const* written;
  int64_t parameters;
  int64_t small;  // gradients of pieces up to this size are looked at one by one
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return 1; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    T bad = 0;
    if (loss) bad += *loss - *loss;  // NaN unless finite
    if (sums) {
      const double* s = sums;
      const double total = ::sqrt(team.template sum<double>(n, [=](int64_t i) { return s[i]; }));
      bad += static_cast<T>(total - total);
      const double factor = clip_norm / (total + 1e-6);
      *norm = static_cast<T>(total);
      *clip = factor < 1 ? static_cast<T>(factor) : T(1);
    } else {
      for (int64_t i = 0; i < n; ++i) {
        const Piece<T> q = pieces[i];
        if (q.count > small || !*q.written) continue;
        const T* g = q.g;
        bad += team.template sum<T>(q.count, [=](int64_t j) { return g[j] - g[j]; });
      }
    }
    if (bad != T(0)) *flag = 1;
    for (int64_t i = 0; i < parameters; ++i)
      if (*written[i] && !*flag) ++*counters[i];
  }
};
PLX_KERNEL(PrepareUpdate)

}  // namespace parallax

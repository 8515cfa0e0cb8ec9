// Kernels of the optimiser.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// One piece of one parameter.
template <class T> struct Piece {
  T *p, *m, *v;
  const T* g;
  int64_t count;
  const int32_t* updates;  // of the parameter, this one included
  const uint8_t* written;  // a parameter that backward did not reach is left alone
};

// b^t by squaring: the same bits on every machine
PLX_HD double power(double b, int32_t t) {
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
    const int32_t t = *q.updates;
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
  const Piece<T>* small;  // gradients that are looked at one by one, in short pieces
  int64_t n_small;
  const double* sums;  // [n_sums], null: no clipping
  int64_t n_sums;
  double clip_norm;
  T *norm, *clip;
  const T* loss;  // may be null
  int32_t* flag;
  int32_t* const* counters;  // [parameters]
  const uint8_t* written;    // [parameters]
  int64_t parameters;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return n_small * 64 + n_sums; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    bool bad = loss && !(*loss - *loss == T(0));
    if (sums) {
      const double* s = sums;
      const double total = ::sqrt(team.template sum<double>(n_sums, [=](int64_t i) { return s[i]; }));
      bad = bad || !(total - total == 0);
      const double factor = clip_norm / (total + 1e-6);
      if (team.leader()) {
        *norm = static_cast<T>(total);
        *clip = factor < 1 ? static_cast<T>(factor) : T(1);
      }
    } else {
      const Piece<T>* list = small;
      const int64_t found = team.template sum<int64_t>(n_small, [=](int64_t i) {
        const Piece<T> q = list[i];
        int any = 0;
        if (*q.written)
          for (int64_t j = 0; j < q.count; ++j) any |= !(q.g[j] - q.g[j] == T(0));
        return static_cast<int64_t>(any);
      });
      bad = bad || found != 0;
    }
    const bool hold = bad || *flag != 0;
    team.sync();
    if (team.leader() && bad) *flag = 1;
    int32_t* const* count = counters;
    const uint8_t* reached = written;
    team.each(parameters, [=](int64_t i) {
      if (reached[i] && !hold) ++*count[i];
    });
  }
};
PLX_KERNEL(PrepareUpdate)

}  // namespace parallax

// Kernels of op_pairs.
#pragma once
#include "pairs.h"
#include "tiled.h"

namespace parallax {

// Anchors of view `view`, against the rows of all views that it is compared with. In: similarities / tau. Out: the
// row's losses of every pair, and in place of the similarities weight * (sum over pairs of P - [partner]), 0 on the
// anchor itself. Each block keeps its own maximum, so that no block is lost beside a far larger one.
template <class T> struct PairRows {
  Mat<T> s;  // [tile, V * n]
  T* loss;   // [pairs, 2, n]: direction 0 = anchors of the pair's first view
  Pairs pairs;
  int64_t view, first, n;  // first: row of the view that is row 0 of the tile
  bool own;                // other rows of the anchor's own view are negatives too
  T weight;
  PLX_HD int64_t rows() const { return s.rows; }
  PLX_HD int64_t width() const { return s.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    T* x = s.row(i);
    const int64_t me = first + i, at = view * n + me;
    T top_own = 0, z_own = 0, back = 0;
    if (own && n > 1) {
      T* block = x + view * n;
      team.sync();
      if (team.leader()) x[at] = T(-3e38);  // never the maximum, and exp gives 0
      team.sync();
      const T top = team.template max<T>(n, [=](int64_t j) { return block[j]; });
      z_own = team.template sum<T>(n, [=](int64_t j) {
        const T e = fn::exp(block[j] - top);
        block[j] = e;
        return e;
      });
      top_own = top;
    }
    for (int64_t b = 0; b < pairs.views; ++b) {
      if (!pairs.paired(view, b)) continue;
      T* block = x + b * n;
      const T hit = block[me];
      const T top = team.template max<T>(n, [=](int64_t j) { return block[j]; });
      const T z = team.template sum<T>(n, [=](int64_t j) {
        const T e = fn::exp(block[j] - top);
        block[j] = e;
        return e;
      });
      const T high = z_own > 0 && top_own > top ? top_own : top;
      const T sum = z * fn::exp(top - high) + (z_own > 0 ? z_own * fn::exp(top_own - high) : T(0));
      const T whole = high + fn::log(sum);
      const T f = weight * fn::exp(top - whole);
      team.each(n, [=](int64_t j) { block[j] *= f; });
      team.sync();
      if (z_own > 0) back += weight * fn::exp(top_own - whole);
      if (team.leader()) {
        block[me] -= weight;
        loss[pairs.directed(view, b) * n + me] = whole - hit;
      }
    }
    if (own) {
      T* block = x + view * n;
      if (n > 1)
        team.each(n, [=](int64_t j) { block[j] *= back; });
      else if (team.leader())
        block[0] = T(0);
    }
  }
};
PLX_KERNEL(PairRows)

// On a device: all pairs in one kernel per direction, similarities computed again in backward.
struct PairLosses {
  Mat<const float> u;     // [V * n, h]
  float *loss, *log_sum;  // [pairs, 2, n], see PairRows
  Pairs pairs;
  int64_t n;
  float by;  // 1 / tau
  bool own;
};
struct PairGrads {
  Mat<const float> u;
  const float* log_sum;
  const float* gy;
  Pairs pairs;
  int64_t n;
  float by, weight;
  bool own;
  TiledGrad du;
};

// s = (p + p^T) / 2 and its row sums, for every stacked pair
template <class T> struct SymmetricRows {
  Mat<const T> p;  // [pairs * c, c]
  Mat<T> s;
  T* sums;  // [pairs * c]
  PLX_HD int64_t rows() const { return s.rows; }
  PLX_HD int64_t width() const { return s.cols * 4; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t c = s.cols, a = r % c, ld = p.ld;
    const T *row = p.row(r), *column = p.row(r - a) + a;
    T* out = s.row(r);
    const T sum = team.template sum<T>(c, [=](int64_t b) {
      const T x = T(0.5) * (row[b] + column[b * ld]);
      out[b] = x;
      return x;
    });
    if (team.leader()) sums[r] = sum;
  }
};
PLX_KERNEL(SymmetricRows)

inline constexpr double kJointFloor = 2.220446049250313e-16;

// Per pair: 1 / (sum of all entries), or the given constant; marginals, floored, and their logarithms.
template <class T> struct JointMarginals {
  const T* sums;  // [pairs * c]
  int64_t pairs, c;
  T constant;                  // 0: normalise by the sum
  T *marginal, *log_marginal;  // [pairs * c]; a floored marginal is stored with a negative sign
  T* scale;                    // [pairs]
  PLX_HD int64_t rows() const { return pairs; }
  PLX_HD int64_t width() const { return c * 16; }
  template <class Team> PLX_HD void operator()(Team team, int64_t p) const {
    const T* in = sums + p * c;
    T *m = marginal + p * c, *l = log_marginal + p * c;
    const T total = constant > 0 ? constant : team.template sum<T>(c, [=](int64_t a) { return in[a]; });
    const T by = total > 0 ? T(1) / total : T(0);  // nothing active: an empty table
    const T floor = T(kJointFloor);
    team.each(c, [=](int64_t a) {
      const T x = in[a] * by;
      m[a] = x < floor ? -floor : x;
      l[a] = fn::log(fn::max(x, floor));
    });
    if (team.leader()) scale[p] = by;
  }
};
PLX_KERNEL(JointMarginals)

// J = sum_ab P (ln P - k ln pi_a - k ln pi_b), P floored: the row's part of J, of <dJ/dP, P>, and the direct gradient
// of P
template <class T> struct JointRows {
  Mat<const T> s;
  Mat<T> g;  // direct part: ln P - k (ln pi_a + ln pi_b) + 1, or 0 where P is floored
  const T *marginal, *log_marginal, *scale;
  T coefficient;
  T *value, *through, *inner;  // [pairs * c]; through: minus the gradient of pi_a
  PLX_HD int64_t rows() const { return s.rows; }
  PLX_HD int64_t width() const { return s.cols * 12; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t c = s.cols, pair = r / c;
    const T by = scale[pair], k = coefficient, floor = T(kJointFloor), own = log_marginal[r];
    const T *in = s.row(r), *lp = log_marginal + pair * c;
    T* out = g.row(r);
    // three sums over one row; what one pass computes the next reads
    const T j = team.template sum<T>(c, [=](int64_t b) {
      const T p = in[b] * by, floored = fn::max(p, floor);
      const T term = fn::log(floored) - k * (own + lp[b]);
      out[b] = p < floor ? T(0) : term + T(1);
      return floored * term;
    });
    const T mass = team.template sum<T>(c, [=](int64_t b) { return fn::max(in[b] * by, floor); });
    const T dot = team.template sum<T>(c, [=](int64_t b) { return in[b] * by * out[b]; });
    const T pi = marginal[r];
    const T gp = pi < 0 ? T(0) : k * mass / pi;
    if (team.leader()) {
      value[r] = j;
      through[r] = gp;
      inner[r] = dot - T(2) * gp * fn::abs(pi);
    }
  }
};
PLX_KERNEL(JointRows)

// dJ/dP0, P0 the table before it was made symmetric and normalised
template <class T> struct JointGradRows {
  Mat<T> g;
  const T *through, *inner, *scale;
  bool constant;  // normalised by a constant: no derivative through the sum
  PLX_HD int64_t rows() const { return g.rows; }
  PLX_HD int64_t width() const { return g.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t c = g.cols, pair = r / c;
    const T *all = inner + pair * c, *gp = through + pair * c;
    const T mean = constant ? T(0) : team.template sum<T>(c, [=](int64_t b) { return all[b]; });
    const T by = scale[pair], own = through[r] + mean;
    T* out = g.row(r);
    team.each(c, [=](int64_t b) { out[b] = (out[b] - own - gp[b]) * by; });
  }
};
PLX_KERNEL(JointGradRows)

}  // namespace parallax

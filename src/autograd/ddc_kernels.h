// Kernels of op_ddc.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// D_ij = max(0, |h_i|^2 - 2 h_i.h_j + |h_j|^2) from the Gram matrix
template <class T> struct GramDistances {
  Mat<const T> gram;  // [n, n]
  Mat<T> d;
  PLX_HD int64_t rows() const { return d.rows; }
  PLX_HD int64_t width() const { return d.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T *in = gram.row(i), *diagonal = gram.p;
    const int64_t step = gram.ld + 1;
    const T own = in[i];
    T* out = d.row(i);
    team.each(d.cols, [=](int64_t j) { out[j] = fn::max(T(0), own - T(2) * in[j] + diagonal[j * step]); });
  }
};
PLX_KERNEL(GramDistances)

// Non-negative numbers are ordered as their bits.
PLX_HD float from_bits(uint32_t b, float) { return fn::as_float(b); }
PLX_HD double from_bits(uint64_t b, double) {
  double d;
  memcpy(&d, &b, 8);
  return d;
}
template <class T> struct BitsOf;
template <> struct BitsOf<float> {
  using type = uint32_t;
  static constexpr int count = 31;
};
template <> struct BitsOf<double> {
  using type = uint64_t;
  static constexpr int count = 63;
};

// s = max(rel * lower median of all entries, 1e-9). The median is found bit by bit: the largest number below which
// there are at most `rank` entries; exact, and no entry moves.
template <class T> struct MedianWidth {
  Mat<const T> d;
  T* width_out;  // [1]
  double rel;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return d.rows * d.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    using Bits = typename BitsOf<T>::type;
    const int64_t rank = (d.rows * d.cols - 1) / 2;
    Bits found = 0;
    for (int bit = BitsOf<T>::count - 1; bit >= 0; --bit) {
      const T candidate = from_bits(found | (Bits(1) << bit), T());
      if (candidate != candidate) continue;
      int64_t below = 0;
      for (int64_t i = 0; i < d.rows; ++i) {
        const T* row = d.row(i);
        below += team.template sum<int32_t>(d.cols, [=](int64_t j) { return row[j] < candidate ? 1 : 0; });
      }
      if (below <= rank) found |= Bits(1) << bit;
    }
    const double s = rel * static_cast<double>(from_bits(found, T()));
    if (team.leader()) *width_out = static_cast<T>(s > 1e-9 ? s : 1e-9);
  }
};
PLX_KERNEL(MedianWidth)

// In place of D: exp(-D / 2s)
template <class T> struct KernelRows {
  Mat<T> d;
  const T* s;
  PLX_HD int64_t rows() const { return d.rows; }
  PLX_HD int64_t width() const { return d.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T by = T(-0.5) / *s;
    T* x = d.row(i);
    team.each(d.cols, [=](int64_t j) { x[j] = fn::exp(x[j] * by); });
  }
};
PLX_KERNEL(KernelRows)

// [Q, W], W_ia = exp(-|q_i - e_a|^2)
template <class T> struct CornerRows {
  Mat<const T> q;
  Mat<T> qw;  // [n, 2K]
  PLX_HD int64_t rows() const { return q.rows; }
  PLX_HD int64_t width() const { return q.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t K = q.cols;
    const T* in = q.row(i);
    T* out = qw.row(i);
    const T square = team.template sum<T>(K, [=](int64_t a) { return in[a] * in[a]; });
    team.each(K, [=](int64_t a) {
      out[a] = in[a];
      out[K + a] = fn::exp(T(2) * in[a] - square - T(1));
    });
  }
};
PLX_KERNEL(CornerRows)

// What a device is handed in single precision instead of the kernels that keep D, Kmat or a gradient of them (ddc.cu):
// distances are made tile by tile, as sums of squared differences, whenever they are needed.
struct DistanceCounts {  // of the digits of all distances' bits, from which the median follows
  Mat<const float> h;
  int32_t* counts;  // [kDistanceCounts]
};
struct KernelTimes {  // kb = Kmat qw
  Mat<const float> h, qw;
  Mat<float> kb;
  const int32_t* counts;  // give the width, which is written; null: the width is given
  float* width;
  double rel;
};
struct DistanceGrads {  // for E = dloss/dD, whose part G of Kmat is bg qw^T: dh = -2 E h, and E's row sums
  Mat<const float> h, qw, bg;
  const float* width;
  Mat<float> dh;
  float* sums;
};
constexpr int kDigitBits[] = {11, 10, 10};  // of the 31 bits of a distance, highest first
constexpr int64_t kDistanceCounts = 2048 + 1024 + 1024;

// Cauchy-Schwarz terms of M = B^T Kmat B, one row per B in {Q, W} (DDMC 5.1, 12.1):
//   loss = c sum_{a<b} R_ab,  R_ab = max(M_ab, 1e-9) / sqrt(max(M_aa M_bb, 1e-18));   g = dloss/dM + its transpose
template <class T> struct SchwarzPairs {
  Mat<const T> m;  // [2K, K]
  Mat<T> g;
  T* parts;  // l1 to [0], l3 to [2]
  T c;
  PLX_HD int64_t rows() const { return 2; }
  PLX_HD int64_t width() const { return m.cols * m.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t which) const {
    const int64_t K = m.cols, r0 = which * K, ld = m.ld;
    const T* first = m.row(r0);
    const T f = c;
    T loss = 0;
    for (int64_t a = 0; a < K; ++a) {
      const T own = first[a * ld + a];
      T* out = g.row(r0 + a);
      T inner = 0;  // sum of R over the pairs whose denominator is not floored
      loss += team.template sum<T>(K, [=](int64_t b) {
        if (b == a) return T(0);
        const T x = b > a ? first[a * ld + b] : first[b * ld + a];
        const T under = own * first[b * ld + b], root = fn::sqrt(fn::max(under, T(1e-18)));
        out[b] = x > T(1e-9) ? f / root : T(0);
        return fn::max(x, T(1e-9)) / root;
      });
      inner = team.template sum<T>(K, [=](int64_t b) {
        const T under = own * first[b * ld + b];
        if (b == a || under < T(1e-18)) return T(0);
        const T x = b > a ? first[a * ld + b] : first[b * ld + a];
        return fn::max(x, T(1e-9)) / fn::sqrt(under);
      });
      if (team.leader()) out[a] = own > T(0) ? -f * inner / own : T(0);
    }
    if (team.leader()) parts[2 * which] = T(0.5) * f * loss;
  }
};
PLX_KERNEL(SchwarzPairs)

// l2: sums over pairs of samples or of clusters, and the column sums of Q
template <class T> struct SecondTerm {
  Mat<const T> q;
  T *columns, *parts;  // [K]; parts[1]
  T factor;
  bool samples;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return q.rows * q.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    double squares = 0, rows_squared = 0, columns_squared = 0;
    const int64_t n = q.rows, ld = q.ld;
    for (int64_t a = 0; a < q.cols; ++a) {
      const T* p = q.p + a;
      const double s = team.template sum<double>(n, [=](int64_t i) { return static_cast<double>(p[i * ld]); });
      columns_squared += s * s;
      if (team.leader()) columns[a] = static_cast<T>(s);
    }
    for (int64_t i = 0; i < n; ++i) {
      const T* p = q.row(i);
      squares += team.template sum<double>(
          q.cols, [=](int64_t a) { return static_cast<double>(p[a]) * static_cast<double>(p[a]); });
      const double s = team.template sum<double>(q.cols, [=](int64_t a) { return static_cast<double>(p[a]); });
      rows_squared += s * s;
    }
    if (team.leader()) parts[1] = factor * static_cast<T>(((samples ? columns_squared : rows_squared) - squares) / 2);
  }
};
PLX_KERNEL(SecondTerm)

// In: dloss/dKmat. Out: dloss/dD with both orders of a pair, and its row sums. Where D was clamped Kmat is exactly 1.
template <class T> struct DistanceGrad {
  Mat<const T> kmat;
  Mat<T> e;
  const T* s;
  T* sums;
  PLX_HD int64_t rows() const { return e.rows; }
  PLX_HD int64_t width() const { return e.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* k = kmat.row(i);
    T* x = e.row(i);
    const T by = T(-0.5) / *s;
    const T sum = team.template sum<T>(e.cols, [=](int64_t j) {
      const T y = k[j] == T(1) ? T(0) : x[j] * k[j] * by;
      x[j] = y;
      return y;
    });
    if (team.leader()) sums[i] = sum;
  }
};
PLX_KERNEL(DistanceGrad)

// dQ from its three terms, dH += 2 r_i h_i
template <class T> struct DdcFinish {
  Mat<const T> q, qw, db;  // db [n, 2K]: gradients of Q (first term) and of W
  const T* columns;
  T factor;
  bool samples;
  Mat<T> dq, dh;
  Mat<const T> h;
  const T* sums;
  PLX_HD int64_t rows() const { return q.rows; }
  PLX_HD int64_t width() const { return h.cols + q.cols * 4; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t K = q.cols;
    const T *in = q.row(i), *w = qw.row(i) + K, *d1 = db.row(i), *d3 = d1 + K, *col = columns;
    T *out = dq.row(i), *dh_i = dh.row(i);
    const T t = team.template sum<T>(K, [=](int64_t a) { return d3[a] * w[a]; });
    const T all = samples ? T(0) : team.template sum<T>(K, [=](int64_t a) { return in[a]; });
    const T f = factor;
    const bool by_sample = samples;
    team.each(K, [=](int64_t a) {
      out[a] = d1[a] + f * ((by_sample ? col[a] : all) - in[a]) + T(2) * (d3[a] * w[a] - in[a] * t);
    });
    const T* x = h.row(i);
    const T r = T(2) * sums[i];
    team.each(h.cols, [=](int64_t j) { dh_i[j] += r * x[j]; });
  }
};
PLX_KERNEL(DdcFinish)

}  // namespace parallax

// Kernels of op_structure and of the neighbourhood counts of a batch.
#pragma once
#include "tiled.h"

namespace parallax {

// Row a of the similarities of [h; q] with itself, halves of n columns: its loss, and in place of the similarities
// weight * E (GDCN 11.2). The weights W = 1 - count / of are those of the anchor's row; the positive has none.
template <class T> struct StructureRows {
  Mat<T> s;               // [tile, 2 n], already divided by tau
  const uint8_t* counts;  // [n, n]
  T* loss;                // [tile]
  int64_t first;          // row of the first anchor among 2 n
  T per_count, weight;    // 1 / of
  PLX_HD int64_t rows() const { return s.rows; }
  PLX_HD int64_t width() const { return s.cols * 10; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    T* x = s.row(i);
    const int64_t n = s.cols / 2, own = first + i, sample = own % n, partner = own < n ? own + n : own - n;
    const uint8_t* c = counts + sample * n;
    const T step = per_count, hit = x[partner];
    team.sync();
    for (int64_t half = 0; half < 2; ++half) {
      T* y = x + half * n;
      team.each(n, [=](int64_t j) { y[j] *= T(1) - step * static_cast<T>(c[j]); });
    }
    team.sync();
    if (team.leader()) {
      x[own] = T(-3e38);  // never the maximum, and exp gives 0
      x[partner] = hit;
    }
    team.sync();
    const T top = team.template max<T>(2 * n, [=](int64_t j) { return x[j]; });
    const T z = team.template sum<T>(2 * n, [=](int64_t j) { return x[j] = fn::exp(x[j] - top); });
    const T f = weight / z, share = f * x[partner];
    team.sync();
    for (int64_t half = 0; half < 2; ++half) {
      T* y = x + half * n;
      team.each(n, [=](int64_t j) { y[j] *= f * (T(1) - step * static_cast<T>(c[j])); });
    }
    team.sync();
    if (team.leader()) {
      x[partner] = share - weight;
      loss[i] = top + fn::log(z) - hit;
    }
  }
};
PLX_KERNEL(StructureRows)

// On a device: all views in one kernel per direction, similarities computed again in backward.
struct StructureLosses {
  Mat<const float> h, q;  // [views * n, d], [n, d]
  const uint8_t* counts;  // [n, n]
  float *loss, *log_sum;  // [views, 2 n]: anchors of h_v, then of q
  float by, per_count;    // 1 / tau, 1 / of
};
struct StructureGrads {
  Mat<const float> h, q;
  const uint8_t* counts;
  const float* log_sum;
  Mat<const float> gy;  // [views, 1]
  float by, per_count, weight;
  TiledGrad dh, dq;
};

template <class T> struct SquaredNorms {
  Mat<const T> x;
  double* norms;  // [n]
  PLX_HD int64_t rows() const { return x.rows; }
  PLX_HD int64_t width() const { return x.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* p = x.row(i);
    const double s = team.template sum<double>(
        x.cols, [=](int64_t j) { return static_cast<double>(p[j]) * static_cast<double>(p[j]); });
    if (team.leader()) norms[i] = s;
  }
};
PLX_KERNEL(SquaredNorms)

// Squared distance of rows of unit length (max(|x|, 1e-12) as the divisor) from their raw inner product.
PLX_HD double unit_distance(double dot, double a, double b) {
  const double floor = 1e-24, ma = a < floor ? floor : a, mb = b < floor ? floor : b;
  return a / ma + b / mb - 2 * dot / ::sqrt(ma * mb);
}

// Anchor i: the k rows with the smallest (distance, index), itself always among them; their counts go up by one. Inner
// products in T decide what is farther from the border than their rounding; the rest is decided in double.
template <class T> struct NearestRows {
  Mat<T> s;             // [tile, n]: inner products of unit rows; destroyed
  Mat<double> exact;    // [tile, n]
  Mat<const T> x;       // [n, d] raw rows
  const double* norms;  // [n] squared, of raw rows
  uint8_t* counts;      // [n, n]
  int64_t first, k;
  T slack;  // twice the bound of a distance's rounding
  PLX_HD int64_t rows() const { return s.rows; }
  PLX_HD int64_t width() const { return s.cols * (k + 4); }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    constexpr T kFar = T(3e38);
    const int64_t n = s.cols, own = first + i;
    T* d = s.row(i);
    double* e = exact.row(i);
    const double *sq = norms, mine = norms[own];
    const T* a = x.row(own);
    uint8_t* c = counts + own * n;
    // distances; an inner product of exactly 0 (nothing in common) is exact
    team.each(n, [=](int64_t j) {
      const T dot = d[j];
      const double ones = unit_distance(0, mine, sq[j]);
      e[j] = dot == T(0) ? ones : -1.0;  // -1: not known exactly
      d[j] = static_cast<T>(ones) - T(2) * dot;
    });
    team.sync();
    if (team.leader()) d[own] = kFar, e[own] = kFar, ++c[own];
    team.sync();
    int64_t left = k - 1;
    if (left <= 0) return;
    // the (k-1)-th smallest of the others
    T border = -kFar;
    for (int64_t have = 0; have < left;) {
      const T last = border;
      border = -team.template max<T>(n, [=](int64_t j) { return d[j] > last ? -d[j] : -kFar; });
      const T level = border;
      have += team.template sum<int64_t>(n, [=](int64_t j) { return d[j] == level ? int64_t{1} : int64_t{0}; });
      if (border >= kFar) break;
    }
    const T low = border - slack, high = border + slack;
    const int64_t sure = team.template sum<int64_t>(n, [=](int64_t j) { return d[j] < low ? int64_t{1} : int64_t{0}; });
    team.each(n, [=](int64_t j) { c[j] = static_cast<uint8_t>(c[j] + (d[j] < low ? 1 : 0)); });
    left -= sure;
    for (int64_t j = 0; j < n; ++j) {
      if (!(d[j] >= low && d[j] <= high) || e[j] >= 0) continue;
      const T* b = x.row(j);
      const double dot = team.template sum<double>(
          x.cols, [=](int64_t q) { return static_cast<double>(a[q]) * static_cast<double>(b[q]); });
      if (team.leader()) e[j] = fn::max(unit_distance(dot, mine, sq[j]), 0.0);
      team.sync();
    }
    for (; left > 0; --left) {  // the nearest of the border's, the lowest index among equals
      const double best =
          -team.template max<double>(n, [=](int64_t j) { return d[j] >= low && d[j] <= high ? -e[j] : -1e300; });
      if (best >= 1e300) return;
      const int64_t at = -team.template max<int64_t>(
          n, [=](int64_t j) { return d[j] >= low && d[j] <= high && e[j] == best ? -j : -n; });
      if (at >= n) return;
      if (team.leader()) ++c[at], d[at] = kFar;
      team.sync();
    }
  }
};
PLX_KERNEL(NearestRows)

// The same on a device for all views in one kernel, without the inner products in memory: the nearest of every anchor
// stay in registers, so k is limited.
struct NearestLists {
  static constexpr int64_t kMost = 16;
  Mat<const float> x[kMaxProblems] = {};
  double* norms;    // [views, n] squared; filled first
  uint8_t* counts;  // [n, n]; whole words of four are written
  int64_t views, n, k;
};

}  // namespace parallax

// Kernels of op_contrast.
#pragma once
#include "tiled.h"

namespace parallax {

// rows first .. first + s.rows of the similarities: losses, and in their place weight * (P - I), P without the diagonal
template <class T> struct AnchorRows {
  Mat<T> s;       // [tile, n], already divided by tau
  T* loss;        // [tile]
  int64_t first;  // row of the first anchor
  T weight;
  PLX_HD int64_t rows() const { return s.rows; }
  PLX_HD int64_t width() const { return s.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    T* x = s.row(i);
    const int64_t own = first + i;
    const T hit = x[own];
    team.sync();
    if (team.leader()) x[own] = T(-3e38);  // never the maximum, and exp gives 0
    team.sync();
    const T top = team.template max<T>(s.cols, [=](int64_t j) { return x[j]; });
    const T z = team.template sum<T>(s.cols, [=](int64_t j) {
      const T e = fn::exp(x[j] - top);
      x[j] = e;
      return e;
    });
    const T f = weight / z;
    team.each(s.cols, [=](int64_t j) { x[j] *= f; });
    team.sync();
    if (team.leader()) {
      x[own] = -weight;
      loss[i] = top + fn::log(z) - hit;
    }
  }
};
PLX_KERNEL(AnchorRows)

// On a device: all views in one kernel per direction, similarities computed again in backward.
struct AnchorLosses {
  Mat<const float> h, r[kMaxProblems] = {};
  float *loss, *log_sum;  // [views, n]; log_sum: ln sum_{q != p} exp S_pq
  float by;               // 1 / tau
  int64_t views;
};
struct AnchorGrads {
  Mat<const float> h, r[kMaxProblems] = {};
  const float* log_sum;
  Mat<const float> gy;  // [views, 1]
  float by, weight;
  int64_t views;
  TiledGrad dh, dr[kMaxProblems] = {};
};

}  // namespace parallax

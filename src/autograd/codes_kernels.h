// Kernels of op_codes.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// y[v n + i] = [z_i | z_(v+1)n+i]
template <class T> struct JoinRows {
  Mat<const T> z;  // [(V + 1) n, d]
  Mat<T> y;        // [V n, 2 d]
  int64_t n;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const T *common = z.row(r % n), *own = z.row(r + n);
    T *left = y.row(r), *right = left + z.cols;
    team.each(z.cols, [=](int64_t j) { left[j] = common[j]; });
    team.each(z.cols, [=](int64_t j) { right[j] = own[j]; });
  }
};
PLX_KERNEL(JoinRows)

// dz = keep dz + what came back: the common block gets the sum over the views
template <class T> struct JoinGrad {
  Mat<const T> dy;  // [V n, 2 d]
  Mat<T> dz;        // [(V + 1) n, d]
  int64_t n;
  T keep;
  PLX_HD int64_t rows() const { return dz.rows; }
  PLX_HD int64_t width() const { return dz.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t d = dz.cols;
    T* out = dz.row(r);
    const T old = keep;
    if (r >= n) {
      const T* in = dy.row(r - n) + d;
      team.each(d, [=](int64_t j) { out[j] = (old == T(0) ? T(0) : old * out[j]) + in[j]; });
      return;
    }
    const T* in = dy.row(r);
    team.each(d, [=](int64_t j) { out[j] = (old == T(0) ? T(0) : old * out[j]) + in[j]; });
    for (int64_t q = r + n; q < dy.rows; q += n) {
      const T* more = dy.row(q);
      team.each(d, [=](int64_t j) { out[j] += more[j]; });
    }
  }
};
PLX_KERNEL(JoinGrad)

// y_i = [z_i | z_n+i | z_2n+i | ...]
template <class T> struct SideRows {
  Mat<const T> z;  // [G n, d]
  Mat<T> y;        // [n, G d]
  PLX_HD int64_t rows() const { return z.rows; }
  PLX_HD int64_t width() const { return z.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const T* in = z.row(r);
    T* out = y.row(r % y.rows) + r / y.rows * z.cols;
    team.each(z.cols, [=](int64_t j) { out[j] = in[j]; });
  }
};
PLX_KERNEL(SideRows)

template <class T> struct SideGrad {
  Mat<const T> dy;  // [n, G d]
  Mat<T> dz;        // [G n, d]
  T keep;
  PLX_HD int64_t rows() const { return dz.rows; }
  PLX_HD int64_t width() const { return dz.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const T* in = dy.row(r % dy.rows) + r / dy.rows * dz.cols;
    T* out = dz.row(r);
    const T old = keep;
    team.each(dz.cols, [=](int64_t j) { out[j] = (old == T(0) ? T(0) : old * out[j]) + in[j]; });
  }
};
PLX_KERNEL(SideGrad)

}  // namespace parallax

// Kernels of op_classify.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// y = x Phi(x)
template <class T> struct GeluRows {
  Mat<const T> x;
  Mat<T> y;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* in = x.row(i);
    T* out = y.row(i);
    team.each(y.cols,
              [=](int64_t j) { out[j] = in[j] * (T(0.5) + T(0.5) * fn::erf(in[j] * T(0.70710678118654752440))); });
  }
};
PLX_KERNEL(GeluRows)

// dx = keep dx + dy (Phi(x) + x phi(x))
template <class T> struct GeluGrad {
  Mat<const T> x, dy;
  Mat<T> dx;
  T keep;
  PLX_HD int64_t rows() const { return dx.rows; }
  PLX_HD int64_t width() const { return dx.cols * 12; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T *in = x.row(i), *d = dy.row(i);
    T* out = dx.row(i);
    const T old = keep;
    team.each(dx.cols, [=](int64_t j) {
      const T v = in[j];
      const T upper = T(0.5) + T(0.5) * fn::erf(v * T(0.70710678118654752440));
      const T density = T(0.39894228040143267794) * fn::exp(T(-0.5) * v * v);
      out[j] = (old == T(0) ? T(0) : old * out[j]) + d[j] * (upper + v * density);
    });
  }
};
PLX_KERNEL(GeluGrad)

// row losses ln sum exp - logit of the class, and weight (softmax - one-hot); a label outside of the classes gives NaN
template <class T> struct CrossEntropyRows {
  Mat<const T> x;        // [n, k]
  const int64_t* label;  // [n]
  Mat<T> dx;
  T* loss;  // [n]
  T weight;
  PLX_HD int64_t rows() const { return x.rows; }
  PLX_HD int64_t width() const { return x.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* in = x.row(i);
    T* out = dx.row(i);
    const int64_t own = label[i];
    const T top = team.template max<T>(x.cols, [=](int64_t j) { return in[j]; });
    const T z = team.template sum<T>(x.cols, [=](int64_t j) { return out[j] = fn::exp(in[j] - top); });
    const T f = weight / z, w = weight;
    team.each(x.cols, [=](int64_t j) { out[j] = f * out[j] - (j == own ? w : T(0)); });
    if (team.leader()) loss[i] = own >= 0 && own < x.cols ? top + fn::log(z) - in[own] : T(NAN);
  }
};
PLX_KERNEL(CrossEntropyRows)

}  // namespace parallax

// Kernels of op_diffusion.
#pragma once
#include "../tensor/draw.h"
#include "../tensor/philox_lanes.h"
#include "norm_kernels.h"

namespace parallax {

// out[j] = scale * normal(row, first + j) for at most 64 columns; first is a multiple of 64
template <class Team, class T>
PLX_HD void normal_part(Team team, const Draw<T>& draw, int64_t row, int64_t first, T* out, int64_t cols, T scale) {
  if constexpr (!Team::serial) {
    const Draw<T> d = draw;
    team.each(cols, [=](int64_t j) { out[j] = scale * static_cast<T>(d.normal(row, first + j)); });
    return;
  }
  uint32_t w[4][16];
  philox_lanes(Draw<T>::block_of(first), draw.sample(row), draw.step ? *draw.step : 0u, draw.tag, draw.seed, w);
  float normals[64];
  for (int pair = 0; pair < 2; ++pair)
    for (int l = 0; l < 16; ++l) {
      normals[pair * 32 + l] = exact::normal(w[2 * pair][l], w[2 * pair + 1][l], false);
      normals[pair * 32 + 16 + l] = exact::normal(w[2 * pair][l], w[2 * pair + 1][l], true);
    }
  team.each(cols, [=, &normals](int64_t j) { out[j] = scale * static_cast<T>(normals[j]); });
}

// Start of every repeat: row r n + i is scale times the draw of repeat r for row i
template <class T> struct NoiseRows {
  Mat<T> z;  // [R n, d]
  Draw<T> draw;
  int64_t n;
  T scale;
  PLX_HD int64_t rows() const { return z.rows; }
  PLX_HD int64_t width() const { return z.cols * 16; }
  template <class Team> PLX_HD void operator()(Team team, int64_t q) const {
    T* out = z.row(q);
    const T f = scale;
    if (f == T(0)) {
      team.each(z.cols, [=](int64_t j) { out[j] = T(0); });
      return;
    }
    if (draw.table) {
      const T* from = draw.table + q * draw.table_ld;
      team.each(z.cols, [=](int64_t j) { out[j] = f * from[j]; });
      return;
    }
    const int64_t stride = (z.cols + 63) / 64 * 64;  // the repeats lie one behind another in the row's columns
    for (int64_t c = 0; c < z.cols; c += 64)
      normal_part(team, draw, q % n, q / n * stride + c, out + c, z.cols - c < 64 ? z.cols - c : int64_t{64}, f);
  }
};
PLX_KERNEL(NoiseRows)

// The denoiser between its products, and y = a x + g * bias: a step of the chain before its second product is added.
template <class T> struct DenoiseRows {
  NormRows<T> norm;
  Mat<const T> x;
  const T* bias;
  Mat<T> y;
  T a, g;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return norm.width() + y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    norm(team, i);
    const T *in = x.row(i), *b = bias;
    T* out = y.row(i);
    const T f = a, h = g;
    team.each(y.cols, [=](int64_t j) { out[j] = f * in[j] + h * b[j]; });
  }
};
PLX_KERNEL(DenoiseRows)

// y_i = keep y_i + weight * sum over repeats of x_rn+i
template <class T> struct FoldRepeats {
  Mat<const T> x;  // [R n, d]
  Mat<T> y;        // [n, d]
  T weight, keep;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return x.rows / (y.rows > 0 ? y.rows : 1) * y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    T* out = y.row(i);
    const T old = keep, w = weight;
    if (old == T(0))
      team.each(y.cols, [=](int64_t j) { out[j] = T(0); });
    else
      team.each(y.cols, [=](int64_t j) { out[j] *= old; });
    for (int64_t q = i; q < x.rows; q += y.rows) {
      const T* in = x.row(q);
      team.each(y.cols, [=](int64_t j) { out[j] += w * in[j]; });
    }
  }
};
PLX_KERNEL(FoldRepeats)

// y_rn+i = weight * x_i
template <class T> struct SpreadRepeats {
  Mat<const T> x;
  Mat<T> y;
  T weight;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t q) const {
    const T* in = x.row(q % x.rows);
    T* out = y.row(q);
    const T w = weight;
    team.each(y.cols, [=](int64_t j) { out[j] = w * in[j]; });
  }
};
PLX_KERNEL(SpreadRepeats)

// Gradient of DenoiseRows: through the normalisation, beside it the activations again (y = max(gamma xh + beta, 0)),
// and of the gradient dz of the step's result the shares of its product and of its start.
template <class T> struct DenoiseGradRows {
  NormGradRows<T> norm;
  Mat<T> y;
  Mat<const T> dz;
  Mat<T> gz, before;  // g dz; a dz, null: not wanted
  T a, g;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return norm.width() + y.cols + dz.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    norm(team, i);
    const T *u = norm.xh.row(i), *scale = norm.gamma, *shift = norm.beta;
    T* out = y.row(i);
    team.each(y.cols, [=](int64_t j) { out[j] = fn::relu(scale[j] * u[j] + shift[j]); });
    const T* in = dz.row(i);
    const auto times = [&](T f, T* to) { team.each(dz.cols, [=](int64_t j) { to[j] = f * in[j]; }); };
    times(g, gz.row(i));
    if (before.p) times(a, before.row(i));
  }
};
PLX_KERNEL(DenoiseGradRows)

// out = keep out + column sums of x
template <class T> struct AddColumns {
  Mat<const T> x;
  T* out;  // null: not wanted
  T keep;
  template <class Team> PLX_HD void operator()(Team team, int64_t c, int64_t cols) const {
    if (!out) return;
    T sums[Team::kColumns] = {};
    team.down(0, x.rows, sums, [&](int64_t i, T* sum) {
      const T* v = x.row(i) + c;
      for (int64_t j = 0; j < cols; ++j) sum[j] += v[j];
    });
    if (!team.leader()) return;
    T* o = out + c;
    const T old = keep;
    team.each(cols, [=, &sums](int64_t j) { o[j] = (old == T(0) ? T(0) : old * o[j]) + sums[j]; });
  }
};

// Gradients of the denoiser's vectors, from the rows of all steps and repeats
template <class T> struct DenoiseGradColumns {
  NormGradColumns<T> norm;
  AddColumns<T> first, second;  // biases of the two layers
  PLX_HD int64_t problems() const { return 2; }
  PLX_HD int64_t rows() const { return norm.rows(); }
  PLX_HD int64_t width() const { return first.x.cols > second.x.cols ? first.x.cols : second.x.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t layer, int64_t c, int64_t most) const {
    const int64_t left = (layer == 0 ? first : second).x.cols - c,
                  cols = left < most ? left : most;  // not positive: none
    if (layer == 1) return second(team, c, cols);
    norm(team, 0, c, cols);
    first(team, c, cols);
  }
};
PLX_KERNEL(DenoiseGradColumns)

}  // namespace parallax

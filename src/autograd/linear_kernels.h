// Kernels of op_linear and of dropout: see there for what they compute.
#pragma once
#include "../tensor/draw.h"
#include "../tensor/gemm.h"
#include "../tensor/philox_lanes.h"
#include "../tensor/small.h"

namespace parallax {

// A 24-bit draw below this drops its entry.
PLX_HD uint32_t drop_threshold(double p) {
  // NOLINTNEXTLINE(bugprone-incorrect-roundings): in [0, 2^24), and kernels call no lround
  return static_cast<uint32_t>(p * 16777216.0 + 0.5);
}
// What dropout multiplies one entry with.
template <class T> PLX_HD T drop_scale(const Draw<T>& d, int64_t row, int64_t col, uint32_t threshold, T scale) {
  if (d.table) return d.table[row * d.table_ld + col] != T(0) ? scale : T(0);
  return (Draw<T>::pick(d.block(row, col), Draw<T>::word_of(col)) >> 8) >= threshold ? scale : T(0);
}

// out[j] = keep(row, c + j) ? in[c + j] / (1 - p) : 0 for at most 64 columns from c, a multiple of 64
template <class Team, class T>
PLX_HD void drop_part(Team team, const Draw<T>& draw, int64_t row, const T* in, T* out, int64_t c, int64_t cols,
                      double p) {
  const T scale = static_cast<T>(1.0 / (1.0 - p));
  if (draw.table) {
    const T* mask = draw.table + row * draw.table_ld + c;
    team.each(cols, [=](int64_t j) { out[j] = mask[j] != T(0) ? in[c + j] * scale : T(0); });
    return;
  }
  if constexpr (!Team::serial) {  // every lane draws for its own columns
    const Draw<T> d = draw;
    const uint32_t limit = drop_threshold(p);
    team.each(cols, [=](int64_t j) { out[j] = drop_scale(d, row, c + j, limit, scale) * in[c + j]; });
    return;
  }
  const uint32_t threshold = drop_threshold(p);
  uint32_t words[4][16];
  philox_lanes(Draw<T>::block_of(c), draw.sample(row), draw.step ? *draw.step : 0u, draw.tag, draw.seed, words);
  for (int w = 0; w < 4 && w * 16 < cols; ++w) {
    const uint32_t* word = words[w];
    const T* from = in + c + w * 16;
    T* to = out + w * 16;
    const int64_t n = cols - w * 16 < 16 ? cols - w * 16 : 16;
    for (int64_t l = 0; l < n; ++l) to[l] = (word[l] >> 8) >= threshold ? from[l] * scale : T(0);
  }
}
template <class Team, class T>
PLX_HD void drop_row(Team team, const Draw<T>& draw, int64_t row, const T* in, T* out, int64_t cols, double p) {
  if constexpr (!Team::serial) return drop_part(team, draw, row, in, out, int64_t{0}, cols, p);
  for (int64_t c = 0; c < cols; c += 64)
    drop_part(team, draw, row, in, out + c, c, cols - c < 64 ? cols - c : int64_t{64}, p);
}

// y = keep ? y / (1 - p) : 0, problem by problem
template <class T> struct DropRows {
  Mat<T> y;  // [problems * n, d]
  Draw<T> draw[kMaxProblems];
  int n_problems = 1;
  double p = 0;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 4; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t n = y.rows / n_problems;
    drop_row(team, draw[r / n], r % n, y.row(r), y.row(r), y.cols, p);
  }
};
PLX_KERNEL(DropRows)

// From the layer's result and its gradient: gradient in front of the activation, in place, and its column sums.
template <class T> struct ActGrad {
  Mat<const T> y;
  Mat<T> dy;             // in: gradient of y; out: gradient of x w^T + b
  T* db[kMaxProblems];   // [d] each, or null; equal pointers: shared by the problems
  T beta[kMaxProblems];  // 0: first writer
  int n_problems = 1;
  bool shared = false;  // one bias: problems are one
  Act act = Act::none;
  T slope = 0, scale = 1;  // scale: 1 / (1 - dropout)
  PLX_HD int64_t problems() const { return shared ? 1 : n_problems; }
  PLX_HD int64_t rows() const { return dy.rows / problems(); }
  PLX_HD int64_t width() const { return dy.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g, int64_t c, int64_t cols) const {
    const int64_t n = rows();
    const T by = scale, lean = slope;
    T sums[Team::kColumns] = {};
    team.down(g * n, n, sums, [&](int64_t i, T* sum) {
      const T* v = y.row(i) + c;
      T* d = dy.row(i) + c;
      switch (act) {
        case Act::none: break;
        case Act::relu:
          team.each(cols, [=](int64_t j) {
            const T x = fn::read(d + j);
            d[j] = v[j] > 0 ? x * by : T(0);
          });
          break;
        case Act::leaky: team.each(cols, [=](int64_t j) { d[j] = v[j] > 0 ? d[j] : lean * d[j]; }); break;
        case Act::sigmoid: team.each(cols, [=](int64_t j) { d[j] = d[j] * v[j] * (T(1) - v[j]); }); break;
        case Act::tanh: team.each(cols, [=](int64_t j) { d[j] = d[j] * (T(1) - v[j] * v[j]); }); break;
      }
      if (db[g])
        for (int64_t j = 0; j < cols; ++j) sum[j] += d[j];
    });
    if (db[g] && team.leader()) {
      T* out = db[g] + c;
      const T keep = beta[g];
      for (int64_t j = 0; j < cols; ++j) out[j] = (keep == T(0) ? T(0) : keep * out[j]) + sums[j];
    }
  }
};
PLX_KERNEL(ActGrad)

// out_g = beta_g * out_g + factor_g * column sums of x_g, and y_g = factor_g * x_g
template <class T> struct ColumnSums {
  Mat<const T> list[kMaxProblems];  // [n, d_g]
  Mat<T> scaled[kMaxProblems];      // [n, d_g] or null: not wanted
  T* out[kMaxProblems];             // [d_g] or null
  const T* factor[kMaxProblems];    // [1]
  T beta[kMaxProblems];
  int64_t n_problems = 0, widest = 0;
  PLX_HD int64_t problems() const { return n_problems; }
  PLX_HD int64_t rows() const { return list[0].rows; }
  PLX_HD int64_t width() const { return widest; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g, int64_t c, int64_t most) const {
    const Mat<const T> x = list[g];
    const int64_t cols = x.cols - c < most ? x.cols - c : most;  // not positive: none
    const T f = *factor[g], keep = beta[g];
    T sums[Team::kColumns] = {};
    team.down(0, x.rows, sums, [&](int64_t i, T* sum) {
      const T* v = x.row(i) + c;
      for (int64_t j = 0; j < cols; ++j) sum[j] += v[j];
      if (!scaled[g].p) return;
      T* y = scaled[g].row(i) + c;
      for (int64_t j = 0; j < cols; ++j) y[j] = f * v[j];
    });
    if (!out[g] || !team.leader()) return;
    T* o = out[g] + c;
    team.each(cols, [=, &sums](int64_t j) { o[j] = (keep == T(0) ? T(0) : keep * o[j]) + f * sums[j]; });
  }
};
PLX_KERNEL(ColumnSums)

// Row losses of every problem and, in place of the reconstruction, factor * (y - t)
template <class T> struct SquaredError {
  Mat<T> y[kMaxProblems];        // [n, d_g] in: reconstruction; out: factor * residual
  Mat<const T> t[kMaxProblems];  // [n, d_g]
  T factor[kMaxProblems];
  T* row_loss;  // [problems * n]
  int64_t n_problems = 1, n = 0;
  PLX_HD int64_t rows() const { return n_problems * n; }
  PLX_HD int64_t width() const { return y[0].cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t g = r / n, i = r % n;
    T* a = y[g].row(i);
    const T* b = t[g].row(i);
    const T f = factor[g];
    const T s = team.template sum<T>(y[g].cols, [=](int64_t j) {
      const T e = a[j] - b[j];
      a[j] = f * e;
      return e * e;
    });
    if (team.leader()) row_loss[r] = s;
  }
};
PLX_KERNEL(SquaredError)

// out_g = weight_g * sum of the n numbers of problem g; in double, one order
template <class T> struct ProblemSums {
  const T* x;  // [problems * n]
  T weight[kMaxProblems];
  T* out;  // [problems]
  int64_t n_problems = 1, n = 0;
  PLX_HD int64_t rows() const { return n_problems; }
  PLX_HD int64_t width() const { return n; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g) const {
    const T* p = x + g * n;
    const double s = team.template sum<double>(n, [=](int64_t i) { return static_cast<double>(p[i]); });
    if (team.leader()) out[g] = weight[g] * static_cast<T>(s);
  }
};
PLX_KERNEL(ProblemSums)

}  // namespace parallax

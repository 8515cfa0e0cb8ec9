// Kernels of op_norm.
#pragma once
#include "../tensor/gemm.h"
#include "../tensor/small.h"

namespace parallax {

// a = act(x) from x, and d(act) from the result
template <class T> PLX_HD T act_of(T x, Act act, T slope) {
  switch (act) {
    case Act::none: return x;
    case Act::relu: return fn::relu(x);
    case Act::leaky: return x > 0 ? x : slope * x;
    case Act::sigmoid: return fn::sigmoid(x);
    case Act::tanh: return fn::tanh(x);
  }
  return x;
}
template <class T> PLX_HD T act_slope(T y, Act act, T slope) {
  switch (act) {
    case Act::none: return T(1);
    case Act::relu: return y > 0 ? T(1) : T(0);
    case Act::leaky: return y > 0 ? T(1) : slope;
    case Act::sigmoid: return y * (T(1) - y);
    case Act::tanh: return T(1) - y * y;
  }
  return T(1);
}

// y = act(gamma * (u - mean) * inv + beta), inv = 1 / sqrt(variance + eps), u = x + bias or max(0, x + bias); in
// training with the batch's mean and biased variance, which also move the running ones (the variance there unbiased).
template <class T> struct BatchNormColumns {
  Mat<const T> x;  // [G * n, d]
  Mat<T> y;
  const T *gamma[kMaxProblems], *beta[kMaxProblems];
  const T* bias[kMaxProblems];                                // may be null: zero
  T *running_mean[kMaxProblems], *running_var[kMaxProblems];  // may be null in training
  Mat<T> mean, inv;  // [G, d]: used in backward; the mean is that of x (u where rectified)
  int n_problems = 1;
  bool training = true, rectified = false;
  double eps, momentum;
  Act act = Act::none;
  T slope = 0;
  PLX_HD int64_t problems() const { return n_problems; }
  PLX_HD int64_t rows() const { return x.rows / n_problems; }
  PLX_HD int64_t width() const { return x.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g, int64_t c, int64_t cols) const {
    const int64_t n = rows();
    const double e = eps, keep = 1 - momentum, take = momentum;
    T b[Team::kColumns], m[Team::kColumns], s[Team::kColumns];
    for (int64_t j = 0; j < cols; ++j) b[j] = bias[g] ? bias[g][c + j] : T(0);
    const bool cut = rectified;
    if (training) {
      double sum[Team::kColumns] = {}, square[Team::kColumns] = {};
      team.down(g * n, n, sum, [&](int64_t i, double* to) {
        const T* v = x.row(i) + c;
        for (int64_t j = 0; j < cols; ++j) to[j] += static_cast<double>(cut ? fn::relu(v[j] + b[j]) : v[j]);
      });
      const double by = 1 / static_cast<double>(n);
      for (int64_t j = 0; j < cols; ++j) sum[j] *= by;
      team.down(g * n, n, square, [&](int64_t i, double* to) {
        const T* v = x.row(i) + c;
        for (int64_t j = 0; j < cols; ++j) {
          const double d = static_cast<double>(cut ? fn::relu(v[j] + b[j]) : v[j]) - sum[j];
          to[j] += d * d;
        }
      });
      const double unbiased = 1 / static_cast<double>(n - 1);
      for (int64_t j = 0; j < cols; ++j) {
        m[j] = static_cast<T>(sum[j]);
        s[j] = static_cast<T>(1 / ::sqrt(square[j] * by + e));
      }
      if (T* rm = running_mean[g]; rm && team.leader()) {
        T* rv = running_var[g];
        for (int64_t j = 0; j < cols; ++j) {
          const double level = sum[j] + (cut ? 0.0 : static_cast<double>(b[j]));
          rm[c + j] = static_cast<T>(keep * static_cast<double>(rm[c + j]) + take * level);
          rv[c + j] = static_cast<T>(keep * static_cast<double>(rv[c + j]) + take * square[j] * unbiased);
        }
      }
    } else {
      const T *rm = running_mean[g] + c, *rv = running_var[g] + c;
      for (int64_t j = 0; j < cols; ++j) {
        m[j] = cut ? rm[j] : rm[j] - b[j];
        s[j] = static_cast<T>(1 / ::sqrt(static_cast<double>(rv[j]) + e));
      }
    }
    if (team.leader())
      for (int64_t j = 0; j < cols; ++j) mean.row(g)[c + j] = m[j], inv.row(g)[c + j] = s[j];
    T scale[Team::kColumns], shift[Team::kColumns];
    const T *ga = gamma[g] + c, *be = beta[g] + c;
    for (int64_t j = 0; j < cols; ++j) scale[j] = ga[j] * s[j], shift[j] = be[j];
    const Act a = act;
    const T lean = slope;
    team.rows(g * n, n, [&](int64_t i) {
      const T* v = x.row(i) + c;
      T* out = y.row(i) + c;
      if (cut)
        team.each(cols, [=, &scale, &shift, &b, &m](int64_t j) {
          out[j] = act_of((fn::relu(v[j] + b[j]) - m[j]) * scale[j] + shift[j], a, lean);
        });
      else if (a == Act::none)
        team.each(cols, [=, &scale, &shift, &m](int64_t j) { out[j] = (v[j] - m[j]) * scale[j] + shift[j]; });
      else if (a == Act::relu)
        team.each(cols, [=, &scale, &shift, &m](int64_t j) { out[j] = fn::relu((v[j] - m[j]) * scale[j] + shift[j]); });
      else
        team.each(cols, [=, &scale, &shift, &m](int64_t j) {
          out[j] = act_of((v[j] - m[j]) * scale[j] + shift[j], a, lean);
        });
    });
  }
};
PLX_KERNEL(BatchNormColumns)

// du = gamma inv (d - [training] (sum d + uhat sum d uhat) / n), d = dy act'; dgamma = sum d uhat, dbeta = sum d;
// dx = du where u was not cut off. dy is overwritten by d. Parameters that problems share gather them in order.
// In training the du of a column sum to zero, so the gradient of a bias is zero (no cut), or the sum over the rows that
// pass, which is minus the sum over those that do not: the smaller set is added up, and a unit that no row cuts off
// gets exactly zero, where rounding noise would become a full step of Adam.
template <class T> struct BatchNormGrad {
  Mat<const T> x, y;
  Mat<T> dy, dx;  // dx.p may be null
  const T *gamma[kMaxProblems], *bias[kMaxProblems];
  Mat<const T> mean, inv;
  T *dgamma[kMaxProblems], *dbeta[kMaxProblems], *dbias[kMaxProblems];  // may be null
  T gamma_keep[kMaxProblems], beta_keep[kMaxProblems], bias_keep[kMaxProblems];
  T keep = 0;
  int n_problems = 1;
  bool shared = false, training = true, rectified = false;
  Act act = Act::none;
  T slope = 0;
  PLX_HD int64_t problems() const { return shared ? 1 : n_problems; }
  PLX_HD int64_t rows() const { return x.rows / problems(); }
  PLX_HD int64_t width() const { return x.cols; }
  PLX_HD static void gather(T* out, T before, const double* sum, int64_t cols) {
    if (!out) return;
    for (int64_t j = 0; j < cols; ++j) out[j] = (before == T(0) ? T(0) : before * out[j]) + static_cast<T>(sum[j]);
  }
  template <class Team> PLX_HD void operator()(Team team, int64_t first, int64_t c, int64_t cols) const {
    const int64_t n = x.rows / n_problems, last = shared ? n_problems : first + 1;
    const Act a = act;
    const T lean = slope, had = keep;
    const bool cut = rectified;
    for (int64_t g = first; g < last; ++g) {
      constexpr int64_t k = Team::kColumns;
      T b[k], m[k], s[k];
      for (int64_t j = 0; j < cols; ++j) {
        b[j] = bias[g] ? bias[g][c + j] : T(0);
        m[j] = mean.row(g)[c + j];
        s[j] = inv.row(g)[c + j];
      }
      double both[2 * k] = {};
      const double *sum = both, *dot = both + k;
      team.down(g * n, n, both, [&](int64_t i, double* to) {
        const T *v = x.row(i) + c, *r = y.row(i) + c;
        T* d = dy.row(i) + c;
        if (a == Act::relu)
          team.each(cols, [=](int64_t j) { d[j] = r[j] > 0 ? d[j] : T(0); });
        else if (a != Act::none)
          team.each(cols, [=](int64_t j) { d[j] *= act_slope(r[j], a, lean); });
        for (int64_t j = 0; j < cols; ++j) {
          const T u = cut ? fn::relu(v[j] + b[j]) : v[j];
          to[j] += static_cast<double>(d[j]);
          to[k + j] += static_cast<double>(d[j] * ((u - m[j]) * s[j]));
        }
      });
      T scale[Team::kColumns], level[Team::kColumns], along[Team::kColumns];
      const double by = training ? 1 / static_cast<double>(n) : 0.0;
      const T* ga = gamma[g] + c;
      for (int64_t j = 0; j < cols; ++j) {
        scale[j] = ga[j] * s[j];
        level[j] = static_cast<T>(sum[j] * by);
        along[j] = static_cast<T>(dot[j] * by) * s[j];
      }
      double three[3 * k] = {};
      double *passed = three, *blocked = three + k, *count = three + 2 * k;
      if (dbias[g] && cut)
        team.down(g * n, n, three, [&](int64_t i, double* to) {
          const T *v = x.row(i) + c, *d = dy.row(i) + c;
          for (int64_t j = 0; j < cols; ++j) {
            const T t = v[j] + b[j], u = fn::relu(t);
            const double du = static_cast<double>(scale[j] * (d[j] - level[j] - (u - m[j]) * along[j]));
            to[j] += t > T(0) ? du : 0.0;
            to[k + j] += t > T(0) ? 0.0 : du;
            to[2 * k + j] += t > T(0) ? 1.0 : 0.0;
          }
        });
      for (int64_t j = 0; j < cols; ++j) {
        const bool smaller = !training || 2 * count[j] <= static_cast<double>(n);
        passed[j] = !cut      ? (training ? 0.0 : sum[j] * static_cast<double>(scale[j]))
                    : smaller ? passed[j]
                              : -blocked[j];
      }
      const bool opening = g == first;
      if (team.leader()) {
        gather(dgamma[g] ? dgamma[g] + c : nullptr, opening ? gamma_keep[g] : T(1), dot, cols);
        gather(dbeta[g] ? dbeta[g] + c : nullptr, opening ? beta_keep[g] : T(1), sum, cols);
        gather(dbias[g] ? dbias[g] + c : nullptr, opening ? bias_keep[g] : T(1), passed, cols);
      }
      if (!dx.p) continue;
      team.rows(g * n, n, [&](int64_t i) {
        const T *v = x.row(i) + c, *d = dy.row(i) + c;
        T* out = dx.row(i) + c;
        if (cut)
          team.each(cols, [=, &scale, &level, &along, &b, &m](int64_t j) {
            const T t = v[j] + b[j];
            out[j] = (had == T(0) ? T(0) : had * out[j]) +
                     (t > T(0) ? scale[j] * (d[j] - level[j] - (t - m[j]) * along[j]) : T(0));
          });
        else
          team.each(cols, [=, &scale, &level, &along, &m](int64_t j) {
            out[j] = (had == T(0) ? T(0) : had * out[j]) + scale[j] * (d[j] - level[j] - (v[j] - m[j]) * along[j]);
          });
      });
    }
  }
};
PLX_KERNEL(BatchNormGrad)

// softmax down every column of every problem
template <class T> struct SoftmaxDown {
  Mat<const T> x;
  Mat<T> y;
  int64_t n_problems = 1;
  PLX_HD int64_t problems() const { return n_problems; }
  PLX_HD int64_t rows() const { return x.rows / n_problems; }
  PLX_HD int64_t width() const { return x.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g, int64_t c, int64_t cols) const {
    const int64_t n = rows();
    T top[Team::kColumns], z[Team::kColumns] = {};
    for (int64_t j = 0; j < cols; ++j) top[j] = x.row(g * n)[c + j];
    team.down_max(g * n, n, top, [&](int64_t i, T* most) {
      const T* v = x.row(i) + c;
      for (int64_t j = 0; j < cols; ++j) most[j] = v[j] > most[j] ? v[j] : most[j];
    });
    team.down(g * n, n, z, [&](int64_t i, T* sum) {
      const T* v = x.row(i) + c;
      T* out = y.row(i) + c;
      team.each(cols, [=, &top](int64_t j) { out[j] = fn::exp(v[j] - top[j]); });
      for (int64_t j = 0; j < cols; ++j) sum[j] += out[j];
    });
    for (int64_t j = 0; j < cols; ++j) z[j] = T(1) / z[j];
    team.rows(g * n, n, [&](int64_t i) {
      T* out = y.row(i) + c;
      team.each(cols, [=, &z](int64_t j) { out[j] *= z[j]; });
    });
  }
};
PLX_KERNEL(SoftmaxDown)

template <class T> struct SoftmaxDownGrad {
  Mat<const T> y, dy;
  Mat<T> dx;
  int64_t n_problems = 1;
  T keep = 0;
  PLX_HD int64_t problems() const { return n_problems; }
  PLX_HD int64_t rows() const { return y.rows / n_problems; }
  PLX_HD int64_t width() const { return y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g, int64_t c, int64_t cols) const {
    const int64_t n = rows();
    T dot[Team::kColumns] = {};
    team.down(g * n, n, dot, [&](int64_t i, T* sum) {
      const T *v = y.row(i) + c, *d = dy.row(i) + c;
      for (int64_t j = 0; j < cols; ++j) sum[j] += v[j] * d[j];
    });
    const T had = keep;
    team.rows(g * n, n, [&](int64_t i) {
      const T *v = y.row(i) + c, *d = dy.row(i) + c;
      T* out = dx.row(i) + c;
      team.each(cols, [=, &dot](int64_t j) { out[j] = (had == T(0) ? T(0) : had * out[j]) + v[j] * (d[j] - dot[j]); });
    });
  }
};
PLX_KERNEL(SoftmaxDownGrad)

// y_g = keep * y_g + x_g^T for every problem
template <class T> struct TransposeRows {
  Mat<const T> x;  // [G * n, d]
  Mat<T> y;        // [G * d, n]
  T keep = 0;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 2; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    const int64_t g = r / x.cols, ld = x.ld;
    const T* in = x.row(g * y.cols) + r % x.cols;
    T* out = y.row(r);
    const T had = keep;
    team.each(y.cols, [=](int64_t j) { out[j] = (had == T(0) ? T(0) : had * out[j]) + in[j * ld]; });
  }
};
PLX_KERNEL(TransposeRows)

}  // namespace parallax

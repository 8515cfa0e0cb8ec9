// Kernels of op_assign.
#pragma once
#include "../tensor/launch.h"
#include "pairs.h"

namespace parallax {

// KL(N(mu, sigma) || N(0, 1)) of a row [mu, rho], sigma = softplus(rho) + 1e-7: the sum over coordinates, and its
// gradient
template <class T> struct GaussianKlRows {
  Mat<const T> x;
  Mat<T> dx;  // scaled by `factor`
  T* loss;
  T factor;
  PLX_HD int64_t rows() const { return x.rows; }
  PLX_HD int64_t width() const { return x.cols * 12; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t c = x.cols / 2;
    const T *mu = x.row(i), *rho = mu + c;
    T *dmu = dx.row(i), *drho = dmu + c;
    const T f = factor;
    // short loops, so that each of them vectorises
    team.each(c, [=](int64_t j) { drho[j] = fn::softplus(rho[j]) + T(1e-7); });
    const T sum = team.template sum<T>(
        c, [=](int64_t j) { return T(0.5) * (mu[j] * mu[j] + drho[j] * drho[j] - T(1)) - fn::log(drho[j]); });
    team.each(c, [=](int64_t j) { drho[j] = f * (drho[j] - T(1) / drho[j]) * fn::sigmoid(rho[j]); });
    team.each(c, [=](int64_t j) { dmu[j] = f * mu[j]; });
    if (team.leader()) loss[i] = sum;
  }
};
PLX_KERNEL(GaussianKlRows)

// Entropic transport of the rows of A to clusters of equal size, in the log domain (DDMC 5.3): one problem per row of
// the launch, the loop and its stopping rule inside. s and the three vectors are scratch.
template <class T> struct UniformTargets {
  Mat<const T> a;      // [G * n, K]
  Mat<T> s;            // [G * K, n + 1]: S = power * ln max(A, 1e-30), transposed, and ln r behind it
  Mat<T> c, top, sum;  // [G, n]
  int64_t* target;     // [G * n]
  int64_t n_problems;
  double power, tolerance;
  int64_t iterations;
  PLX_HD int64_t rows() const { return n_problems; }
  PLX_HD int64_t width() const { return a.rows / n_problems * a.cols * 400; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g) const {
    const int64_t n = a.rows / n_problems, K = a.cols, ld = a.ld;
    const T* in = a.row(g * n);
    const T by = static_cast<T>(power);
    for (int64_t k = 0; k < K; ++k) {
      T* row = s.row(g * K + k);
      team.each(n, [=](int64_t i) { row[i] = by * fn::log(fn::max(in[i * ld + k], T(1e-30))); });
    }
    T *lc = c.row(g), *hi = top.row(g), *z = sum.row(g);
    const T ln_n = fn::log(static_cast<T>(n)), ln_k = fn::log(static_cast<T>(K));
    team.each(n, [=](int64_t i) { lc[i] = -ln_n; });
    team.sync();
    for (int64_t step = 1; step <= iterations; ++step) {
      // ln r_a = -ln K - lse_i(S_ia + ln c_i), then ln c_i = -ln n - lse_a(S_ia + ln r_a)
      for (int64_t k = 0; k < K; ++k) {
        const T* row = s.row(g * K + k);
        const T high = team.template max<T>(n, [=](int64_t i) { return row[i] + lc[i]; });
        const T lr =
            -ln_k - high - fn::log(team.template sum<T>(n, [=](int64_t i) { return fn::exp(row[i] + lc[i] - high); }));
        if (k == 0)
          team.each(n, [=](int64_t i) { hi[i] = row[i] + lr; });
        else
          team.each(n, [=](int64_t i) { hi[i] = fn::max(hi[i], row[i] + lr); });
        if (team.leader()) s.row(g * K + k)[n] = lr;
        team.sync();
      }
      team.each(n, [=](int64_t i) { z[i] = T(0); });
      for (int64_t k = 0; k < K; ++k) {
        const T* row = s.row(g * K + k);
        const T lr = row[n];
        team.each(n, [=](int64_t i) { z[i] += fn::exp(row[i] + lr - hi[i]); });
      }
      const bool test = step % 10 == 0;
      const T error =
          test ? team.template sum<T>(
                     n, [=](int64_t i) { return fn::abs(fn::exp(lc[i] + ln_n + hi[i] + fn::log(z[i])) - T(1)); })
               : T(0);
      team.each(n, [=](int64_t i) { lc[i] = -ln_n - hi[i] - fn::log(z[i]); });
      team.sync();
      if (test && error <= static_cast<T>(tolerance)) break;
    }
    int64_t* out = target + g * n;
    for (int64_t k = 0; k < K; ++k) {
      const T* row = s.row(g * K + k);
      const T lr = row[n];
      team.each(n, [=](int64_t i) {
        const T x = row[i] + lr;
        if (k == 0 || x > hi[i]) {
          hi[i] = x;
          out[i] = k;
        }
      });
    }
  }
};
PLX_KERNEL(UniformTargets)

enum class Uniform : uint8_t { sinkhorn, sinkhorn_double, per_sample };

// Row losses and their gradients, both before the factor 1/n: -ln a_t; -ln softmax(a)_t; -(1/K) sum_a ln a
template <class T> struct UniformNllRows {
  Mat<const T> a;
  Mat<T> da;  // times `factor`
  const int64_t* target;
  T* loss;
  T factor;
  Uniform mode;
  PLX_HD int64_t rows() const { return a.rows; }
  PLX_HD int64_t width() const { return a.cols * 8; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t K = a.cols;
    const T* x = a.row(i);
    T* d = da.row(i);
    const T f = factor, floor = T(1e-12);
    T value = 0;
    if (mode == Uniform::per_sample) {
      const T by = T(1) / static_cast<T>(K);
      value = -by * team.template sum<T>(K, [=](int64_t k) {
        d[k] = x[k] > floor ? -f * by / x[k] : T(0);
        return fn::log(fn::max(x[k], floor));
      });
    } else {
      const int64_t t = target[i];
      if (mode == Uniform::sinkhorn) {
        team.each(K, [=](int64_t k) { d[k] = k == t && x[k] > floor ? -f / x[k] : T(0); });
        value = -fn::log(fn::max(x[t], floor));
      } else {
        const T top = team.template max<T>(K, [=](int64_t k) { return x[k]; });
        const T z = team.template sum<T>(K, [=](int64_t k) { return fn::exp(x[k] - top); });
        team.each(K, [=](int64_t k) { d[k] = f * (fn::exp(x[k] - top) / z - (k == t ? T(1) : T(0))); });
        value = top + fn::log(z) - x[t];
      }
    }
    if (team.leader()) loss[i] = value;
  }
};
PLX_KERNEL(UniformNllRows)

// Column means p of every problem. Cross entropy: loss = -(1/K) sum ln max(p, 1e-12), slope = its gradient for every
// row. Balance (DistilMVC 4.2 b): loss = ln K + sum p ln max(p, 1e-12) with p over the sum of all entries.
template <class T> struct ColumnBalance {
  Mat<const T> y;  // [G * n, K]
  Mat<T> slope;    // [G, K]
  T* loss;         // [G]
  int64_t n_problems;
  bool entropy;
  PLX_HD int64_t rows() const { return n_problems; }
  PLX_HD int64_t width() const { return y.rows / n_problems * y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g) const {
    const int64_t n = y.rows / n_problems, K = y.cols, ld = y.ld;
    T* out = slope.row(g);
    double total = 0;
    for (int64_t k = 0; k < K; ++k) {
      const T* p = y.row(g * n) + k;
      const double s = team.template sum<double>(n, [=](int64_t i) { return static_cast<double>(p[i * ld]); });
      total += s;
      if (team.leader()) out[k] = static_cast<T>(s);
    }
    team.sync();
    const T by = static_cast<T>(1 / (entropy ? total : static_cast<double>(n)));
    const T floor = T(1e-12), share = T(1) / static_cast<T>(K);
    if (!entropy) {
      const T sum = team.template sum<T>(K, [=](int64_t k) {
        const T p = out[k] * by;
        out[k] = p > floor ? -share * by / p : T(0);
        return fn::log(fn::max(p, floor));
      });
      if (team.leader()) loss[g] = -share * sum;
      return;
    }
    const T sum =
        team.template sum<T>(K, [=](int64_t k) { return out[k] * by * fn::log(fn::max(out[k] * by, floor)); });
    // the derivative through the total: sum_k p_k (ln p_k + [not floored])
    const T mean = team.template sum<T>(K, [=](int64_t k) {
      const T p = out[k] * by;
      return p * (fn::log(fn::max(p, floor)) + (p > floor ? T(1) : T(0)));
    });
    team.each(K, [=](int64_t k) {
      const T p = out[k] * by;
      out[k] = (fn::log(fn::max(p, floor)) + (p > floor ? T(1) : T(0)) - mean) * by;
    });
    if (team.leader()) loss[g] = sum + fn::log(static_cast<T>(K));
  }
};
PLX_KERNEL(ColumnBalance)

// dy of problem g gets weight_g * slope_g in every row
template <class T> struct SpreadSlope {
  Mat<const T> slope;  // [G, K]
  const T* weight;     // [G]
  Mat<T> dy;
  T keep;
  PLX_HD int64_t rows() const { return dy.rows; }
  PLX_HD int64_t width() const { return dy.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t g = i / (dy.rows / slope.rows);
    const T w = weight[g], had = keep;
    const T* in = slope.row(g);
    T* out = dy.row(i);
    team.each(dy.cols, [=](int64_t k) { out[k] = (had == T(0) ? T(0) : had * out[k]) + w * in[k]; });
  }
};
PLX_KERNEL(SpreadSlope)

// to_pairs: out[pair] = in of both views; else: out[view] = sum over its pairs
template <class T> struct PairSums {
  const T* in;
  T* out;
  Pairs pairs;
  bool to_pairs;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return pairs.views * pairs.views; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    if (!team.leader()) return;
    if (!to_pairs)
      for (int64_t v = 0; v < pairs.views; ++v) out[v] = T(0);
    for (int64_t a = 0; a < pairs.views; ++a)
      for (int64_t b = a + 1; b < pairs.views; ++b) {
        if (!pairs.paired(a, b)) continue;
        const int64_t p = pairs.index(a, b);
        if (to_pairs) {
          out[p] = in[a] + in[b];
        } else {
          out[a] += in[p];
          out[b] += in[p];
        }
      }
  }
};
PLX_KERNEL(PairSums)

// KL(g || softmax(x)) of a row against the smoothed target g = (1 - eps) [k = t] + eps / K, and (softmax - g) * factor
template <class T> struct SmoothedKlRows {
  Mat<const T> x;
  Mat<T> dx;
  const int64_t* target;
  T* loss;
  T factor, eps;
  PLX_HD int64_t rows() const { return x.rows; }
  PLX_HD int64_t width() const { return x.cols * 10; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t K = x.cols, t = target[i];
    const T* in = x.row(i);
    T* out = dx.row(i);
    const T low = eps / static_cast<T>(K), high = T(1) - eps + low, f = factor;
    const T ln_low = low > T(0) ? fn::log(low) : T(0), ln_high = high > T(0) ? fn::log(high) : T(0);
    const T top = team.template max<T>(K, [=](int64_t k) { return in[k]; });
    const T z = team.template sum<T>(K, [=](int64_t k) { return fn::exp(in[k] - top); });
    const T whole = top + fn::log(z);
    const T sum = team.template sum<T>(K, [=](int64_t k) {
      const T g = k == t ? high : low, ln_g = k == t ? ln_high : ln_low;
      out[k] = f * (fn::exp(in[k] - whole) - g);
      return g * (ln_g - (in[k] - whole));
    });
    if (team.leader()) loss[i] = sum;
  }
};
PLX_KERNEL(SmoothedKlRows)

// index of the largest entry, the lowest on ties
template <class T> struct ArgmaxRows {
  Mat<const T> x;
  int64_t* out;
  PLX_HD int64_t rows() const { return x.rows; }
  PLX_HD int64_t width() const { return x.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* in = x.row(i);
    if (!team.leader()) return;
    int64_t best = 0;
    for (int64_t k = 1; k < x.cols; ++k)
      if (in[k] > in[best]) best = k;
    out[i] = best;
  }
};
PLX_KERNEL(ArgmaxRows)

}  // namespace parallax

// Zero fractions of views and the gate of SparseMVC (4.1); views side by side.
#pragma once
#include <span>
#include <vector>

#include "../tensor/launch.h"
#include "../tensor/small.h"
#include "../tensor/tensor.h"

namespace parallax {

struct Sparsity {
  Tensor sparsity;  // [V + 1, 1]: fraction of exact zeros, 4 decimals; the last is the mean of the others
  Tensor gate;      // [V + 1, 1]: beta * f(s); f = 0 up to theta, then (s - theta) / (1 - theta); 1 where `all`
};
// In device memory, without reading anything back.
Sparsity sparsity_of(Context& ctx, std::span<const Tensor> views, double theta, double beta, bool all);
// The same from given fractions of zeros, one a view.
Sparsity sparsity_from(Context& ctx, DType type, const std::vector<double>& zeros, double theta, double beta, bool all);
Tensor concat_views(Context& ctx, std::span<const Tensor> views);  // [n, sum of widths]

// per row and view: number of exact zeros
template <class T> struct ZeroCounts {
  Mat<const T> x[kMaxProblems];
  Mat<T> counts;  // [V, n]
  PLX_HD int64_t rows() const { return counts.cols; }
  PLX_HD int64_t width() const { return x[0].cols * counts.rows; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    for (int64_t v = 0; v < counts.rows; ++v) {
      const T* p = x[v].row(i);
      const T n = team.template sum<T>(x[v].cols, [=](int64_t j) { return p[j] == T(0) ? T(1) : T(0); });
      if (team.leader()) counts.row(v)[i] = n;
    }
  }
};
PLX_KERNEL(ZeroCounts)

template <class T> struct GateRow {
  Mat<const T> counts;  // [V, n]
  int64_t dims[kMaxProblems];
  T *sparsity, *gate;
  double theta, beta;
  bool all;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return counts.rows * counts.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    const int64_t V = counts.rows, n = counts.cols;
    double mean = 0;
    for (int64_t v = 0; v <= V; ++v) {
      double s = mean / static_cast<double>(V);
      if (v < V) {
        const T* c = counts.row(v);
        const double zeros = team.template sum<double>(n, [=](int64_t i) { return static_cast<double>(c[i]); });
        s = ::rint(zeros / (static_cast<double>(n) * static_cast<double>(dims[v])) * 1e4) / 1e4;
        mean += s;
      }
      const double f = all ? 1.0 : s <= theta ? 0.0 : (s - theta) / (1 - theta);
      if (team.leader()) {
        sparsity[v] = static_cast<T>(s);
        gate[v] = static_cast<T>(beta * f);
      }
    }
  }
};
PLX_KERNEL(GateRow)

}  // namespace parallax

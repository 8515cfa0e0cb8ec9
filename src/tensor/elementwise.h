// The plainest kernels: fill, y = a x + b y, batch gather, sums of a column of row losses.
#pragma once
#include <span>

#include "launch.h"
#include "small.h"
#include "tensor.h"

namespace parallax {

// y = a x + b y (x absent: ones); b = 0 does not read y
template <class T> struct Axpby {
  Mat<const T> x;  // [n, d]; p = null: ones
  Mat<T> y;        // [n, d]
  T a = 1, b = 0;
  const T* a_by = nullptr;  // further factor of a in device memory
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    T* out = y.row(i);
    const T f = a_by ? a * *a_by : a;
    const T keep = b;
    if (!x.p) {
      team.each(y.cols, [=](int64_t j) { out[j] = keep == T(0) ? f : f + keep * out[j]; });
      return;
    }
    const T* in = x.row(i);
    if (keep == T(0))
      team.each(y.cols, [=](int64_t j) { out[j] = f * in[j]; });
    else
      team.each(y.cols, [=](int64_t j) { out[j] = f * in[j] + keep * out[j]; });
  }
};
PLX_KERNEL(Axpby)

// The same for several pairs; their rows are counted through.
template <class T> struct AxpbyParts {
  Axpby<T> part[kMaxProblems];
  int64_t end[kMaxProblems];  // rows of the parts so far
  int64_t parts = 0, widest = 0;
  PLX_HD int64_t rows() const { return parts ? end[parts - 1] : 0; }
  PLX_HD int64_t width() const { return widest; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    int64_t q = 0;
    while (i >= end[q]) ++q;
    part[q](team, q ? i - end[q - 1] : i);
  }
};
PLX_KERNEL(AxpbyParts)

// y[i] = x[index[i]]
template <class T> struct GatherRows {
  Mat<const T> x;
  const int64_t* index;  // [n], within x
  Mat<T> y;              // [n, d]
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const T* in = x.row(index[i]);
    T* out = y.row(i);
    team.each(y.cols, [=](int64_t j) { out[j] = in[j]; });
  }
};
PLX_KERNEL(GatherRows)

// out[g] = beta * out[g] + weight * sum of x over the rows of problem g and all columns; sums in double, one order
template <class T> struct SumRows {
  Mat<const T> x;  // [problems * n, d]
  T* out;          // [problems]
  int64_t n_problems = 1;
  T weight = 1, beta = 0;
  PLX_HD int64_t rows() const { return n_problems; }
  PLX_HD int64_t width() const { return n_problems ? x.rows / n_problems * x.cols : 0; }
  template <class Team> PLX_HD void operator()(Team team, int64_t g) const {
    const int64_t n = x.rows / n_problems;
    double s = 0;
    if (x.cols == 1) {
      const T* p = x.row(g * n);
      const int64_t ld = x.ld;
      s = team.template sum<double>(n, [=](int64_t i) { return static_cast<double>(p[i * ld]); });
    } else {
      for (int64_t i = 0; i < n; ++i) {
        const T* p = x.row(g * n + i);
        s += team.template sum<double>(x.cols, [=](int64_t j) { return static_cast<double>(p[j]); });
      }
    }
    if (team.leader()) out[g] = (beta == T(0) ? T(0) : beta * out[g]) + weight * static_cast<T>(s);
  }
};
PLX_KERNEL(SumRows)

void fill(Context& ctx, const Tensor& t, double value);
void axpby(Context& ctx, double a, const Tensor& x, double b, const Tensor& y, const Tensor& a_by = {});
// One kernel for several, in turn where results overlap; no result may be another's operand.
struct AxpbyPart {
  double a = 1;
  Tensor x;
  double b = 0;
  Tensor y, a_by = {};
};
void axpby(Context& ctx, std::span<const AxpbyPart> parts);
void gather_rows(Context& ctx, const Tensor& x, const Tensor& index, const Tensor& y);
// [problems, 1]: weight * sums over the rows of each stacked problem
Tensor sum_rows(Context& ctx, const Tensor& x, int64_t problems = 1, double weight = 1);

}  // namespace parallax

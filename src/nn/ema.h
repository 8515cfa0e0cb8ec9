// Moving averages of parameters inside a training step: the momentum of every step lies in a table in device memory, so
// that a recorded step finds its own by the step counter.
#pragma once
#include "../tensor/launch.h"
#include "../tensor/tensor.h"

namespace parallax {

// target = m target + (1 - m) source, m = table[step - first]; the last entry serves all later steps
template <class T> struct MovingAverage {
  Mat<T> target;
  Mat<const T> source;
  const double* table;
  int64_t count;
  const uint32_t* step;
  const int64_t* first;  // [1]
  PLX_HD int64_t rows() const { return target.rows; }
  PLX_HD int64_t width() const { return target.cols; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    int64_t at = static_cast<int64_t>(*step) - *first;
    at = at < 0 ? 0 : at < count ? at : count - 1;
    const T keep = static_cast<T>(table[at]), take = static_cast<T>(1 - table[at]);
    T* out = target.row(i);
    const T* in = source.row(i);
    team.each(target.cols, [=](int64_t j) { out[j] = keep * out[j] + take * in[j]; });
  }
};
PLX_KERNEL(MovingAverage)

// table [count, 1] f64; first [1, 1] i64: the value of the context's step counter in the first of these steps
void moving_average(Context& ctx, const Tensor& target, const Tensor& source, const Tensor& table, const Tensor& first);

}  // namespace parallax

// Moving averages of parameters inside a training step: the momentum of every step lies in a table in device memory, so
// that a recorded step finds its own by the step counter.
#pragma once
#include <span>

#include "../tensor/launch.h"
#include "../tensor/small.h"
#include "../tensor/tensor.h"

namespace parallax {

// target = m target + (1 - m) source for every pair, m = table[step - first]; the last entry serves all later steps
template <class T> struct MovingAverage {
  Mat<T> target[kMaxProblems];
  Mat<const T> source[kMaxProblems];
  int64_t end[kMaxProblems];  // rows of the targets so far
  int64_t pairs = 0, widest = 0;
  const double* table;
  int64_t count;
  const uint32_t* step;
  const int64_t* first;  // [1]
  PLX_HD int64_t rows() const { return pairs ? end[pairs - 1] : 0; }
  PLX_HD int64_t width() const { return widest; }
  template <class Team> PLX_HD void operator()(Team team, int64_t r) const {
    int64_t q = 0;
    while (r >= end[q]) ++q;
    const int64_t i = q ? r - end[q - 1] : r;
    int64_t at = static_cast<int64_t>(*step) - *first;
    at = at < 0 ? 0 : at < count ? at : count - 1;
    const T keep = static_cast<T>(table[at]), take = static_cast<T>(1 - table[at]);
    T* out = target[q].row(i);
    const T* in = source[q].row(i);
    team.each(target[q].cols, [=](int64_t j) { out[j] = keep * out[j] + take * in[j]; });
  }
};
PLX_KERNEL(MovingAverage)

// At most kMaxProblems pairs of equal shapes and one type. table [count, 1] f64; first [1, 1] i64: the value of the
// context's step counter in the first of these steps.
void moving_average(Context& ctx, std::span<const Tensor> targets, std::span<const Tensor> sources, const Tensor& table,
                    const Tensor& first);

}  // namespace parallax

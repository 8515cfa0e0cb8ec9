// Matrices of draws, and the order of a shuffle.
#pragma once
#include <vector>

#include "draw.h"
#include "launch.h"
#include "tensor.h"

namespace parallax {

// y = scale * draw: uniform in [-1, 1) or standard normal; a draw with a table copies the table as it is
template <class T> struct FillDraw {
  Mat<T> y;
  Draw<T> draw;
  bool normal;
  T scale;
  PLX_HD int64_t rows() const { return y.rows; }
  PLX_HD int64_t width() const { return y.cols * 16; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    T* out = y.row(i);
    const Draw<T> d = draw;
    if (d.table) {
      const T* from = d.table + i * d.table_ld;
      team.each(y.cols, [=](int64_t j) { out[j] = from[j]; });
      return;
    }
    const T f = scale;
    if (normal)
      team.each(y.cols, [=](int64_t j) { out[j] = f * static_cast<T>(d.normal(i, j)); });
    else
      team.each(y.cols, [=](int64_t j) { out[j] = f * (T(2) * static_cast<T>(d.uniform(i, j)) - T(1)); });
  }
};
PLX_KERNEL(FillDraw)

// The order of an epoch: samples sorted by one 64-bit draw each, ties by index.
std::vector<int64_t> shuffled(int64_t n, uint64_t seed, uint32_t tag, uint32_t epoch);

}  // namespace parallax

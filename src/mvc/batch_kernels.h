// Kernels of the trainer: which rows a batch has, and the losses of a step, both without the host.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

// ids = the next `n` of the epoch's order; the cursor moves on, and starts again after `batches`
template <class T> struct SelectRows {
  const int64_t* order;  // [N]
  int64_t* cursor;       // [1]: the batch, from 0
  int64_t batches;
  int64_t* ids;  // [n]
  int64_t n;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return n; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    const int64_t batch = *cursor;
    const int64_t* from = order + batch * n;
    int64_t* to = ids;
    team.each(n, [=](int64_t i) { to[i] = from[i]; });
    team.sync();
    if (team.leader()) *cursor = batch + 1 < batches ? batch + 1 : 0;
  }
};
PLX_KERNEL(SelectRows)

inline constexpr int kMaxLogged = 256;

// The step's values into the next row of a ring
template <class T> struct PushValues {
  const T* from[kMaxLogged];
  int64_t count = 0;
  Mat<T> ring;    // [slots, count]
  int64_t* slot;  // [1]
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return count; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    const int64_t at = *slot;
    T* out = ring.row(at);
    team.each(count, [=, this](int64_t j) { out[j] = *from[j]; });
    team.sync();
    if (team.leader()) *slot = at + 1 < ring.rows ? at + 1 : 0;
  }
};
PLX_KERNEL(PushValues)

}  // namespace parallax

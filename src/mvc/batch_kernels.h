// Kernels of the trainer: which rows a batch has, and the losses of a step, both without the host.
#pragma once
#include "../tensor/launch.h"
#include "../tensor/small.h"

namespace parallax {

// The next `n` rows of the epoch's order: their ids, and every view's rows
template <class T> struct SelectRows {
  const int64_t* order;   // [N]
  const int64_t* cursor;  // [1]: the batch, from 0
  int64_t* ids;           // [n]
  int64_t n;
  Mat<const T> x[kMaxProblems];  // [N, d_v]
  Mat<T> y[kMaxProblems];        // [n, d_v]
  int views = 0;
  PLX_HD int64_t rows() const { return n; }
  PLX_HD int64_t width() const { return y[0].cols * views; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t id = order[*cursor * n + i];
    if (team.leader()) ids[i] = id;
    for (int v = 0; v < views; ++v) {
      const T* from = x[v].row(id);
      T* to = y[v].row(i);
      team.each(y[v].cols, [=](int64_t j) { to[j] = from[j]; });
    }
  }
};
PLX_KERNEL(SelectRows)

inline constexpr int kMaxLogged = 256;

// The step's values into the next row of a ring
template <class T> struct PushValues {
  const T* from[kMaxLogged];
  int64_t count = 0;
  Mat<T> ring;      // [slots, count]
  int64_t* slot;    // [1]
  int64_t* cursor;  // [1] moves to the next of `batches`; null: not here
  int64_t batches = 1;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return count; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    const int64_t at = *slot;
    T* out = ring.row(at);
    team.each(count, [=, this](int64_t j) { out[j] = *from[j]; });
    team.sync();
    if (team.leader()) {
      *slot = at + 1 < ring.rows ? at + 1 : 0;
      if (cursor) *cursor = *cursor + 1 < batches ? *cursor + 1 : 0;
    }
  }
};
PLX_KERNEL(PushValues)

}  // namespace parallax

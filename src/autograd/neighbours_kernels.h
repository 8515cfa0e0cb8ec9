// Kernels of op_neighbours.
#pragma once
#include "tiled.h"

namespace parallax {

// The cosines of a tile of anchors with all rows: row losses, and in place of the cosines the weights of the gradient.
template <class T> struct NeighbourRows {
  Mat<T> s;                      // [tile, n]
  Mat<T> part;                   // [tile, listed]: room for the listed entries
  const int32_t* index;          // [lists, listed]; no entry twice in a list
  const uint8_t *near, *far;     // [lists, listed]: how often the entry is a positive and a negative
  const int32_t* lengths;        // [lists]: entries in use
  const int64_t *owner, *place;  // of row i: its list (null: i); of entry e: its row (null: e); negative: none
  T* loss;                       // [tile]
  int64_t lists, first;
  T weight;
  bool skip_last;
  PLX_HD int64_t rows() const { return s.rows; }
  PLX_HD int64_t width() const { return s.cols + part.cols * 16; }
  template <class Team> PLX_HD void operator()(Team team, int64_t i) const {
    const int64_t own = owner ? owner[first + i] : first + i;
    if (own < 0 || own >= lists - (skip_last ? 1 : 0)) {
      T* x = s.row(i);
      team.each(s.cols, [=](int64_t j) { x[j] = T(0); });
      if (team.leader()) loss[i] = T(0);
    } else if (place) {
      anchor<true>(team, i, own);
    } else {
      anchor<false>(team, i, own);
    }
  }
  template <bool Placed, class Team> PLX_HD void anchor(Team team, int64_t i, int64_t own) const {
    T *x = s.row(i), *v = part.row(i);
    const int64_t n = lengths[own];
    const int32_t* list = index + own * part.cols;
    const uint8_t *p = near + own * part.cols, *q = far + own * part.cols;
    const int64_t* where = place;
    const auto row = [=](int64_t j) { return Placed ? where[list[j]] : static_cast<int64_t>(list[j]); };
    const auto here = [=](int64_t j) { return !Placed || row(j) >= 0; };
    const T count = team.template sum<T>(n, [=](int64_t j) { return here(j) ? static_cast<T>(p[j]) : T(0); });
    const T hit = team.template sum<T>(n, [=](int64_t j) {
      const T c = here(j) ? x[row(j)] : T(0);
      v[j] = c;
      return static_cast<T>(p[j]) * c;
    });
    const T z = team.template sum<T>(n, [=](int64_t j) {  // cosines lie in [-1, 1]: no maximum is needed
      const T e = here(j) ? static_cast<T>(q[j]) * fn::exp(v[j]) : T(0);
      v[j] = e;
      return e;
    });
    team.sync();
    team.each(s.cols, [=](int64_t j) { x[j] = T(0); });
    team.sync();
    const bool counts = count > T(0) && z > T(0);
    if (counts) {
      const T f = weight * count / z, w = weight;
      team.each(n, [=](int64_t j) {
        if (here(j)) x[row(j)] = f * v[j] - w * static_cast<T>(p[j]);
      });
    }
    if (team.leader()) loss[i] = counts ? count * fn::log(z) - hit : T(0);
  }
};
PLX_KERNEL(NeighbourRows)

// On a device: one kernel per direction, cosines computed again in backward.
struct NeighbourLists {
  Mat<const float> x, others;
  const int32_t* index;  // these as in NeighbourRows
  const uint8_t *near, *far;
  const int32_t* lengths;
  const int64_t *owner, *place;
  int64_t lists, listed;
  bool skip_last;
};
struct NeighbourLosses : NeighbourLists {
  float *loss,
      *level;  // [n]; level: ln(sum of the negatives / number of positives), infinite where a row does not count
};
struct NeighbourGrads : NeighbourLists {
  const float *level, *gy;
  float weight;
  TiledGrad dx;
};

// place[id of row i] = i, after place was filled with -1
template <class T> struct PlaceRows {
  const int64_t* ids;
  int64_t* place;
  int64_t n, lists;
  PLX_HD int64_t rows() const { return 1; }
  PLX_HD int64_t width() const { return n + lists; }
  template <class Team> PLX_HD void operator()(Team team, int64_t) const {
    int64_t* to = place;
    const int64_t* of = ids;
    const int64_t limit = lists;
    team.each(lists, [=](int64_t j) { to[j] = -1; });
    team.sync();
    team.each(n, [=](int64_t i) {
      if (of[i] >= 0 && of[i] < limit) to[of[i]] = i;
    });
  }
};
PLX_KERNEL(PlaceRows)

}  // namespace parallax

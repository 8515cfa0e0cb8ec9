// The passes of k-means over the data. A pass serves many restarts ("slots") at once: a task is a chunk of points times
// a group of slots, so that a strip of points stays in the cache while all centres of the group meet it.
#pragma once
#include "points.h"

namespace parallax::cluster_detail {

// What the passes know of one restart.
template <class T> struct Slot {
  const double* centres = nullptr;  // [k, d], in the units of x
  const T* scaled = nullptr;        // [k, d], centred and scaled like the strips
  const T* half = nullptr;          // [k], |scaled|^2 / 2
  T max_norm = 0;                   // largest |scaled|, rounded up
  const int32_t* before = nullptr;  // [n] labels of the last pass, -1 = none
  int32_t* labels = nullptr;        // [n]
};

// labels[i] = argmin_c |x_i - c|^2 = argmin_c (|c|^2 / 2 - x_i c), lowest index first.
template <class T> struct NearestCentres {
  Mat<const T> x;
  const T* strips = nullptr;
  const T* norms = nullptr;
  int64_t k = 0;
  const Slot<T>* slots = nullptr;
  int64_t n_slots = 0;
};
PLX_KERNEL(NearestCentres)

// What changed since the last pass, per slot and block of rows: sums[slot, block, c, :] and counts[slot, block, c].
inline constexpr int64_t kMoveRows = 16384;
template <class T> struct MovedRows {
  Mat<const T> x;
  int64_t k = 0;
  const Slot<T>* slots = nullptr;
  int64_t n_slots = 0;
  double* sums = nullptr;
  int64_t* counts = nullptr;
  int64_t* moved = nullptr;  // [slot, block] rows whose label changed
};
PLX_KERNEL(MovedRows)

// sum_i |x_i - c(i)|^2 per slot and block of kSumRows rows.
template <class T> struct Inertia {
  Mat<const T> x;
  const Slot<T>* slots = nullptr;
  int64_t n_slots = 0;
  double* out = nullptr;  // [slot, block]
};
PLX_KERNEL(Inertia)

// Seeding: distances to candidate rows, the minimum with what the chosen centres give, and its sum per strip.
template <class T> struct Trial {
  const int64_t* candidates = nullptr;  // [trials] rows of x
  const T* rows = nullptr;              // [trials, d] the same rows as in the strips
  const T* row_norms = nullptr;         // [trials]
  const T* closest = nullptr;           // [n] squared, in scaled units; null = infinite
  T* distances = nullptr;               // [trials, n padded to strips]
  double* potentials = nullptr;         // [trials, strips]
};
template <class T> struct Trials {
  Mat<const T> x;
  const T* strips = nullptr;
  const T* norms = nullptr;
  double scale = 1;
  const Trial<T>* list = nullptr;
  int64_t n = 0, trials = 0;
};
PLX_KERNEL(Trials)

// Single-row moves: row i of cluster a goes to b if n_b / (n_b + 1) |x_i - c_b|^2 < n_a / (n_a - 1) |x_i - c_a|^2.
template <class T> struct RowMoves {
  double* centres = nullptr;  // [k, d] means of the clusters
  int64_t* counts = nullptr;  // [k]
  int32_t* labels = nullptr;  // [n]
  uint8_t* flags = nullptr;   // [n] 1 = may be worth moving
  int64_t moved = 0;
};
// Flags all rows that a move could help, by approximate distances with their rounding bound.
template <class T> struct FlagRows {
  Mat<const T> x;
  const T* strips = nullptr;
  const T* norms = nullptr;
  int64_t k = 0;
  const Slot<T>* slots = nullptr;
  const RowMoves<T>* moves = nullptr;
  int64_t n_slots = 0;
};
PLX_KERNEL(FlagRows)
// Moves flagged rows in order of index, exact distances, both means updated at once.
template <class T> struct MoveRows {
  Mat<const T> x;
  int64_t k = 0;
  RowMoves<T>* moves = nullptr;
  int64_t n_slots = 0;
};
PLX_KERNEL(MoveRows)

// Nearest centre by differences only, for rows on their own.
template <class T> struct NearestExact {
  Mat<const T> x;
  const double* centres = nullptr;  // [k, d]
  int64_t k = 0;
  int32_t* labels = nullptr;
  double* squared = nullptr;  // [n] or null
};
PLX_KERNEL(NearestExact)

}  // namespace parallax::cluster_detail

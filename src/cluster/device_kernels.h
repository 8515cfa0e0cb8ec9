// The passes of k-means, neighbours and silhouette on a device. All memory is the device's. Rules are those of the CPU
// (kmeans_kernels.h, pairs_kernels.h): products in the data's precision, differences in double, in the CPU's order of
// sums, wherever products cannot decide. Products run over tiles of 128 points times `width` columns; the columns
// (centres, candidates) are packed tile by tile as [d, width].
#pragma once
#include "points.h"

namespace parallax::cluster_detail {

// Where the k columns of the m-th slot lie: whole slots side by side in one tile, or one slot over several tiles.
struct Columns {
  int64_t k = 0, width = 0;
  PLX_HD int64_t per_tile() const { return k <= width ? width / k : 1; }                // slots
  PLX_HD int64_t per_slot() const { return k <= width ? 1 : (k + width - 1) / width; }  // tiles
  PLX_HD int64_t groups(int64_t slots) const { return (slots + per_tile() - 1) / per_tile(); }
  PLX_HD int64_t tiles(int64_t slots) const { return groups(slots) * per_slot(); }
};
template <class T> Columns columns_for(int64_t k, int64_t slots) {
  return {k, k * slots <= 16 ? 16 : (sizeof(T) == 4 ? 64 : 32)};
}

// Points in strips, as pack_points makes them.
template <class T> struct DevicePoints {
  Mat<const T> x;
  const T *strips = nullptr, *norms = nullptr;
  const double* mean = nullptr;  // [d]
  double scale = 1;
  PLX_HD int64_t strip_count() const { return (x.rows + kStripPoints - 1) / kStripPoints; }
};

enum DeviceState : int64_t { kActive, kLastPass, kDone };
struct DeviceProgress {
  int64_t state, settled, iterations;
  unsigned long long moved;  // rows whose label changed in the last pass
};

// The restarts that run together. Arrays are indexed by slot; a pass serves the m slots of `list`.
template <class T> struct DeviceSlots {
  int64_t k = 0, m = 0;
  const int32_t* list = nullptr;
  double *centres = nullptr, *next = nullptr, *sums = nullptr;  // [slots, k, d]
  int64_t* counts = nullptr;                                    // [slots, k]
  T* half = nullptr;                                            // [slots, k] |scaled centre|^2 / 2
  double* longest = nullptr;                                    // [slots] largest |scaled centre|^2
  int32_t *before = nullptr, *labels = nullptr;                 // [slots, n]
  DeviceProgress* progress = nullptr;                           // [slots]
};

// Rows into packed columns: centres of the slots (with half and longest), or rows of x.
template <class T> struct PackColumns {
  DevicePoints<T> points;
  DeviceSlots<T> slots;
  const int64_t* candidates = nullptr;  // [m, k] rows of x; null: the centres
  Columns columns;
  T* out = nullptr;
};
// labels <- nearest centres, before <- labels, and how many differ. fresh: there are no labels yet.
template <class T> struct NearestOnDevice {
  DevicePoints<T> points;
  DeviceSlots<T> slots;
  Columns columns;
  const T* packed = nullptr;
  bool fresh = false;
};
// Sums and counts follow the labels of active slots, then next = means. Chunks of rows first, then in their order.
template <class T> struct MoveSums {
  Mat<const T> x;
  DeviceSlots<T> slots;
  bool fresh = false;         // sums from nothing: every row counts, whatever `before` says
  int64_t chunk = 0;          // rows
  double* partial = nullptr;  // [m, chunks, k, d]
  int64_t* partial_counts = nullptr;
};
// Empty clusters take far rows; centres <- next; whether a slot ends.
template <class T> struct UpdateCentres {
  Mat<const T> x;
  DeviceSlots<T> slots;
  double limit = 0;
  int64_t max_iter = 0;
  int64_t* taken = nullptr;  // [slots, k] scratch
};
// out[m, block of kInertiaRows rows] = sum |x_i - c(i)|^2; or each |x_i - c(i)|^2 into `squared` [n] of one slot
inline constexpr int64_t kInertiaRows = 256;
template <class T> struct DeviceInertia {
  Mat<const T> x;
  DeviceSlots<T> slots;
  double *out = nullptr, *squared = nullptr;
};
// Single-row moves, see kmeans_kernels.h.
template <class T> struct FlagOnDevice {
  DevicePoints<T> points;
  DeviceSlots<T> slots;
  Columns columns;
  const T* packed = nullptr;
  uint8_t* flags = nullptr;  // [slots, n]
};
template <class T> struct MoveOnDevice {
  Mat<const T> x;
  DeviceSlots<T> slots;
  const uint8_t* flags = nullptr;
};
// Nearest centre of every row by differences alone.
template <class T> struct AssignOnDevice {
  Mat<const T> x;
  const double* centres = nullptr;
  int64_t k = 0;
  int32_t* labels = nullptr;
  double* squared = nullptr;
};

// Seeding, one step: the best candidate of the last step becomes a centre, then new candidates are drawn.
template <class T> struct SeedPick {
  int64_t n = 0, k = 0, slots = 0, step = 0, trials = 0, last_trials = 0, most = 0;
  uint64_t seed = 0;
  uint32_t tag = 0;
  int64_t first = 0;                         // number of the first restart
  const int64_t* last_candidates = nullptr;  // [slots, last_trials]
  int64_t* candidates = nullptr;             // [slots, trials]
  int64_t* rows = nullptr;                   // [slots, k] chosen rows
  int64_t* best = nullptr;                   // [slots] the best candidate of the last step
  int64_t* distinct = nullptr;               // [slots]
  const T* distances = nullptr;              // [slots, most, padded] of the last step
  const double* potentials = nullptr;        // [slots, most, strips]
};
template <class T> struct SeedTrials {
  DevicePoints<T> points;
  Columns columns;
  const T* packed = nullptr;
  int64_t slots = 0, most = 0;
  const int64_t *candidates = nullptr, *best = nullptr;
  const T* closest = nullptr;  // distances of the last step; null: infinite
  T* distances = nullptr;
  double* potentials = nullptr;
};

// The next up to 32 neighbours of every row behind those already found: [n, k], ranks from .. from + 31.
template <class T> struct NearOnDevice {
  DevicePoints<T> points;
  double max_norm = 0;
  int64_t k = 0, from = 0, skip = 0;  // skip = 1: rank 0 is the row itself
  int32_t* index = nullptr;
  double* squared = nullptr;
};

// x sorted by cluster: sums of distances to the points of each cluster, then the silhouette of every row.
struct SilhouetteOnDevice {
  DevicePoints<double> points;
  const int32_t* cluster = nullptr;  // [n]
  const int64_t* sizes = nullptr;    // [k]
  int64_t k = 0;
  double *sums = nullptr, *samples = nullptr;  // [n, k] scratch, [n]
};
// Chosen rows in double.
template <class T> struct GatherDouble {
  Mat<const T> x;
  const int64_t* row = nullptr;  // [n]
  int64_t n = 0;
  double* out = nullptr;  // [n, d]
};

template <class T> DevicePoints<T> on_device(const Points<T>& p) {
  return {p.x, p.strips.template ptr<T>(), p.norms.template ptr<T>(), p.means.template ptr<double>(), p.scale};
}

}  // namespace parallax::cluster_detail

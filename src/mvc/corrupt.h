// Data corruption (SparseMVC 2.4, GMAE 2.3): noise, conflict, missing views, sparsity, misalignment of views, applied
// to the scaled data. Seeded by a stream of its own; masks say what was touched.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "../io/hdf5_write.h"

namespace parallax {

struct CorruptSpec {
  double noise = 0, conflict = 0, missing = 0, sparsity = 0,
         misalign = 0;  // ratios in [0, 1]; sparsity -1: 0.1 (v + 1) for view v
  double sigma = 0.5;
  bool reference = false;  // the published sampling rules instead of the pages' recommendation
  uint64_t seed = 0;
  std::vector<std::string> order;  // of noise, conflict, missing; empty: noise, conflict, missing
  bool any() const { return noise > 0 || conflict > 0 || missing > 0 || sparsity != 0 || misalign > 0; }
};
// "noise=0.3,missing=0.2,conflict=0.1,sparsity=0.5,misalign=0.2,sigma=0.5,rule=default|reference,seed=N"
CorruptSpec parse_corrupt(const std::string& text);
std::string to_text(const CorruptSpec& s);

// Samples x views (row-major) with 1 where the kind touched that view of that sample. For misalign: where the row was
// moved.
struct CorruptMasks {
  std::vector<Mask> list;  // names noise, conflict, missing, sparsity, misalign; those that were asked for
};

// What the sampling decided, in the published order; lets reference draws be supplied.
struct CorruptDraws {
  struct Kind {
    std::vector<int64_t> selected;            // [k] sample ids
    std::vector<std::vector<int64_t>> views;  // [k] views of each
  };
  Kind noise, conflict, missing;
  std::vector<double> normal;  // noise values in order of use: selected row, its views, columns
};
CorruptDraws sample_corruption(const CorruptSpec& s, int64_t samples, const std::vector<int64_t>& dims);

// views: per view [n * d_v] row-major, changed in place. labels (0-based, dense) are needed for conflict only: they
// simulate a mismatch, nothing else reads them. Throws Error(config) where the data does not allow the request.
CorruptMasks corrupt(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims, int64_t samples,
                     const std::vector<int32_t>& labels, int classes, const CorruptSpec& s);
// The three row-wise kinds with given draws (k = trunc(ratio n) samples each): the reference behaviour, live
// representatives.
void apply_noise(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims, const CorruptDraws& d,
                 double sigma);
void apply_missing(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims,
                   const CorruptDraws::Kind& d);
void apply_conflict_reference(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims,
                              const CorruptDraws::Kind& d, const std::vector<int32_t>& labels, int classes);

}  // namespace parallax

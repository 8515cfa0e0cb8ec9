// Supervised use of a method with a classifier head (GMAE's second program): repeated train/test splits, each trained
// on the labels of its training rows alone and scored on both sides. The default protocol keeps test rows out of
// everything that is fitted: the split is stratified and seeded, scaling is fitted on training rows, labels of test
// rows are read by the scores only. protocol = reference repeats what the published program does (GMAE 6.3): scaling
// over all rows, an unstratified split, one run, lists in mixed numbering, and accuracy after matching predicted with
// true classes.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "../io/scale.h"
#include "trainer.h"

namespace parallax {

struct ClassifyOptions {
  std::string method = "gmae";
  bool reference = false;         // protocol and profile of the published program
  std::vector<Setting> set;       // hyper-parameters
  double train_share = 0.8;       // floor(share * N) rows; stratified: rounded class by class, at least one each
  bool stratified = true;         // not in the reference protocol
  bool scale_on_training = true;  // not in the reference protocol
  int repeats = 5;                // run i has the context's seed + i; the reference protocol has 1
  Scale scale = Scale::minmax;
  // Changes the scaled views [n * d_v] in place, before the split; labels serve to simulate wrong pairings only.
  std::function<void(std::vector<std::vector<double>>& views, const std::vector<int32_t>& labels, uint64_t seed)>
      corrupt = {};
  bool kmeans = true;  // also cluster the representation of each side
  DType type = DType::f32;
  std::function<void(const std::string&)> log = {};
  std::function<bool(int repeat, const EpochRow&)> progress = {};  // false stops: Error(interrupted)
};

struct ClassifyValue {
  std::string name;          // accuracy, precision, recall, f (macro), nmi, ari, purity, matched; coded_*
  double mean = 0, std = 0;  // over the runs; std with n - 1
  int n = 0;
  std::vector<double> values;  // [n]
};
struct ClassifyRow {
  std::string rows, labelling;  // train | test, classifier | kmeans
  std::vector<ClassifyValue> values;
  const ClassifyValue* find(const std::string& name) const;
};
struct ClassifyResult {
  std::vector<ClassifyRow> table;
  std::vector<std::vector<int32_t>> predicted;  // [run][N] by the classifier
  std::vector<std::vector<uint8_t>> training;   // [run][N] 1: a training row
  const ClassifyRow* find(const std::string& rows, const std::string& labelling) const;
};

ClassifyResult classify(const ClassifyOptions& options, const MultiView& data, Context& ctx);

// 1 = training row. Stratified: every class is shared out on its own; one with a single row is trained on.
std::vector<uint8_t> split_rows(const std::vector<int32_t>& labels, int classes, double share, bool stratified,
                                uint64_t seed);

}  // namespace parallax

// The one public call: trains a method on a data set and returns labels, embedding, history and scores. True labels of
// the data are read by the evaluator alone (and by the conflict corruption, which simulates wrong pairings).
#pragma once
#include <functional>
#include <optional>

#include "corrupt.h"
#include "model.h"

namespace parallax {

struct HistoryRow {
  EpochRow epoch;
  std::vector<FeatureScores> scores;  // where scored
};

struct FitOptions {
  std::string method;
  std::string profile = "sound";  // or reference: what the published program computes
  int clusters = 0;               // 0: number of classes
  std::string scale;              // empty: the method's own
  std::vector<Setting> set;       // hyper-parameters, as --set gives them
  CorruptSpec corrupt;
  int64_t eval_every = 0;                            // 0: the method's own
  int restarts = 0;                                  // of k-means; 0: the method's own
  DType type = DType::f32;                           // f64 for proofs
  std::function<void(const std::string&)> log = {};  // decisions, for people
  std::function<bool(const HistoryRow&, int64_t epochs)> progress =
      {};  // after every epoch; false stops: Error(interrupted)
};

struct FitResult {
  std::vector<int32_t> labels;    // [N], in the order of the data
  std::vector<float> confidence;  // [N]
  std::vector<float> embedding;   // [N, dim]: what was clustered
  int64_t dim = 0;
  Model model;
  std::vector<HistoryRow> history;    // one row per epoch
  std::vector<FeatureScores> scores;  // of the last evaluation; empty without labels
  LabelFree label_free;
  CorruptMasks masks;
  std::string scale;  // as used
  int64_t epochs = 0;
  double seconds = 0;       // of training and evaluation
  uint64_t peak_bytes = 0;  // of tensors
};

// The seed and threads are the context's. Also writes the model where `model_path` is not empty.
FitResult fit(const FitOptions& options, const MultiView& data, Context& ctx, const std::string& model_path = "");

// Every epoch of the plan; throws Error(config) for bad settings without touching data.
int64_t planned_epochs(const FitOptions& options, const DataSpec& spec);
std::unique_ptr<Method> configured_method(const FitOptions& options);

}  // namespace parallax

// A trained model in a file: method, hyper-parameters, scaling, parameters under their published names, centres.
// Everything that labels new samples; nothing about true labels.
#pragma once
#include "../io/dataset.h"
#include "../io/scale.h"
#include "evaluate.h"
#include "trainer.h"

namespace parallax {

struct Model {
  std::string method, profile;
  std::vector<Setting> settings;   // every key of the method, as resolved when it was built
  DataSpec spec;                   // of the training data
  std::string phase;               // the plan's last one
  std::vector<ScalePlan> scaling;  // per view
  std::vector<double> centres;     // [K, d] or empty
  uint64_t seed = 0;
  std::vector<std::string> view_names;

  std::unique_ptr<Method> make() const;  // with the settings applied
};

void save_model(const std::string& path, const Model& model, ParamStore& store);

// Labels, confidences and embedding of new samples. On the training file: the run's own, to the bit; also row by row.
struct Prediction {
  std::vector<int32_t> labels;
  std::vector<float> confidence;
  std::vector<float> embedding;  // [n, d]
  int64_t dim = 0;
};
class Predictor {
 public:
  // `path`: a model file or a run folder. The context gives the device and the number of threads. Throws Error(data)
  // for damaged or foreign files.
  Predictor(const Context& ctx, const std::string& path);
  ~Predictor();
  const Model& model() const;
  // The views must have the model's widths, in the model's order.
  Prediction predict(const MultiView& data) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The scaled views as tensors of the given type.
std::vector<Tensor> scaled_views(Context& ctx, DType type, const MultiView& data, const std::vector<ScalePlan>& plans);

}  // namespace parallax

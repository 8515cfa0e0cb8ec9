// Batch normalisation of G stacked problems, with parameters under published names.
#pragma once
#include "pass.h"

namespace parallax {

class BatchNormStack {
 public:
  BatchNormStack() = default;
  struct Options {
    double eps = 1e-5, momentum = 0.1;
    Act act = Act::none;
    double slope = 0.01;
    bool rectified = false;  // x stands for max(0, x + bias)
  };
  // affine: names with ".weight" and ".bias", one per problem or one that all share; statistics: names with
  // ".running_mean" and ".running_var", one per problem always (a mixture would fit no problem at evaluation).
  BatchNormStack(ParamStore& store, const std::vector<std::string>& affine, const std::vector<std::string>& statistics,
                 int64_t width, const Options& options);
  // batch_statistics: those of the rows at hand, which also move the running ones; else the running ones.
  // bias: of the layer in front, left out there (see BatchNorm).
  Var forward(Pass& p, const Var& x, bool batch_statistics, std::span<const Var> bias = {}) const;

 private:
  std::vector<Param> gamma_, beta_, mean_, var_;
  Options options_;
};

}  // namespace parallax

// Adam and SGD over the flat buffers, one step counter per parameter; clipping by the global norm; moving averages.
// Everything that changes from step to step (rate, counters, clip factor, finite flag) lives in device memory.
#pragma once
#include "param_store.h"

namespace parallax {

struct OptimizerSpec {
  enum Kind { adam, sgd } kind = adam;
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0;  // L2-coupled: added to the gradient after clipping
  double clip_norm = 0;     // 0: none; g *= min(1, clip / (norm + 1e-6))
  double momentum = 0;      // sgd
};

class Optimizer {
 public:
  // Updates the store's parameters that match `globs`.
  Optimizer(ParamStore& store, OptimizerSpec spec, const std::vector<std::string>& globs = {"*"});
  // One update from the gradients that backward reached. `loss` [1, 1]: where it or a small gradient is not finite the
  // update is skipped and the flag stays up until clear_nonfinite(): weights stay finite.
  void step(const Tensor& loss = {});
  void set_lr(double lr);
  double lr() const;
  const OptimizerSpec& spec() const { return spec_; }
  Tensor grad_norm() const { return norm_; }  // [1, 1], before clipping; defined where clip_norm is set
  bool nonfinite() const;
  void clear_nonfinite();

 private:
  ParamStore& store_;
  OptimizerSpec spec_;
  std::vector<int> params_;
  std::vector<uint8_t> reached_;  // what written_ holds
  // as the kernels read them: pieces of the parameters, of the small ones, pointers to counters, reached flags
  Tensor pieces_, small_, counters_, written_;
  int64_t n_pieces_ = 0, n_small_ = 0;
  Tensor lr_, norm_, clip_, flag_, sums_;
};

// target = m * target + (1 - m) * source
void ema_update(Context& ctx, const Tensor& target, const Tensor& source, double m);

}  // namespace parallax

#include "norm.h"

namespace parallax {

BatchNormStack::BatchNormStack(ParamStore& store, const std::vector<std::string>& affine,
                               const std::vector<std::string>& statistics, int64_t width, const Options& options)
    : options_(options) {
  for (const std::string& name : affine) {
    gamma_.push_back(store.add(name + ".weight", {1, width}, init::constant(1)));
    beta_.push_back(store.add(name + ".bias", {1, width}, init::constant(0)));
  }
  for (const std::string& name : statistics) {
    mean_.push_back(store.add_buffer(name + ".running_mean", {1, width}, 0));
    var_.push_back(store.add_buffer(name + ".running_var", {1, width}, 1));
  }
}

Var BatchNormStack::forward(Pass& p, const Var& x, bool batch_statistics, std::span<const Var> bias) const {
  BatchNorm::Attr at;
  at.training = batch_statistics;
  at.eps = options_.eps;
  at.momentum = options_.momentum;
  at.act = options_.act;
  at.slope = options_.slope;
  at.rectified = options_.rectified;
  Small<Var> gamma, beta;
  for (const Param q : gamma_) gamma.push_back(p.param(q));
  for (const Param q : beta_) beta.push_back(p.param(q));
  for (const Param q : mean_) at.running_mean.push_back(p.store().value(q));
  for (const Param q : var_) at.running_var.push_back(p.store().value(q));
  return batch_norm(x, gamma.span(), beta.span(), static_cast<int>(mean_.size()), at, bias);
}

}  // namespace parallax

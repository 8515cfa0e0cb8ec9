// Multilayer perceptrons, alone or as a stack of G networks that differ at most in their first input or last output
// width.
#pragma once
#include "pass.h"

namespace parallax {

struct LayerSpec {
  int64_t width = 0;
  Act act = Act::none;
  double dropout = 0;
  std::string name = {};  // "3": published name of the layer inside its network
  std::string drop = {};  // "5": published name of the dropout after it
  bool bias = true;
  double slope = 0.01;   // of Act::leaky
  bool kaiming = false;  // weights N(0, 2 / fan_in) instead of PyTorch's uniform; biases stay
};

// Network g: names[g] + "." + layer + ".weight" and ".bias", PyTorch's initialisation.
class MlpStack {
 public:
  MlpStack() = default;
  // `outputs`: widths of the last layer where they differ by network.
  MlpStack(ParamStore& store, const std::vector<std::string>& names, const std::vector<int64_t>& inputs,
           const std::vector<LayerSpec>& layers, const std::vector<int64_t>& outputs = {});
  int problems() const { return problems_; }
  int layers() const { return static_cast<int>(layers_.size()); }
  const LayerSpec& spec(int layer) const { return layers_[static_cast<size_t>(layer)].spec; }

  // All layers; x is one stacked [G * n, in] or G inputs. Result stacked [G * n, out].
  Var forward(Pass& p, std::span<const Var> x) const;
  Var layer(Pass& p, int index, std::span<const Var> x, bool with_dropout = true) const;
  Var drop(Pass& p, int index, const Var& x) const;  // the dropout after a layer, alone
  // The parts of a layer that stands in front of a batch normalisation, which takes the bias over.
  Var product(Pass& p, int index, std::span<const Var> x) const;
  Small<Var> biases(Pass& p, int index) const;
  Var forward_softmax(Pass& p, std::span<const Var> x) const;  // the softmax of forward()
  // All but the last layer, then the last one with its squared error: [G, 1].
  Var forward_mse(Pass& p, const Var& z, std::span<const Tensor> targets, std::span<const Tensor> outputs = {}) const;

 private:
  struct Layer {
    LayerSpec spec;
    std::vector<Param> w, b;
    std::vector<DrawName> draws;
  };
  int problems_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace parallax

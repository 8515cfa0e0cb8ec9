// Layer normalisation of rows (GMAE 11.6, GDCN 11.5), optionally followed by a ReLU in the same pass.
#pragma once
#include "tape.h"

namespace parallax {

// Inputs x [r, d], gamma [1, d], beta [1, d]: y = gamma (x - mean) / sqrt(var + eps) + beta per row, biased variance.
struct LayerNorm {
  static constexpr std::string_view name = "layer_norm";
  struct Attr {
    double eps = 1e-5;
    bool relu = false;
  };
  struct Saved {
    Tensor xh, inverse, gamma, beta;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var layer_norm(const Var& x, const Var& gamma, const Var& beta, bool relu = false, double eps = 1e-5);

}  // namespace parallax

// The sparse-activation penalty of SparseMVC (its page 4.3, paper eq. 4-5).
#pragma once
#include "tape.h"

namespace parallax {

// For each of G stacked problems, over the columns k of a [G * n, d] with batch means c_k = clamp(mean, 1e-6, 1 -
// 1e-6):
//   loss_g = factor_g * w * sum_k KL(rho || c_k),   w = 1/d (mean_units) or 1;   [G, 1]
// A column whose mean is clamped gets no gradient; a problem with factor 0 costs nothing.
struct ActivationEntropy {
  static constexpr std::string_view name = "activation_entropy";
  struct Attr {
    Tensor factor;  // [G, 1], device memory, not differentiated
    double rho = 0.05;
    bool mean_units = true;
  };
  struct Saved {
    Tensor slope;  // [G, d]: d loss_g / d a for every row
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var activation_entropy(const Var& a, const Tensor& factor, double rho, bool mean_units);

}  // namespace parallax

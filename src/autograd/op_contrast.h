// Contrastive losses. Each computes its similarities tile by tile, turns a tile into its own gradient while it is hot
// and multiplies it on at once: no n x n matrix is kept, and backward only scales what forward left. (A device computes
// the tiles again in backward instead: one kernel per direction.)
#pragma once
#include "tape.h"

namespace parallax {

// SparseMVC 4.4 (paper eq. 11-12). Inputs H, R_0 .. R_{V-1}, all [n, h]; result [V, 1]:
//   l_v = (1/n) sum_p [ -S_pp + ln sum_{q != p} exp S_pq ],   S = H R_v^T / tau   (the positive is not in the
//   denominator)
struct AnchorContrast {
  static constexpr std::string_view name = "anchor_contrast";
  struct Attr {
    double tau = 1;
    double weight = 1;  // of every l_v
  };
  struct Saved {
    Tensor dh, dr;  // [V * n, h]: gradients of l_v; on a device the inputs and the logarithms of the row sums instead
    Small<Tensor, kMaxProblems + 1> x;
    Tensor log_sums;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var anchor_contrast(const Var& h, std::span<const Var> r, double tau, double weight = 1);

}  // namespace parallax

// Deep divergence-based clustering (Kampffmeyer et al. 2019) in the form of DDMC 5.1, 6 and 12.1.
#pragma once
#include "tape.h"

namespace parallax {

// Q [n, K] soft assignments, H [n, h] the layer in front of them; result [1, 1]: l1 + l2 + l3.
//   Kmat_ij = exp(-D_ij / 2s), D squared distances of H, s = max(rel_width * lower median of all n^2 entries, 1e-9),
//   constant CS(B)   = c sum_{a<b} max(b_a' Kmat b_b, 1e-9) / sqrt(max((b_a' Kmat b_a)(b_b' Kmat b_b), 1e-18)) l1 =
//   CS(Q),  l3 = CS(W), W_ia = exp(-|q_i - e_a|^2),  l2 = mean over pairs of samples (or of clusters) of the overlap
struct Ddc {
  static constexpr std::string_view name = "ddc";
  enum Norm { pairs, over_k };  // c = 2 / (K (K - 1)) of the released code, or 1 / K of the paper
  enum Second {
    samples,      // 2 / (n (n - 1)) sum_{i<j} q_i . q_j
    clusters,     // 2 / (K (K - 1)) sum_{a<b} (Q'Q)_ab / n
    clusters_raw  // sum_{a<b} (Q'Q)_ab
  };
  struct Attr {
    double rel_width = 0.15;
    Norm norm = pairs;
    Second second = samples;
    double fixed_width = 0;  // s itself instead of the rule, where above zero
    Tensor parts, width;     // receive l1, l2, l3 [3, 1] and s [1, 1]
  };
  struct Saved {
    Tensor dq, dh;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
inline Var ddc(const Var& q, const Var& h, const Ddc::Attr& at = {}) { return apply<Ddc>(at, {q, h}); }

}  // namespace parallax

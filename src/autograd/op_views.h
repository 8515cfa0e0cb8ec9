// Attention over the views of one sample: scores against a query and the weighted mixture (SparseMVC 3.3, 11.4).
#pragma once
#include "tape.h"

namespace parallax {

// inputs q, k_0 .. k_{V-1}, all [n, F]; result [n, V]: scale * <q_b, k_vb>
struct ViewScores {
  static constexpr std::string_view name = "view_scores";
  struct Attr {
    double scale = 1;
  };
  struct Saved {
    Small<Tensor, kMaxProblems + 1> x;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var view_scores(const Var& q, std::span<const Var> k, double scale);

// inputs w [n, V], z_0 .. z_{V-1} [n, F]; result [n, F]: sum_v w_bv z_vb
struct ViewMix {
  static constexpr std::string_view name = "view_mix";
  struct Attr {};
  struct Saved {
    Small<Tensor, kMaxProblems + 1> x;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var view_mix(const Var& w, std::span<const Var> z);

}  // namespace parallax

// What a classifier head needs: GELU and the softmax cross-entropy (GMAE 3.2, 4.5, 11.7).
#pragma once
#include "tape.h"

namespace parallax {

// y = x Phi(x), Phi by the exact error function
struct Gelu {
  static constexpr std::string_view name = "gelu";
  struct Attr {};
  struct Saved {
    Tensor x;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var gelu(const Var& x);

// (1/n) sum_i [ ln sum_k exp x_ik - x_i,label(i) ], [1, 1]
struct CrossEntropy {
  static constexpr std::string_view name = "cross_entropy";
  struct Attr {
    Tensor labels;  // [n, 1] i64 in [0, k)
  };
  struct Saved {
    Tensor dx;  // (softmax - one-hot) / n
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var cross_entropy(const Var& logits, const Tensor& labels);

}  // namespace parallax

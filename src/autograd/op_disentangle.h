// The parts of GMAE's objective that shape its codes: reconstruction through a sigmoid, decorrelation of common and
// specific codes, discriminators that tell the views' codes apart. Forward leaves the gradient where its values were.
#pragma once
#include "op_linear.h"

namespace parallax {

// l_v = mean over entries of (sigmoid(drop(h_v w_v^T + b_v)) - t_v)^2, [V, 1]; h stacked [V n, in] (GMAE 4.1, 11.1)
struct LinearSigmoidMse {
  static constexpr std::string_view name = "linear_sigmoid_mse";
  struct Attr {
    Small<Tensor> targets, outputs;  // outputs, where defined, receive the reconstruction
    double dropout = 0;              // on the logits
    Small<AnyDraw> draws;
  };
  using Saved = LinearMse::Saved;  // residual: gradient of the loss with respect to the logits
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var linear_sigmoid_mse(const Var& h, std::span<const Var> w, std::span<const Var> b, std::span<const Tensor> targets,
                       double dropout = 0, const Small<AnyDraw>& draws = {}, std::span<const Tensor> outputs = {});

// With S' = S minus its column means: l_v = sum_ab | (S'^T P_v)_ab |, [V, 1]. The common code S gets no gradient
// (GMAE 4.2); P_v need not be centred, because the columns of S' sum to zero.
struct Decorrelation {
  static constexpr std::string_view name = "decorrelation";
  struct Attr {
    Tensor common;  // S [n, d]
  };
  struct Saved {
    Tensor centred, sign;  // [n, d], [V d, width of P]
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var decorrelation(const Tensor& common, const Var& specific);  // specific: P stacked [V n, d']

// V discriminators D_i (linear, leaky ReLU, linear), each shown the codes of every view (GMAE 4.3, 11.4); result [V,
// 1]:
//   l_i = weight * sum_{j != i} [ mean_b softplus(-y_ii,b) + mean_b softplus(y_ij,b) ]
// y = D_i's last linear result, or (squash, the published form) its sigmoid, which is then a logit in (0, 1).
struct Discriminators {
  static constexpr std::string_view name = "discriminators";
  struct Attr {
    int views = 2;
    double slope = 0.01, weight = 1;
    bool squash = true;
    Small<Tensor> outputs;  // [n, V] each, where defined: y
    bool reversal = false;  // the codes get the negative gradient: they work against the discriminators
  };
  struct Saved {
    Tensor p;             // [V n, d]
    Small<Tensor> w;      // first weights
    Tensor dh;            // [V V n, hidden]: gradient in front of the first activation
    Tensor dw, db1, db2;  // [V, hidden], [V, hidden], [V, 1]
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
// specific: P stacked [V n, d]; w1 [hidden, d], b1 [1, hidden], w2 [1, hidden], b2 [1, 1], one each per view.
Var discriminators(const Var& specific, std::span<const Var> w1, std::span<const Var> b1, std::span<const Var> w2,
                   std::span<const Var> b2, bool squash, double slope = 0.01, double weight = 1,
                   std::span<const Tensor> outputs = {}, bool reversal = false);

}  // namespace parallax

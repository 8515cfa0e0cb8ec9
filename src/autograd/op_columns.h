// What works down the columns of stacked problems: batch normalisation, softmax over the batch, transposition.
#pragma once
#include "../tensor/gemm.h"
#include "tape.h"

namespace parallax {

// y_g = act(gamma_g (x_g - mean_g) / sqrt(var_g + eps) + beta_g) for G problems stacked as rows.
// Training: mean and biased variance of the batch; the running ones move by `momentum`, with the unbiased variance.
// Evaluation: the running ones, as constants. gamma and beta may be shared by the problems, the statistics never are.
// `bias`: x stands for x + bias, the bias of the layer in front; rectified: for max(0, x + bias). The batch's mean
// takes a bias away again, so in training it moves the running mean alone and its gradient is exactly zero (as it is
// for a unit that no row cuts off): as a sum of gradients it would be rounding noise, which Adam turns into full steps.
struct BatchNorm {
  static constexpr std::string_view name = "batch_norm";
  struct Attr {
    int problems = 1;
    bool shared = false;  // one gamma and beta
    bool bias = false, rectified = false;
    bool training = true;
    Small<Tensor> running_mean, running_var;  // [1, d] each, updated in place; in training they may be absent
    double eps = 1e-5, momentum = 0.1;
    Act act = Act::none;
    double slope = 0.01;
  };
  struct Saved {
    Small<Tensor> gamma, bias;
    Tensor x, y, mean, inv;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
// at.problems, at.shared and at.bias follow from the lists
Var batch_norm(const Var& x, std::span<const Var> gamma, std::span<const Var> beta, int problems,
               BatchNorm::Attr at = {}, std::span<const Var> bias = {});

// every column of every problem sums to one: softmax over the batch (DistilMVC 4.2 c)
struct SoftmaxColumns {
  static constexpr std::string_view name = "softmax_columns";
  struct Attr {
    int problems = 1;
  };
  struct Saved {
    Tensor y;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var softmax_columns(const Var& x, int problems = 1);

// [G * n, d] -> [G * d, n]: every problem transposed
struct Transpose {
  static constexpr std::string_view name = "transpose";
  struct Attr {
    int problems = 1;
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var transpose(const Var& x, int problems = 1);

}  // namespace parallax

// Dropout, row softmax, row normalisation, sums of terms.
#pragma once
#include "op_linear.h"

namespace parallax {

// y = mask * x / (1 - p); the mask is drawn again in backward, never stored.
struct Dropout {
  static constexpr std::string_view name = "dropout";
  struct Attr {
    double p = 0;
    Small<AnyDraw> draws;  // one per stacked problem
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var dropout(const Var& x, double p, const Small<AnyDraw>& draws);  // p = 0: x itself

// y_i = softmax of row i, with p > 0 of the row behind a dropout
struct Softmax {
  static constexpr std::string_view name = "softmax";
  using Attr = Dropout::Attr;
  struct Saved {
    Tensor y;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var softmax(const Var& x);
Var softmax(const Var& x, double p, const Small<AnyDraw>& draws);  // softmax(dropout(x, p, draws))

// y_i = x_i / max(|x_i|, eps); on the floor dx = dy / eps. SparseMVC 11.5. Of several stacked problems [G n, d] row i
// of each, side by side, is one row: y [n, G d].
struct Normalize {
  static constexpr std::string_view name = "normalize";
  struct Attr {
    double eps = 1e-12;
    int problems = 1;
  };
  struct Saved {
    Tensor y, norm;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var normalize(const Var& x, double eps = 1e-12, int problems = 1);

// Terms whose weighted sum is a value of its own and enters the total with a factor.
struct LossGroup {
  std::span<const Var> terms;
  std::span<const double> weights;
  double factor = 1;
};
// sum_t weight_t * (sum of all entries of term t), [1, 1]: the total of a loss. With groups: the sum over groups of
// factor_g * (that sum over the terms of g), and group_sums [groups, 1] receives the inner sums.
struct WeightedTotal {
  static constexpr std::string_view name = "weighted_total";
  struct Attr {
    Small<double, 4 * kMaxProblems> weights;
    Small<int> ends = {};  // behind the last term of each group; empty: no groups
    Small<double> factors = {};
    Tensor group_sums = {};
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var weighted_total(std::span<const Var> terms, std::span<const double> weights);
Var grouped_total(std::initializer_list<LossGroup> groups, const Tensor& group_sums);
Var total(std::span<const Var> terms);
Var total(std::initializer_list<Var> terms);

// y = a x0 + b x1
struct AddScaled {
  static constexpr std::string_view name = "add_scaled";
  struct Attr {
    double a = 1, b = 1;
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var add_scaled(double a, const Var& x, double b, const Var& y);

}  // namespace parallax

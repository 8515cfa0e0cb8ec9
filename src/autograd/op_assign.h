// Losses on codes and soft assignments of stacked views: Gaussian information bound, balanced self-labelling, balance
// of cluster sizes, smoothed pseudo-labels.
#pragma once
#include "pairs.h"
#include "tape.h"

namespace parallax {

// x [G * n, 2c]: mu and rho side by side, sigma = softplus(rho) + 1e-7. Result [G, 1] (DDMC 5.2, 12.5):
//   mean over rows, mean (or sum) over coordinates of (mu^2 + sigma^2 - 1) / 2 - ln sigma
struct GaussianKl {
  static constexpr std::string_view name = "gaussian_kl";
  struct Attr {
    int problems = 1;
    bool sum_coordinates = false;
  };
  struct Saved {
    Tensor dx;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var gaussian_kl(const Var& x, int problems, bool sum_coordinates = false);

// Cross entropy of soft assignments [G * n, K] with what clusters of equal size would be, [G, 1] (DDMC 5.3, 12.4).
struct UniformNll {
  static constexpr std::string_view name = "uniform_nll";
  enum Target {
    sinkhorn,   // hard labels of an entropic transport plan with uniform marginals, recomputed here, not differentiated
    marginal,   // -(1/K) sum_a ln of the batch mean
    per_sample  // -(1/K) sum_a ln of every row
  };
  struct Attr {
    int problems = 1;
    Target target = sinkhorn;
    double power = 10, tolerance = 1e-2;
    int64_t iterations = 150;
    bool double_softmax = false;  // sinkhorn: the released code's cross entropy, with a softmax of its own
    Tensor targets;               // receives the labels, [G * n, 1] i64
  };
  struct Saved {
    Tensor da;  // per row; marginal: [G, K], the same for every row
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
inline Var uniform_nll(const Var& a, const UniformNll::Attr& at) { return apply<UniformNll>(at, {a}); }

// y [V * n, C] rows on the simplex, p^v the cluster masses of view v. Result [pairs, 1]: ne_v + ne_w (DistilMVC 4.2 b),
//   ne_v = ln C + sum_k p_k ln max(p_k, 1e-12)
struct Balance {
  static constexpr std::string_view name = "balance";
  struct Attr {
    Pairs pairs;
  };
  struct Saved {
    Tensor slope;  // [V, C]
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var balance(const Var& y, const Pairs& pairs);

// Logits x [G * n, C], hard targets t: g = (1 - eps) [k = t] + eps / C, result [G, 1] (DistilMVC 4.4, 11.6):
//   scale * sum over rows and clusters of g (ln g - ln softmax(x)) / n;   scale = 1/C is the mean over all entries
struct SmoothedKl {
  static constexpr std::string_view name = "smoothed_kl";
  struct Attr {
    int problems = 1;
    Tensor targets;  // [G * n, 1] i64
    double eps = 0, scale = 1;
  };
  struct Saved {
    Tensor dx;
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var smoothed_kl(const Var& logits, const Tensor& targets, int problems, double eps, double scale);

// index of the largest entry of every row, [n, 1] i64; not differentiated
Tensor argmax_rows(Context& ctx, const Tensor& x);

}  // namespace parallax

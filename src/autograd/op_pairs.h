// Losses between pairs of stacked views: contrast of matching rows, information shared by their columns. Every product
// with more than one pair in it is made once; similarities become their own gradient tile by tile and are multiplied on
// at once, so that backward only scales.
#pragma once
#include "pairs.h"
#include "tape.h"

namespace parallax {

// NT-Xent on unit rows u of V stacked views [V * n, h] (DDMC 5.2, DistilMVC 4.2 a and b). For anchors of view a against
// b:
//   l(a,b) = 1/n sum_i [ -s(a_i, b_i) + ln( sum_j exp s(a_i, b_j) + [own] sum_{j != i} exp s(a_i, a_j) ) ],  s = <.,.>
//   / tau
// Result [1, 1]: sum over pairs of (l(a,b) + l(b,a)) / 2.
struct PairContrast {
  static constexpr std::string_view name = "pair_contrast";
  struct Attr {
    Pairs pairs;
    double tau = 1;
    bool own = true;
    Tensor parts;  // receives the terms: [pairs, 1] half-sums, or [2 * pairs, 1] both directions of each pair
  };
  struct Saved {
    Tensor du;           // on a device, which computes the similarities again in backward, instead of it
    Tensor u, log_sums;  // the input and the logarithms of the row sums
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var pair_contrast(const Var& u, const Pairs& pairs, double tau, bool own = true, const Tensor& parts = {});

// Information of the joint table of two views' columns, [pairs, 1] (DDMC 5.2, 5.3; DistilMVC 4.2 c). For x [V * n, c]:
//   P0 = x_a^T x_b,  P = (P0 + P0^T) / 2 / sum(P0),  pi = row sums of P
//   J  = sum_ab P_ab ( ln P_ab - k ln pi_a - k ln pi_b ),     P and pi floored at 2.22e-16
// k = 1: mutual information; k = lambda + 1: minus the loss of DistilMVC. Entries below the floor pass no gradient of
// their own, but act through pi. `simplex`: rows sum to one, so the table is divided by n and not by its sum.
struct JointInformation {
  static constexpr std::string_view name = "joint_information";
  struct Attr {
    Pairs pairs;
    double coefficient = 1;
    bool simplex = false;
  };
  struct Saved {
    Tensor x, g;  // g [pairs * c, c]: dJ / dP0
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var joint_information(const Var& x, const Pairs& pairs, double coefficient = 1, bool simplex = false);

}  // namespace parallax

// GDCN's contrast of every view with the fused vector, in which negatives that are neighbours in the inputs count less
// (its page 3.5, 4.2, 11.2).
#pragma once
#include "tape.h"

namespace parallax {

// How often row b is among the k nearest of row a (itself included), over the views: counts [n, n] u8. Rows are divided
// by their length first; the order is that of (squared distance, index). No gradient. k is at most n.
Tensor neighbour_counts(Context& ctx, std::span<const Tensor> views, int64_t k);

// Inputs h stacked [V n, d] (rows of unit length) and q [n, d]; result [V, 1]. Per view, with r = [h_v; q], 2n rows,
// s_ab = <r_a, r_b> / tau, partner(a) = (a + n) mod 2n and W_ab = 1 - counts[a mod n, b mod n] / of:
//   l_v = (1/2n) sum_a [ -s_a,partner + ln( exp s_a,partner + sum_{b != a, partner} exp(W_ab s_ab) ) ]
struct StructureContrast {
  static constexpr std::string_view name = "structure_contrast";
  struct Attr {
    Tensor counts;  // [n, n] u8
    int of = 1;     // views behind the counts
    double tau = 0.5;
  };
  struct Saved {
    Tensor dr;  // [V 2n, d]: gradients of l_v with respect to [h_v; q]; on a device, which computes the similarities
    Tensor h, q, log_sums;  // again in backward, the inputs and the logarithms of the row sums instead
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var structure_contrast(const Var& h, const Var& q, const Tensor& counts, int of, double tau);

}  // namespace parallax

// GDCN's fusion: a denoiser p(z, c) applied along a chain of constant coefficients, from several draws of noise that
// are averaged (its page 3.4, 10.1, 11.4, 11.5). One op, because the parts share so much: the product with the
// condition c is made once for all repeats and evaluations, the repeats are stacked as rows, and the noise is never a
// stored input.
#pragma once
#include "op_linear.h"

namespace parallax {

struct ChainStep {
  double a = 0, g = 1;  // z <- a z + g p(z, c)
};

//   z_r = noise * eps_r;  z_r <- a_k z_r + g_k p(z_r, c) for every step k;  result (1/R) sum_r z_r, [n, h]
//   p(z, c) = W2 relu( LayerNorm(W0 [z | c] + b0; gamma, beta) ) + b2
// Inputs c [n, C], W0 [hidden, h + C] (columns of z first), b0, gamma, beta [1, hidden], W2 [h, hidden], b2 [1, h].
// Noise gets no gradient. Keep g_k = 0 out of the steps: they cost an evaluation (fold_chain in mvc/diffusion.h does).
struct DiffusionChain {
  static constexpr std::string_view name = "diffusion_chain";
  struct Attr {
    std::span<const ChainStep> steps;  // must outlive the training step
    int repeats = 1;
    double noise = 0.1;
    AnyDraw draw;  // a table holds the repeats one above another, [R n, h]
    double eps = 1e-5;
  };
  struct Saved {
    Tensor c, w0, gamma, beta, w2;
    Tensor z, xh, inverse;  // of all evaluations one above another: [K R n, h], [K R n, hidden], [K R n, 1]
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
struct DenoiserVars {
  Var w0, b0, gamma, beta, w2, b2;
};
Var diffusion_chain(const Var& c, const DenoiserVars& p, const DiffusionChain::Attr& attr);

}  // namespace parallax

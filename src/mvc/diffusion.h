// Schedules and chains of GDCN (its page 3.4): from times and a noise table to the coefficients of the chain.
#pragma once
#include <cstdint>
#include <vector>

#include "../autograd/op_diffusion.h"

namespace parallax {

// The published table: abar[i] = 1 - sqrt((i + 1) / T + offset), in single precision. Its index is one ahead of the
// paper's t, which makes the last entry slightly negative; the published chain lives on that.
std::vector<double> published_alphas(int64_t T, double offset);
// T - 1 = s_0 > .. > s_{K-1} = 0: trunc((T - 1) (K - 1 - k) / (K - 1)); K = 1: T - 1 alone
std::vector<int64_t> sampling_times(int64_t K, int64_t T);

// The chain as published, one step per time t = s_k with s the time before it in the list (0 for the first):
//   beta = clamp(abar_s / abar_t, beta_min, 1), sig2 = clamp((1 - abar_s) / (1 - abar_t), 0, sigma2_max)
//   z <- sqrt(beta) z + sqrt(max(1 - beta - sig2, 0)) p(z, c);   t = 0 leaves z alone
std::vector<ChainStep> published_chain(const std::vector<double>& alphas, const std::vector<int64_t>& times,
                                       double beta_min, double sigma2_max);
// Deterministic DDIM with x0-prediction, abar(t) = 1 - sqrt(t/T + offset), in double:
//   sigma = sqrt((1 - abar(s)) / (1 - abar(t))), z <- sigma z + (sqrt abar(s) - sigma sqrt abar(t)) p(z, c), s the next
//   time; last z <- p(z, c)
std::vector<ChainStep> ddim_chain(int64_t T, double offset, const std::vector<int64_t>& times);

// The same map without the steps whose g is 0: their factors go to the step before, or to the start. Where that is all
// of them, one without weight stays, so that the denoiser gets the gradient that it gets in the program: zero, not
// none.
struct FoldedChain {
  std::vector<ChainStep> steps;
  double start = 1;                                                    // factor of the initial z
  bool weighted() const { return !steps.empty() && steps[0].g != 0; }  // whether the denoiser has any say
};
FoldedChain fold_chain(const std::vector<ChainStep>& chain);

}  // namespace parallax

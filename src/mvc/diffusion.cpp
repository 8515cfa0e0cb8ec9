#include "diffusion.h"

#include <algorithm>
#include <cmath>

namespace parallax {

std::vector<double> published_alphas(int64_t T, double offset) {
  std::vector<double> a(static_cast<size_t>(T));
  for (int64_t i = 0; i < T; ++i) {
    const float share = static_cast<float>(i + 1) / static_cast<float>(T);
    a[static_cast<size_t>(i)] = static_cast<double>(1.0f - std::sqrt(share + static_cast<float>(offset)));
  }
  return a;
}

std::vector<int64_t> sampling_times(int64_t K, int64_t T) {
  std::vector<int64_t> t;
  for (int64_t k = 0; k < K; ++k) t.push_back(K == 1 ? T - 1 : (T - 1) * (K - 1 - k) / (K - 1));
  return t;
}

std::vector<ChainStep> published_chain(const std::vector<double>& alphas, const std::vector<int64_t>& times,
                                       double beta_min, double sigma2_max) {
  std::vector<ChainStep> chain;
  for (size_t k = 0; k < times.size(); ++k) {
    const int64_t t = times[k], s = k ? times[k - 1] : 0;
    PLX_CHECK(data, t >= 0 && t < static_cast<int64_t>(alphas.size()), "sampling time ", t, " of a chain of ",
              alphas.size());
    if (t == 0) continue;
    const double at = alphas[static_cast<size_t>(t)], as = alphas[static_cast<size_t>(s)];
    const double beta = std::clamp(as / at, beta_min, 1.0), sig2 = std::clamp((1 - as) / (1 - at), 0.0, sigma2_max);
    chain.push_back({std::sqrt(beta), std::sqrt(std::max(1 - beta - sig2, 0.0))});
  }
  return chain;
}

std::vector<ChainStep> ddim_chain(int64_t T, double offset, const std::vector<int64_t>& times) {
  const auto abar = [&](int64_t t) { return 1 - std::sqrt(static_cast<double>(t) / static_cast<double>(T) + offset); };
  std::vector<ChainStep> chain;
  for (size_t k = 0; k + 1 < times.size(); ++k) {
    const double at = abar(times[k]), as = abar(times[k + 1]);
    PLX_CHECK(config, at >= 0 && as >= 0, "ddim needs a schedule that stays positive; schedule_offset = ", offset,
              " is too large");
    const double sigma = std::sqrt((1 - as) / (1 - at));
    chain.push_back({sigma, std::sqrt(as) - sigma * std::sqrt(at)});
  }
  chain.push_back({0, 1});
  return chain;
}

FoldedChain fold_chain(const std::vector<ChainStep>& chain) {
  FoldedChain f;
  for (const ChainStep& s : chain) {
    if (s.g != 0) {
      f.steps.push_back(s);
    } else if (f.steps.empty()) {
      f.start *= s.a;
    } else {
      f.steps.back().a *= s.a;
      f.steps.back().g *= s.a;
    }
  }
  if (f.steps.empty() && !chain.empty()) f.steps.push_back({1, 0});
  return f;
}

}  // namespace parallax

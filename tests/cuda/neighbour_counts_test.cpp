// Counts of neighbours on the device: those of the CPU exactly, with ties, copies and rows of zeros.
#include <parallax/autograd/op_structure.h>

#include <cmath>

#include "device.h"

namespace parallax::testing {
namespace {

TEST(CudaNeighbourCounts, EqualCpu) {
  PLX_NEEDS_DEVICE();
  Context cpu{Context::Options{.seed = 1}}, cuda{on_cuda()};
  const auto draw = [](size_t i) {  // in [0, 1)
    const double x = std::sin(static_cast<double>(i) * 12.9898) * 43758.5453;
    return x - std::floor(x);
  };
  for (const int64_t n : {1, 31, 32, 33, 150}) {
    const auto rows = static_cast<size_t>(n);
    std::vector<double> words(rows * 40), plain(rows * 3), tiny(rows * 70);
    for (size_t i = 0; i < words.size(); ++i) words[i] = draw(i) < 0.05 ? std::floor(5 * draw(i + 7)) : 0;
    for (size_t i = 0; i < plain.size(); ++i) plain[i] = draw(2 * i + 1) - 0.5;
    for (size_t i = 0; i < tiny.size(); ++i) tiny[i] = 1e-25 * draw(3 * i + 1);
    for (const size_t copy : {7, 20, 21})
      for (size_t c = 0; c < 3 && copy < rows; ++c) plain[copy * 3 + c] = plain[c];
    for (const int64_t k : {1, 2, 10, 16, 17, 40}) {
      if (k > n) continue;
      const auto views = [&](Context& ctx) {
        std::vector<Tensor> v;
        for (const auto& x : {words, plain, tiny}) {
          const int64_t d = static_cast<int64_t>(x.size()) / n;
          v.push_back(Tensor::persistent(ctx, DType::f32, {n, d + 3}).col_range(2, d));
          v.back().assign(x);
        }
        return v;
      };
      const auto here = views(cpu), there = views(cuda);
      const auto want = neighbour_counts(cpu, here, k).to_vector<uint8_t>();
      EXPECT_EQ(neighbour_counts(cuda, there, k).to_vector<uint8_t>(), want) << n << " rows, k = " << k;
    }
  }
}

}  // namespace
}  // namespace parallax::testing

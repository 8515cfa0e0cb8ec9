// Draws: known answers of Philox, addresses, exact normals; the elementary functions of the kernels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include <parallax/tensor/isa.h>
#include <parallax/tensor/random.h>

namespace parallax {
namespace {

TEST(Philox, KnownAnswers) {
  const auto words = [](U4 c, uint32_t k0, uint32_t k1) {
    const U4 r = philox(c, k0, k1);
    return std::vector<uint32_t>(r.v, r.v + 4);
  };
  EXPECT_EQ(words({{0, 0, 0, 0}}, 0, 0), (std::vector<uint32_t>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u),
            (std::vector<uint32_t>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
            (std::vector<uint32_t>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Draws, ArePureFunctionsOfTheirAddress) {
  uint32_t step = 3;
  const std::vector<int64_t> ids{7, 2};
  Draw<float> d{.seed = 9, .tag = 4, .step = &step, .ids = ids.data()};
  Draw<float> plain{.seed = 9, .tag = 4, .step = &step};
  EXPECT_EQ(d.uniform(0, 5), plain.uniform(7, 5)) << "the sample's id, not its place in the batch";
  EXPECT_EQ(d.normal(1, 70), plain.normal(2, 70));
  std::set<float> different;
  for (const uint32_t s : {1u, 2u}) {
    step = s;
    for (const int64_t col : {0, 1, 16, 63, 64, 1000}) different.insert(plain.uniform(0, col));
  }
  EXPECT_EQ(different.size(), 12u);
  plain.common = true;
  EXPECT_EQ(plain.uniform(0, 3), plain.uniform(99, 3));
}

TEST(Draws, NormalsAreStandardAndAccurate) {
  const Draw<float> d{.seed = 1, .tag = 2};
  double sum = 0, square = 0, fourth = 0, worst = 0;
  const int64_t n = 200000;
  for (int64_t i = 0; i < n; ++i) {
    const double x = d.normal(i / 100, i % 100);
    sum += x;
    square += x * x;
    fourth += x * x * x * x;
    const U4 b = d.block(i / 100, i % 100);
    const int word = Draw<float>::word_of(i % 100), pair = word & 2;
    const double u = ((b.v[pair] >> 8) + 1.0) * 0x1p-24, v = (b.v[pair + 1] >> 8) * 0x1p-24, two_pi = 6.283185307179586;
    worst = std::max(
        worst, std::fabs(x - std::sqrt(-2 * std::log(u)) * ((word & 1) ? std::sin(two_pi * v) : std::cos(two_pi * v))));
  }
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(square / n, 1, 0.02);
  EXPECT_NEAR(fourth / n, 3, 0.15);
  EXPECT_LT(worst, 2e-6) << "against the library's functions";
}

TEST(Draws, FilledMatricesHaveTheSameBitsOnEveryInstructionSet) {
  Context ctx;
  const auto filled = [&](bool normal) {
    Tensor t = Tensor::empty(ctx, DType::f32, {33, 130});
    run(ctx, FillDraw<float>{t.mat<float>(), Draw<float>{.seed = 5, .tag = 6}, normal, 1.5f});
    return t.to_vector<float>();
  };
  for (const bool normal : {false, true}) {
    const auto best = filled(normal);
    for (const Isa lower : {Isa::v3, Isa::v2}) {
      lower_isa(lower);
      EXPECT_EQ(filled(normal), best);
      lower_isa(Isa::v4);
    }
  }
}

TEST(Shuffle, IsAPermutationThatChangesByEpochAndSeed) {
  const auto a = shuffled(1000, 1, 2, 1);
  auto sorted = a;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 1000; ++i) ASSERT_EQ(sorted[static_cast<size_t>(i)], i);
  EXPECT_EQ(shuffled(1000, 1, 2, 1), a);
  EXPECT_NE(shuffled(1000, 1, 2, 2), a);
  EXPECT_NE(shuffled(1000, 2, 2, 1), a);
}

TEST(Functions, AreAccurateInSinglePrecision) {
  double e = 0, l = 0, t = 0, r = 0;
  for (double x = -87; x < 88; x += 0.0137)
    e = std::max(e,
                 std::fabs(fn::exp(static_cast<float>(x)) / std::exp(static_cast<double>(static_cast<float>(x))) - 1));
  for (double x = 1e-30; x < 1e30; x *= 1.037) {
    const double want = std::log(static_cast<double>(static_cast<float>(x)));
    l = std::max(l, std::fabs(fn::log(static_cast<float>(x)) - want) / std::max(0.1, std::fabs(want)));
  }
  for (double x = -10; x < 10; x += 0.0031) {
    t = std::max(t, std::fabs(fn::tanh(static_cast<float>(x)) - std::tanh(static_cast<double>(static_cast<float>(x)))));
    r = std::max(r, std::fabs(fn::erf(static_cast<float>(x)) - std::erf(static_cast<double>(static_cast<float>(x)))));
  }
  EXPECT_LT(e, 3e-7);
  EXPECT_LT(l, 3e-7);
  EXPECT_LT(t, 3e-7);
  EXPECT_LT(r, 5e-7);
  EXPECT_EQ(fn::exp(-1000.0f), 0.0f);
  EXPECT_EQ(fn::exp(1000.0f), HUGE_VALF);
  EXPECT_EQ(fn::log(0.0f), -HUGE_VALF);
  EXPECT_TRUE(std::isnan(fn::log(-1.0f)));
  EXPECT_TRUE(std::isnan(fn::exp(NAN)));
}

}  // namespace
}  // namespace parallax

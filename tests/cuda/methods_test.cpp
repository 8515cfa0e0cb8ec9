// Training on the device: the CPU's losses, the same bits eager and replayed, and nothing allocated, copied or waited
// for in a step after its warm-up.
#include <cmath>

#include <parallax/mvc/fit.h>
#include <parallax/mvc/trainer.h>

#include "../mvc/method_tests.h"
#include "device.h"

namespace parallax::testing {
namespace {

struct SmallRun {
  const char* name;
  std::vector<Setting> set;
};
const std::vector<SmallRun> methods{
    {"sparsemvc",
     {{"encoder_hidden", "[24,20,32]"},
      {"decoder_hidden", "[32,20,24]"},
      {"feature_dim", "8"},
      {"fusion_hidden", "12"},
      {"high_feature_dim", "6"},
      {"batch_size", "40"}}},
    {"gmae", {{"feature_dim", "12"}, {"hidden", "[24,16]"}, {"disc_hidden", "10"}}},
    {"gdcn",
     {{"low_feature_dim", "16"},
      {"high_feature_dim", "8"},
      {"encoder_hidden", "[24,20,32]"},
      {"decoder_hidden", "[32,20,24]"},
      {"denoiser_hidden", "16"},
      {"batch_size", "40"}}},
    {"ddmc", {{"trunk", "[24,20,16]"}, {"head_hidden", "12"}, {"batch_size", "40"}}},
    {"distilmvc",
     {{"encoder_arch", "[24,20,32,16]"},
      {"decoder_arch", "[16,32,20,24]"},
      {"predictor_hidden_dim", "12"},
      {"batch_size", "40"}}},
};

// Views of three blobs, some entries zero.
std::vector<Tensor> plain_blobs(Context& ctx, int64_t n) {
  std::vector<Tensor> views;
  for (const int64_t d : {21, 13, 17}) {
    std::vector<double> v(static_cast<size_t>(n * d));
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < d; ++j) {
        const double noise = recipe(static_cast<uint64_t>(d), static_cast<uint64_t>(i * d + j));
        v[static_cast<size_t>(i * d + j)] = (i + j) % 5 == 0 ? 0 : 0.25 * noise + (i % 3 == j % 3 ? 0.7 : 0.1);
      }
    views.push_back(Tensor::persistent(ctx, DType::f32, {n, d}));
    views.back().assign(v);
  }
  return views;
}

// The losses of `steps` steps of every phase, and the weights at the end.
struct Trace {
  std::vector<std::vector<double>> losses;  // per phase
  std::vector<double> weights;
};
Trace train(const SmallRun& small, const Context::Options& where, int64_t steps) {
  Context ctx(where);
  const auto method = method_with(small.name, false, small.set);
  Trainer t(ctx, *method, plain_blobs(ctx, 96), 3);
  t.build();
  Trace trace;
  for (Phase& p : method->plan()) {
    t.prepare(p);
    for (int64_t i = 0; i < steps; ++i) t.step(p);
    trace.losses.push_back(t.recent_losses(steps));
  }
  for (int i = 0; i < t.store().count(); ++i)
    for (const double x : t.store().value(Param{i}).to_vector<double>()) trace.weights.push_back(x);
  return trace;
}

class CudaMethods : public ::testing::TestWithParam<size_t> {
 protected:
  const SmallRun& small() const { return methods[GetParam()]; }
};

TEST_P(CudaMethods, FirstLossesEqualTheCpus) {
  PLX_NEEDS_DEVICE();
  const Trace cpu = train(small(), {.seed = 3}, 10), cuda = train(small(), on_cuda(3), 10);
  ASSERT_EQ(cpu.losses.size(), cuda.losses.size());
  for (size_t p = 0; p < cpu.losses.size(); ++p) {
    ASSERT_EQ(cpu.losses[p].size(), 10u);
    for (size_t i = 0; i < 10; ++i)
      EXPECT_NEAR(cuda.losses[p][i], cpu.losses[p][i], 1e-4 * std::fabs(cpu.losses[p][i]))
          << "phase " << p << ", step " << i;
  }
}

TEST_P(CudaMethods, ReplayedStepsHaveTheBitsOfEagerOnes) {
  PLX_NEEDS_DEVICE();
  Context::Options eager = on_cuda(3);
  eager.capture = false;
  const Trace a = train(small(), eager, 7), b = train(small(), on_cuda(3), 7);  // two eager, five replayed
  EXPECT_EQ(a.losses, b.losses);
  EXPECT_EQ(a.weights, b.weights);
  const Trace again = train(small(), on_cuda(3), 7);
  EXPECT_EQ(b.weights, again.weights) << "a second run";
}

TEST_P(CudaMethods, StepsNeitherAllocateNorWait) {
  PLX_NEEDS_DEVICE();
  Context ctx(on_cuda(3));
  const auto method = method_with(small().name, false, small().set);
  Trainer t(ctx, *method, plain_blobs(ctx, 96), 3);
  t.build();
  for (Phase& p : method->plan()) {
    t.prepare(p);
    const int64_t batches = p.batch ? std::max<int64_t>(1, 96 / p.batch) : 1;
    for (int64_t i = 0; i < 4 * batches; ++i) t.step(p);
    const DeviceCounters before = ctx.backend()->counters;
    const uint64_t allocations = ctx.counters().allocations;
    for (int i = 0; i < 3; ++i) t.step(p);
    const DeviceCounters& after = ctx.backend()->counters;
    EXPECT_EQ(after.replays - before.replays, 3u) << p.name;
    EXPECT_GE(after.branches, 3u) << p.name << ": three views of unequal widths run side by side";
    EXPECT_EQ(after.launches, before.launches) << p.name << ": all of a step is in its recording";
    EXPECT_EQ(after.library, before.library) << p.name;
    EXPECT_EQ(after.synchronisations, before.synchronisations) << p.name;
    EXPECT_EQ(after.allocations, before.allocations) << p.name;
    EXPECT_EQ(ctx.counters().allocations, allocations) << p.name;
    EXPECT_LE(after.copies - before.copies, 3u) << p.name << ": at most a new order where an epoch begins";
  }
}

INSTANTIATE_TEST_SUITE_P(All, CudaMethods, ::testing::Range<size_t>(0, methods.size()),
                         [](const auto& one) { return methods[one.param].name; });

TEST(CudaMethods, EveryMethodIsHere) {
  std::vector<std::string> names;
  for (const SmallRun& s : methods) names.push_back(s.name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, method_names());
}

}  // namespace
}  // namespace parallax::testing

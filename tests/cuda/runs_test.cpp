// Whole runs on the device: several side by side on one card, prediction, and what is refused.
#include <chrono>
#include <cstdlib>
#include <thread>

#include <parallax/mvc/model.h>

#include "../mvc/runs.h"
#include "device.h"

namespace parallax::testing {
namespace {

FitOptions short_run(const std::string& method) {
  FitOptions o;
  o.method = method;
  o.clusters = 3;
  o.restarts = 3;
  o.set = short_schedules().at(method);
  return o;
}

class CudaRuns : public ::testing::TestWithParam<std::string> {};

TEST_P(CudaRuns, SideBySideOnOneCardTheyHaveTheSameBits) {
  PLX_NEEDS_DEVICE();
  const MultiView data = blobs(96);
  const auto run = [&](uint64_t seed) {
    Context ctx(on_cuda(seed));
    return fit(short_run(GetParam()), data, ctx);
  };
  std::vector<FitResult> alone, together(3);
  for (uint64_t seed = 0; seed < 3; ++seed) alone.push_back(run(seed));
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 3; ++seed) threads.emplace_back([&, seed] { together[seed] = run(seed); });
  for (std::thread& t : threads) t.join();
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(alone[i].labels, together[i].labels) << "seed " << i;
    EXPECT_EQ(alone[i].embedding, together[i].embedding) << "seed " << i;
  }
  EXPECT_NE(alone[0].embedding, alone[1].embedding) << "seeds matter";
}

TEST_P(CudaRuns, PredictionRepeatsTheRun) {
  PLX_NEEDS_DEVICE();
  const MultiView data = blobs(96);
  Context ctx(on_cuda(1));
  const std::string path = temporary(GetParam() + ".h5");
  const FitResult r = fit(short_run(GetParam()), data, ctx, path);
  const Prediction p = Predictor(ctx, path).predict(data);
  EXPECT_EQ(p.labels, r.labels);
  EXPECT_EQ(p.embedding, r.embedding);
}

INSTANTIATE_TEST_SUITE_P(All, CudaRuns, ::testing::ValuesIn(method_names()), [](const auto& one) { return one.param; });

// Also without a device: the module's libraries are loaded and listed.
TEST(CudaDevice, InfoListsLibrariesWithinTwoSeconds) {
  const std::string program = std::string(PLX_BIN_DIR) + "/parallax";
  if (!fs::exists(program)) GTEST_SKIP() << "the command line is not built";
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(std::system(("exec " + program + " info --json | grep -q cublasLt").c_str()), 0);
    least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  EXPECT_LT(least, 2.0);
}

TEST(CudaDevice, RefusesWhatIsNotThere) {
  PLX_NEEDS_DEVICE();
  const auto kind_of = [](const std::string& text) {
    try {
      (void)choose_device(text);
    } catch (const Error& e) {
      return e.kind;
    }
    return ErrorKind::internal;
  };
  EXPECT_EQ(kind_of("cuda:97"), ErrorKind::device);
  EXPECT_EQ(kind_of("cuda:"), ErrorKind::config);
  EXPECT_EQ(kind_of("gpu"), ErrorKind::config);
  EXPECT_EQ(choose_device("cuda:0"), (Device{Device::cuda, 0}));
  EXPECT_EQ(choose_device("cpu"), Device{});
}

TEST(CudaDevice, TooLittleMemorySaysHowMuch) {
  PLX_NEEDS_DEVICE();
  Context ctx(on_cuda());
  try {
    (void)Tensor::persistent(ctx, DType::f64, {int64_t{1} << 22, int64_t{1} << 18});
    FAIL() << "8 TB were given";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind, ErrorKind::memory);
    EXPECT_NE(e.message.find("are free"), std::string::npos) << e.message;
  }
  EXPECT_EQ(Tensor::zeros(ctx, DType::f32, {2, 2}).to_vector<float>(), std::vector<float>(4, 0.0f))
      << "usable afterwards";
}

TEST(CudaDevice, TheHostIsKeptOutOfARecording) {
  PLX_NEEDS_DEVICE();
  Context ctx(on_cuda());
  Tensor t = Tensor::zeros(ctx, DType::f32, {3, 1});
  ctx.backend()->begin_recording();
  EXPECT_THROW(t.fill(1), Error) << "a copy from the host";
  EXPECT_THROW((void)t.to_vector<float>(), Error) << "a copy to the host";
  EXPECT_THROW((void)Tensor::persistent(ctx, DType::f32, {3, 1}), Error) << "memory";
  ctx.backend()->abandon_recording();
  t.fill(2);
  EXPECT_EQ(t.to_vector<float>(), std::vector<float>(3, 2.0f));
}

}  // namespace
}  // namespace parallax::testing

// Contexts, memory, tensors, errors.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include <parallax/tensor/elementwise.h>
#include <parallax/tensor/log.h>

namespace parallax {
namespace {

TEST(Errors, CarryTheSentenceTheScopesAndThePlace) {
  try {
    const Breadcrumb outer{"sparsemvc"};
    const Breadcrumb inner{"epoch", 12};
    PLX_FAIL(shape, "a has ", 3, " columns");
  } catch (const Error& e) {
    EXPECT_EQ(e.kind, ErrorKind::shape);
    EXPECT_EQ(e.message, "a has 3 columns");
    EXPECT_NE(std::string(e.what()).find("(sparsemvc, epoch 12)"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("tensor_test.cpp"), std::string::npos);
  }
  const Error later(ErrorKind::io, "x", "f.cpp", 1);
  EXPECT_EQ(std::string(later.what()), "x [f.cpp:1]") << "scopes are gone";
}

TEST(Contexts, ParallelRunsEveryTaskOnceAndPassesErrorsOn) {
  for (const int threads : {1, 2, 4}) {
    Context ctx({.threads = threads});
    std::vector<std::atomic<int>> hits(1000);
    ctx.parallel(1000, [&](int64_t i) { ++hits[static_cast<size_t>(i)]; });
    for (const auto& h : hits) ASSERT_EQ(h, 1);
    EXPECT_THROW(ctx.parallel(100, [&](int64_t i) { PLX_CHECK(numeric, i != 57, "task 57"); }), Error);
    ctx.parallel(10, [&](int64_t i) { ++hits[static_cast<size_t>(i)]; });  // still usable
  }
}

TEST(Memory, StepsReuseTheSameAddressesAndOldTensorsAreRefused) {
  Context ctx;
  ctx.begin_step();
  Tensor a = Tensor::empty(ctx, DType::f32, {100, 100}), b = Tensor::empty(ctx, DType::f64, {7, 3});
  void *pa = a.data(), *pb = b.data();
  EXPECT_EQ(reinterpret_cast<uintptr_t>(pb) % kAlign, 0u);
  const uint64_t allocations = ctx.counters().allocations;
  ctx.begin_step();
  EXPECT_THROW(a.data(), Error) << "a tensor of the step before";
  Tensor c = Tensor::empty(ctx, DType::f32, {100, 100}), d = Tensor::empty(ctx, DType::f64, {7, 3});
  EXPECT_EQ(c.data(), pa);
  EXPECT_EQ(d.data(), pb);
  EXPECT_EQ(ctx.counters().allocations, allocations);
  EXPECT_EQ(ctx.step(), 2u);
  {
    const ScratchScope scope(ctx);
    Tensor::empty(ctx, DType::f32, {5000, 100});
  }
  ctx.end_step();
  const Tensor lasting = Tensor::empty(ctx, DType::f32, {3, 3});
  for (const float x : lasting.to_vector<float>()) EXPECT_EQ(x, 0);
}

TEST(Memory, TheMeterFollowsWhatIsAlive) {
  Context ctx;
  const uint64_t before = ctx.memory()->live;
  {
    const Tensor t = Tensor::persistent(ctx, DType::f64, {1000, 10});
    EXPECT_EQ(ctx.memory()->live, before + 80000);
  }
  EXPECT_EQ(ctx.memory()->live, before);
  EXPECT_GE(ctx.memory()->peak, before + 80000);
  EXPECT_THROW(Tensor::persistent(ctx, DType::f64, {int64_t{1} << 40, int64_t{1} << 40}), Error);
}

TEST(Tensors, ViewsConversionsAndRefusals) {
  Context ctx;
  const Tensor t = Tensor::from<double>(ctx, {1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(t.col_range(1, 2).to_vector<double>(), (std::vector<double>{2, 3, 5, 6}));
  EXPECT_EQ(t.row_range(1, 1).to_vector<float>(), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(t.reshape({3, 2}).row_range(2, 1).to_vector<double>(), (std::vector<double>{5, 6}));
  EXPECT_THROW(t.col_range(1, 2).reshape({4, 1}), Error);
  EXPECT_THROW(t.reshape({4, 2}), Error);
  EXPECT_THROW(t.row_range(1, 2), Error);
  EXPECT_THROW(t.mat<float>(), Error);
  EXPECT_THROW(t.item(), Error);
  EXPECT_EQ(t.row_range(0, 1).col_range(2, 1).item(), 3);
}

TEST(Kernels, AxpbyGatherAndSums) {
  Context ctx;
  const Tensor x = Tensor::from<double>(ctx, {1, 2, 3, 4, 5, 6}, {3, 2});
  Tensor y = Tensor::from<double>(ctx, {1, 1, 1, NAN, 1, 1}, {3, 2});
  axpby(ctx, 2, x, 0, y);  // b = 0 does not read what was there
  EXPECT_EQ(y.to_vector<double>(), (std::vector<double>{2, 4, 6, 8, 10, 12}));
  axpby(ctx, 1, x, -1, y);
  EXPECT_EQ(y.to_vector<double>(), (std::vector<double>{-1, -2, -3, -4, -5, -6}));
  const Tensor index = Tensor::from<int64_t>(ctx, {2, 0}, {2, 1});
  Tensor g = Tensor::empty(ctx, DType::f64, {2, 2});
  gather_rows(ctx, x, index, g);
  EXPECT_EQ(g.to_vector<double>(), (std::vector<double>{5, 6, 1, 2}));
  EXPECT_EQ(sum_rows(ctx, x, 3, 0.5).to_vector<double>(), (std::vector<double>{1.5, 3.5, 5.5}));
  EXPECT_EQ(sum_rows(ctx, x).item(), 21);
}

TEST(Log, IsSilentUntilThereIsASink) {
  log_info("nobody hears this");
  std::string heard;
  const LogSink old = set_log_sink([&](LogLevel level, const std::string& line) {
    heard = (level == LogLevel::warning ? "warning " : "info ") + line;
  });
  log_warning("x");
  EXPECT_EQ(heard, "warning x");
  set_log_sink(old);
}

}  // namespace
}  // namespace parallax

// Every op of the table on the device: equal to the CPU at every shape, the same bits in every run, and a row pitch.
#include <cmath>

#include <parallax/autograd/op_ddc.h>

#include "../autograd/op_outcome.h"
#include "device.h"

namespace parallax::testing {
namespace {

class CudaOps : public ::testing::TestWithParam<size_t> {
 protected:
  const OpCase& c() const { return op_cases()[GetParam()]; }
  // four units of the CPU's own tolerance against double precision: both sides round
  double tolerance() const { return 4 * c().precision_tolerance; }
};

TEST_P(CudaOps, EqualsCpu) {
  PLX_NEEDS_DEVICE();
  Context cpu{Context::Options{.seed = 1}}, cuda{on_cuda()};
  for (const auto& shapes : all_shapes(c())) {
    const auto here = inputs_of(cpu, c(), shapes, DType::f32), there = inputs_of(cuda, c(), shapes, DType::f32);
    const Outcome first = evaluate(cuda, c().op, there, DType::f32);
    expect_close(first, evaluate(cpu, c().op, here, DType::f32), tolerance(), str("first input ", shapes[0]));
    expect_same_bits(first, evaluate(cuda, c().op, there, DType::f32), str("second run, first input ", shapes[0]));
  }
}

TEST_P(CudaOps, DoublePrecisionEqualsCpu) {
  PLX_NEEDS_DEVICE();
  Context cpu{Context::Options{.seed = 1}}, cuda{on_cuda()};
  expect_close(evaluate(cuda, c().op, inputs_of(cuda, c(), c().in, DType::f64), DType::f64),
               evaluate(cpu, c().op, inputs_of(cpu, c(), c().in, DType::f64), DType::f64), 1e-10, "double precision");
}

TEST_P(CudaOps, ReadsOnlyItsColumns) {
  PLX_NEEDS_DEVICE();
  Context cuda{on_cuda()};
  const auto in = inputs_of(cuda, c(), c().in, DType::f32);
  std::vector<Tensor> pitched;
  for (const Tensor& t : in) {
    if (t.rows() == 1) {  // biases are read as plain arrays
      pitched.push_back(t);
      continue;
    }
    const Tensor wide = Tensor::persistent(cuda, DType::f32, {t.rows(), t.cols() + 6});
    wide.col_range(0, 3).fill(std::nan(""));
    wide.col_range(t.cols() + 3, 3).fill(std::nan(""));
    pitched.push_back(wide.col_range(3, t.cols()));
    pitched.back().copy_from(t);
  }
  const Outcome plain = evaluate(cuda, c().op, in, DType::f32), moved = evaluate(cuda, c().op, pitched, DType::f32);
  expect_close(moved, plain, 1e-6, "row pitch");  // another alignment may choose another product algorithm
}

INSTANTIATE_TEST_SUITE_P(Table, CudaOps, ::testing::Range<size_t>(0, op_cases().size()), [](const auto& one) {
  std::string n = op_cases()[one.param].name;
  for (char& ch : n) ch = std::isalnum(static_cast<unsigned char>(ch)) ? ch : '_';
  return n + "_" + std::to_string(one.param);
});

// The rule of DDC's width picks one entry of n^2; a device finds it by counting digits. Distances of whole numbers are
// exact, so any other entry shows.
TEST(CudaDdc, TheWidthIsTheCpus) {
  PLX_NEEDS_DEVICE();
  Context cpu, cuda{on_cuda()};
  for (const int64_t n : {2, 3, 31, 32, 33, 65, 130})
    for (const int64_t spread : {1, 40, 3000}) {
      std::vector<float> h;
      for (int64_t e = 0; e < n * 2; ++e) {
        const int64_t whole = e * e * 7919 % 1009 * spread / 1009;
        h.push_back(static_cast<float>(whole));
      }
      float width[2];
      for (Context* ctx : {&cpu, &cuda}) {
        Tape tape(*ctx);
        Ddc::Attr at;
        at.rel_width = 1;
        at.width = Tensor::persistent(*ctx, DType::f32, {1, 1});
        Tensor q = Tensor::persistent(*ctx, DType::f32, {n, 3});
        q.fill(1.0 / 3);
        ddc(tape.constant(q), tape.constant(Tensor::from(*ctx, h, {n, 2})), at);
        width[ctx == &cuda] = static_cast<float>(at.width.item());
      }
      EXPECT_EQ(width[0], width[1]) << n << " rows up to " << spread;
    }
}

}  // namespace
}  // namespace parallax::testing

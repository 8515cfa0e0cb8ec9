// Draws inside ops are those that their addresses say, on every instruction set.
#include <gtest/gtest.h>

#include <parallax/autograd/diffusion_kernels.h>
#include <parallax/autograd/op_basic.h>
#include <parallax/tensor/isa.h>

namespace parallax {
namespace {

template <class F> void on_every_set(F f) {
  const Isa best = isa();
  for (const Isa set : {Isa::v2, Isa::v3, Isa::v4}) {
    if (set > best) continue;
    lower_isa(set);
    SCOPED_TRACE(isa_name());
    f();
  }
  lower_isa(best);
}

// odd widths, a seed and a step that use all bits
class Draws : public ::testing::Test {
 protected:
  Draws() { ctx.set_step(0xfedcba98u); }
  Context ctx;
  AnyDraw address() { return {.seed = 0x0123456789abcdefu, .tag = 0x89abcdefu, .step = ctx.step_counter()}; }
};

TEST_F(Draws, DropoutKeepsWhatItsAddressesSay) {
  on_every_set([&] {
    Tape tape(ctx);
    Tensor ones = Tensor::persistent(ctx, DType::f32, {5, 151});
    ones.fill(1);
    const Draw<float> draw = address().as<float>();
    const std::vector<float> y = dropout(tape.constant(ones), 0.25, {address()}).value.to_vector<float>();
    for (int64_t i = 0; i < 5; ++i)
      for (int64_t j = 0; j < 151; ++j)
        ASSERT_EQ(y[static_cast<size_t>(i * 151 + j)] != 0, draw.keep(i, j, 0.25)) << i << ", " << j;
  });
}

TEST_F(Draws, NoiseIsWhatItsAddressesSay) {
  on_every_set([&] {
    const Tensor z = Tensor::persistent(ctx, DType::f32, {3, 151});
    const Draw<float> draw = address().as<float>();
    run(ctx, NoiseRows<float>{z.mat<float>(), draw, 3, 0.5f});
    const std::vector<float> y = z.to_vector<float>();
    for (int64_t i = 0; i < 3; ++i)
      for (int64_t j = 0; j < 151; ++j)
        ASSERT_EQ(y[static_cast<size_t>(i * 151 + j)], 0.5f * draw.normal(i, j)) << i << ", " << j;
  });
}

}  // namespace
}  // namespace parallax

// Parameters, optimisers and stacked networks.
#include <gtest/gtest.h>

#include <cmath>

#include <parallax/nn/mlp.h>
#include <parallax/nn/optimizer.h>

namespace parallax {
namespace {

struct Pair {
  Context ctx{Context::Options{.seed = 3}};
  ParamStore store{ctx, DType::f64};
  Param a, b;
  Pair() {
    a = store.add("net.a", {2, 3}, init::fan_in(3));
    b = store.add("net.b", {1, 2}, init::constant(0.5));
    store.allocate();
  }
  void give(Param p, const std::vector<double>& g) {
    store.grad(p).assign(g);
    *store.written(p) = true;
  }
};

TEST(ParamStore, InitialValuesDependOnTheNameAlone) {
  Pair one;
  Context ctx({.seed = 3});
  ParamStore other(ctx, DType::f64);
  other.add("another", {50, 4}, init::kaiming_normal(4));
  const Param a = other.add("net.a", {2, 3}, init::fan_in(3));
  other.allocate();
  EXPECT_EQ(other.value(a).to_vector<double>(), one.store.value(one.a).to_vector<double>());
  for (const double x : one.store.value(one.a).to_vector<double>()) EXPECT_LE(std::fabs(x), 1 / std::sqrt(3.0));
  EXPECT_THROW(one.store.add("late", {1, 1}, init::constant(0)), Error);
  ParamStore twice(ctx, DType::f32);
  twice.add("x", {1, 1}, init::constant(0));
  EXPECT_THROW(twice.add("x", {1, 1}, init::constant(0)), Error);
}

TEST(ParamStore, Globs) {
  EXPECT_TRUE(glob_match("encoders.*.weight", "encoders.0.encoder.3.weight"));
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_FALSE(glob_match("enc*", "dec"));
  EXPECT_FALSE(glob_match("a", "ab"));
  Pair p;
  EXPECT_EQ(p.store.matching({"net.b", "nothing"}).size(), 1u);
  EXPECT_THROW(Optimizer(p.store, {}, {"nothing*"}), Error);
}

// by hand: m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2, p -= lr/(1-b1^t) m / (sqrt(v)/sqrt(1-b2^t) + eps)
TEST(Adam, FollowsTheFormulaWithOneCounterPerParameter) {
  Pair p;
  Optimizer adam(p.store, {.lr = 0.1, .weight_decay = 0.01});
  auto hand = [](double& w, double& m, double& v, double g, int t) {
    g += 0.01 * w;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    w -= 0.1 / (1 - std::pow(0.9, t)) * m / (std::sqrt(v) / std::sqrt(1 - std::pow(0.999, t)) + 1e-8);
  };
  double a = p.store.value(p.a).to_vector<double>()[4], am = 0, av = 0, b = 0.5, bm = 0, bv = 0;
  for (int step = 1; step <= 4; ++step) {
    p.store.begin_step();
    p.give(p.a, {1, -2, 3, 0.5, 0.25 * step, 7});
    hand(a, am, av, 0.25 * step, step);
    if (step > 2) {  // not reached before: neither moments nor counter move
      p.give(p.b, {0.3, -0.3});
      hand(b, bm, bv, 0.3, step - 2);
    }
    adam.step();
    EXPECT_NEAR(p.store.value(p.a).to_vector<double>()[4], a, 1e-14);
    EXPECT_NEAR(p.store.value(p.b).to_vector<double>()[0], b, 1e-14);
  }
  EXPECT_EQ(p.store.updates(p.a), 4);
  EXPECT_EQ(p.store.updates(p.b), 2);
}

TEST(Optimizers, SgdClippingAndRate) {
  Pair p;
  Optimizer sgd(p.store, {.kind = OptimizerSpec::sgd, .lr = 1, .clip_norm = 1, .momentum = 0.5}, {"net.b"});
  sgd.set_lr(0.5);
  p.give(p.b, {3, 4});
  p.give(p.a, {100, 100, 100, 100, 100, 100});  // not this optimiser's
  sgd.step();
  EXPECT_NEAR(sgd.grad_norm().item(), 5, 1e-12);
  EXPECT_NEAR(p.store.value(p.b).to_vector<double>()[0], 0.5 - 0.5 * 3 / (5 + 1e-6), 1e-12);
}

TEST(Optimizers, ANonFiniteNumberHoldsTheUpdateBack) {
  Pair p;
  Optimizer adam(p.store, {});
  const auto before = p.store.value(p.a).to_vector<double>();
  p.give(p.a, {1, NAN, 1, 1, 1, 1});
  p.give(p.b, {1, 1});
  adam.step();
  EXPECT_TRUE(adam.nonfinite());
  EXPECT_EQ(p.store.value(p.a).to_vector<double>(), before);
  EXPECT_EQ(p.store.updates(p.b), 0);
  p.give(p.a, {1, 1, 1, 1, 1, 1});
  adam.step();
  EXPECT_EQ(p.store.value(p.a).to_vector<double>(), before) << "held back until someone has looked";
  adam.clear_nonfinite();
  const Tensor loss = Tensor::from<double>(p.ctx, {HUGE_VAL}, {1, 1});
  adam.step(loss);
  EXPECT_TRUE(adam.nonfinite());
  adam.clear_nonfinite();
  adam.step();
  EXPECT_NE(p.store.value(p.a).to_vector<double>(), before);
}

TEST(Ema, MovesTheTarget) {
  Context ctx;
  Tensor t = Tensor::from<double>(ctx, {1, 2}, {1, 2});
  ema_update(ctx, t, Tensor::from<double>(ctx, {3, 6}, {1, 2}), 0.75);
  EXPECT_EQ(t.to_vector<double>(), (std::vector<double>{1.5, 3}));
}

TEST(Mlp, AStackIsItsNetworksOneByOne) {
  Context ctx({.seed = 1});
  ParamStore store(ctx, DType::f64);
  const std::vector<LayerSpec> layers{{.width = 5, .act = Act::relu, .dropout = 0.4, .name = "0", .drop = "2"},
                                      {.width = 2, .name = "3"}};
  const MlpStack both(store, {"e.0", "e.1"}, {3, 4}, layers);
  store.allocate();
  EXPECT_TRUE(store.find("e.1.3.bias").defined());
  ctx.begin_step();
  Tape tape(ctx);
  Pass p(tape, store, true);
  std::vector<Var> x;
  for (const int64_t d : {3, 4}) {
    Tensor t = Tensor::zeros(ctx, DType::f64, {6, d});
    t.fill(0.3);
    x.push_back(tape.constant(t));
  }
  const Var y = both.forward(p, x);
  EXPECT_EQ(y.shape(), (Shape{12, 2}));
  Context fresh({.seed = 1});
  ParamStore single_store(fresh, DType::f64);
  const MlpStack second(single_store, {"e.1"}, {4}, layers);
  single_store.allocate();
  fresh.begin_step();
  Tape other(fresh);
  Pass q(other, single_store, true);
  const Var alone = other.constant(x[1].value);
  EXPECT_EQ(second.forward(q, {&alone, 1}).value.to_vector<double>(), y.value.row_range(6, 6).to_vector<double>())
      << "draws go by name, not by place";
}

}  // namespace
}  // namespace parallax

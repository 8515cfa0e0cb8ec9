// The test vectors of DistilMVC's page, section 12: produced with the official functions in double.
#include "vectors.h"

#include <parallax/mvc/method.h>
#include <parallax/nn/ema.h>

namespace parallax::testing {
namespace {

const double kDigits = 6e-11;  // the page prints ten decimals

struct DistilVectors : ::testing::Test {
  Context ctx;
  Tape tape{ctx};
  Pairs pairs{2, -1};
  // A above B, stacked: A_ij = sin(1 + 2i + j), B_ij = cos(0.5 + i + 2j)
  Var stacked() {
    Rows r;
    for (int i = 0; i < 4; ++i) r.push_back({std::sin(1 + 2 * i), std::sin(2 + 2 * i), std::sin(3 + 2 * i)});
    for (int i = 0; i < 4; ++i) r.push_back({std::cos(0.5 + i), std::cos(2.5 + i), std::cos(4.5 + i)});
    return tape.input(matrix(ctx, r));
  }
};

TEST_F(DistilVectors, MutualInformation) {
  const Var z = stacked(), j = joint_information(softmax_columns(z, 2), pairs, 10);
  const double minus[] = {-1};
  const Var loss = weighted_total({&j, 1}, minus);
  EXPECT_NEAR(loss.value.item(), -19.742551704545853, 1e-12);
  tape.backward(loss);
  expect_rows(tape.grad_of(z), 0,
              {{-0.0048746050, 0.0015178063, 0.0118132542},
               {-0.0154448722, -0.0086664001, -0.0013059632},
               {-0.0047248420, -0.0140523155, -0.0254710563},
               {0.0250443192, 0.0212009094, 0.0149637652},
               {0.0197357987, 0.0101407186, -0.0046994691},
               {-0.0107255849, -0.0124117172, 0.0461182765},
               {-0.0112723567, -0.0365336667, -0.0241009251},
               {0.0022621429, 0.0388046653, -0.0173178823}},
              kDigits);
}

TEST_F(DistilVectors, ClusterContrast) {
  const Var x = stacked(), y = softmax(x);
  const Var loss = total({pair_contrast(normalize(transpose(y, 2), 1e-8), pairs, 1), balance(y, pairs)});
  EXPECT_NEAR(loss.value.item(), 1.5071039541342408, 1e-13);
  tape.backward(loss);
  expect_rows(tape.grad_of(x), 0,
              {{-0.0648642122, 0.0439154658, 0.0209487464},
               {-0.0088653539, 0.0242439001, -0.0153785462},
               {0.0212468504, 0.0169826858, -0.0382295362},
               {0.0590504405, -0.0820232165, 0.0229727759},
               {-0.0163781476, -0.0175562373, 0.0339343849},
               {-0.0564521696, -0.0045807710, 0.0610329406},
               {0.0140120814, 0.0049928437, -0.0190049251},
               {0.0028011313, -0.0603312038, 0.0575300725}},
              kDigits);
}

TEST_F(DistilVectors, InstanceContrast) {
  const Var x = stacked(), loss = pair_contrast(normalize(x), pairs, 0.5);
  EXPECT_NEAR(loss.value.item(), 1.777444819703362, 1e-13);
  tape.backward(loss);
  expect_rows(tape.grad_of(x), 0,
              {{-0.3164769557, 0.2708980784, 0.1415763095},
               {0.0975448782, 0.2185028842, -0.1580917263},
               {-0.0220947688, 0.0067935334, -0.0293597947},
               {0.3511873047, -0.1895012927, -0.1049229474},
               {-0.3442201428, -0.3575915438, -0.0740024823},
               {-0.0988027207, 0.2469251451, 0.3361561901},
               {0.0546007097, 0.0254276280, 0.0502802266},
               {-0.2711211575, -0.3690782978, 0.0221022286}},
              kDigits);
}

TEST_F(DistilVectors, Distillation) {
  Rows r;
  for (int i = 0; i < 4; ++i) r.push_back({std::sin(1 + 2 * i), std::sin(2 + 2 * i), std::sin(3 + 2 * i)});
  const Var a = tape.input(matrix(ctx, r));
  Tensor targets = Tensor::persistent(ctx, DType::i64, {4, 1});
  targets.assign(std::vector<int64_t>{0, 2, 1, 1});
  const Var loss = smoothed_kl(a, targets, 1, 0.1, 1.0 / 3);
  EXPECT_NEAR(loss.value.item(), 0.304644637796163, 1e-13);
  tape.backward(loss);
  expect_rows(tape.grad_of(a), 0,
              {{-0.0453092830, 0.0319693414, 0.0133399416},
               {0.0451074700, 0.0167313993, -0.0618388693},
               {0.0076318908, -0.0572404556, 0.0496085648},
               {0.0234517686, -0.0412066837, 0.0177549150}},
              kDigits);
}

// 4.5 with the published schedule: 200 + 10 epochs, nine batches: k = 1 + epoch + batch, Kmax = 11.
TEST_F(DistilVectors, Momentum) {
  const std::vector<double> page{.4122, .4476,  .5035, .5754, .6573, .7427, .8246, .8965, .9524,
                                 .9878, 1.0000, .9878, .9524, .8965, .8246, .7427, .6573, .5754};
  for (const bool reference : {true, false}) {
    Context own;
    ParamStore store(own, DType::f64);
    const std::unique_ptr<Method> m = make_method("distilmvc");
    m->profile(reference);
    std::map<std::string, Tensor> state;
    Build b{own, store, {2500, {3, 4}, 5, {}}, {}, state, [](const std::string&) {}};
    m->build(b);
    const std::vector<double> table = state.at("ema.momentum").to_vector<double>();
    ASSERT_EQ(table.size(), 90u);
    for (size_t e = 0; e < 10 && reference; ++e)
      for (size_t i = 0; i < 9; ++i) EXPECT_NEAR(table[e * 9 + i], page[e + i], 5.1e-5);
    if (reference) continue;
    EXPECT_NEAR(table[0], 0.4, 1e-15);
    for (size_t i = 1; i < table.size(); ++i) EXPECT_GT(table[i], table[i - 1]);  // never falls back
  }
}

// The average moves target towards source with the momentum of its step; later steps keep the last one.
TEST_F(DistilVectors, MovingAverage) {
  const std::vector<Tensor> targets{matrix(ctx, {{1, 2}}), matrix(ctx, {{8}, {0}})},
      sources{matrix(ctx, {{3, 6}}), matrix(ctx, {{0}, {8}})};
  const Tensor table = matrix(ctx, {{0.5}, {0.75}});
  Tensor first = Tensor::persistent(ctx, DType::i64, {1, 1});
  first.assign(std::vector<int64_t>{8});
  for (const auto& [step, expected] :
       {std::pair{8u, Rows{{2, 4}}}, std::pair{9u, Rows{{2.25, 4.5}}}, std::pair{20u, Rows{{2.4375, 4.875}}}}) {
    ctx.set_step(step);
    moving_average(ctx, targets, sources, table, first);
    expect_rows(targets[0], 0, expected, 1e-15);
  }
  expect_rows(targets[1], 0, {{2.25}, {5.75}}, 1e-15);
}

}  // namespace
}  // namespace parallax::testing

// DDMC: gradients of whole steps for every option, choice of the dominant modality, odd data.
#include "method_tests.h"
#include "rig.h"

namespace parallax::testing {
namespace {

const std::vector<Setting> kSmallDdmc{{"trunk", "[9,8,6]"}, {"head_hidden", "7"}};

// fdl and cdl enter the total with alpha and beta: the difference of two gradients is that of the term alone.
class DdmcOptions : public ::testing::TestWithParam<std::vector<Setting>> {};
TEST_P(DdmcOptions, GradientsEqualDifferences) {
  const std::vector<Setting> base = with(with(kSmallDdmc, {{"dominant", "1"}}), GetParam());
  const auto gradients = [&](const char* alpha, const char* beta) {
    return Rig("ddmc", with(base, {{"alpha", alpha}, {"beta", beta}}), 23, {5, 4, 6}, 3).gradients("train");
  };
  const auto none = gradients("0", "0");
  for (const bool feature : {true, false}) {
    auto g = feature ? gradients("1", "0") : gradients("0", "1");
    for (size_t i = 0; i < g.size(); ++i)
      for (size_t j = 0; j < g[i].size(); ++j) g[i][j] -= none[i][j];
    Rig rig("ddmc", with(base, {{"alpha", "0"}, {"beta", "0"}}), 23, {5, 4, 6}, 3);
    rig.expect_gradients("train", feature ? "fdl" : "cdl", g, 2e-5);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Every, DdmcOptions,
    ::testing::Values(std::vector<Setting>{}, std::vector<Setting>{{"heads", "shared"}, {"head_order", "bn_relu"}},
                      std::vector<Setting>{{"mi_feat", "softmax"},
                                           {"kl_reduce", "sum_dim"},
                                           {"contrast_neg", "cross"},
                                           {"head_order", "bn_relu"}},
                      std::vector<Setting>{{"udc", "per_sample"}, {"w_kl", "0.3"}, {"w_mi", "0"}, {"heads", "shared"}},
                      std::vector<Setting>{{"udc", "marginal"}, {"enhance", "fuse"}},
                      std::vector<Setting>{{"udc_double_softmax", "true"}, {"enhance", "residual"}}));

TEST(Ddmc, TermsAddUp) {
  Rig rig("ddmc",
          with(kSmallDdmc, {{"dominant", "0"}, {"alpha", "0.3"}, {"beta", "2"}, {"w_kl", "0.5"}, {"w_mi", "3"}}), 20,
          {5, 4}, 3);
  const auto term = [&](const char* name) { return rig.loss("train", name); };
  EXPECT_NEAR(
      term("fdl"),
      0.5 * (term("kl.0") + term("kl.1")) + 3 * term("mi.1") + 0.5 * (term("con_dm_to.1") + term("con_to_dm.1")),
      1e-12);
  EXPECT_NEAR(term("cdl"), term("udc.0") + term("udc.1") - term("cmi.1"), 1e-12);
  EXPECT_NEAR(term("total"), term("ddc") + 0.3 * term("fdl") + 2 * term("cdl"), 1e-12);
}

// The enhanced representation is a function of the dominant modality alone.
TEST(Ddmc, OnlyTheDominantModalityIsNeededAtEvaluation) {
  Context ctx{Context::Options{.seed = 1}};
  Toy toy = blobs(ctx, DType::f32, 120, {8, 6}, 3);
  const std::unique_ptr<Method> m = make_method("ddmc");
  Visitor v;
  m->params(v);
  apply_settings(v, with(kSmallDdmc, {{"dominant", "1"}, {"epochs", "2"}}), "test");
  Trainer t(ctx, *m, toy.views, 3);
  t.build();
  t.train({});
  const Features before = t.embed();
  const Features after = t.embed({blobs(ctx, DType::f32, 120, {8}, 3, 50).views[0], toy.views[1]});
  EXPECT_EQ(before.find("probabilities")->to_vector<double>(), after.find("probabilities")->to_vector<double>());
  EXPECT_EQ(before.find("fused")->to_vector<double>(), before.find("view1")->to_vector<double>());
}

TEST(Ddmc, FindsBlobsAndKeepsTheEpochWithTheLowestFirstTerm) {
  Context ctx{Context::Options{.seed = 1}};
  const Toy toy = blobs(ctx, DType::f32, 300, {10, 8}, 3, 8);
  const Outcome r = train("ddmc", {{"trunk", "[64,64,32]"}, {"epochs", "30"}}, ctx, toy, 3);
  EXPECT_GE(r.acc, 0.95);
  EXPECT_TRUE(std::any_of(r.lines.begin(), r.lines.end(),
                          [](const std::string& s) { return s.find("label-free") != std::string::npos; }));
}

// One degenerate view: nearly all rows in one tight heap, the rest far out: a high silhouette, unequal clusters.
TEST(Ddmc, TheGuardPassesOverDegeneratePartitions) {
  Context ctx{Context::Options{.seed = 1}};
  Toy toy = blobs(ctx, DType::f32, 200, {4, 5}, 3, 4);
  std::vector<double> heap(200 * 4, 0.0);
  for (size_t i = 0; i < 800; ++i) heap[i] = 0.01 * draw01(static_cast<int64_t>(i), 77);
  for (size_t j = 0; j < 4; ++j) heap[j] = 50, heap[4 + j] = j % 2 ? -50 : 50;
  toy.views[0].assign(heap);
  for (const bool guard : {true, false}) {
    const std::unique_ptr<Method> m = make_method("ddmc");
    Visitor v;
    m->params(v);
    apply_settings(v, with(kSmallDdmc, {{"guard", guard ? "true" : "false"}}), "test");
    Trainer t(ctx, *m, toy.views, 3);
    std::string last;
    int lines = 0;
    t.build([&](const std::string& line) { last = line, ++lines; });
    EXPECT_EQ(last, guard ? "dominant modality: view 1, by silhouette" : "dominant modality: view 0, by silhouette");
    EXPECT_EQ(lines, 3);  // silhouette and entropy of every view, then the choice
  }
}

TEST(Ddmc, OddDataWorksOrIsRefused) {
  Context ctx{Context::Options{.seed = 1}};
  const std::vector<Setting> quick = with(kSmallDdmc, {{"epochs", "5"}});
  train("ddmc", quick, ctx, blobs(ctx, DType::f32, 30, {5, 4}, 3), 3);  // fewer rows than a batch
  train("ddmc", quick, ctx, blobs(ctx, DType::f32, 5, {5, 4}, 3), 3);
  train("ddmc", quick, ctx, blobs(ctx, DType::f32, 2, {5, 4}, 2), 2);
  train("ddmc", quick, ctx, blobs(ctx, DType::f32, 120, {5}, 3), 3);     // one view
  train("ddmc", quick, ctx, blobs(ctx, DType::f32, 120, {5, 4}, 1), 1);  // one cluster
  Toy flat = blobs(ctx, DType::f32, 120, {5, 4}, 3);
  flat.views[0].fill(0.5);  // constant columns
  train("ddmc", with(quick, {{"dominant", "0"}}), ctx, flat, 3);
  train("ddmc", quick, ctx, flat, 3);
  Toy twice = blobs(ctx, DType::f32, 120, {5, 4}, 3);  // every row sixty times
  for (Tensor& t : twice.views)
    for (int64_t i = 2; i < 120; ++i) t.row_range(i, 1).copy_from(t.row_range(i % 2, 1));
  train("ddmc", quick, ctx, twice, 2);
  for (const char* mode : {"fuse", "residual"}) {
    train("ddmc", with(quick, {{"enhance", mode}}), ctx, blobs(ctx, DType::f32, 120, {5, 4, 3}, 3), 3);
    train("ddmc", with(quick, {{"enhance", mode}}), ctx, blobs(ctx, DType::f32, 120, {5}, 3), 3);
  }
  const auto refused = [&](const std::vector<Setting>& s, const Toy& toy, int k, const std::string& why) {
    try {
      train("ddmc", with(quick, s), ctx, toy, k);
      ADD_FAILURE() << "accepted: " << why;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
    }
  };
  const Toy some = blobs(ctx, DType::f32, 60, {5, 4}, 3);
  refused({}, blobs(ctx, DType::f32, 1, {5, 4}, 1), 1, "at least two samples");
  refused({}, blobs(ctx, DType::f32, 4, {5, 4}, 3), 7, "7 clusters in 4 samples");
  refused({{"dominant", "2"}}, some, 3, "a number from 0 to 1");
  refused({{"dominant", "colour"}}, some, 3, "dominant=colour names no view");
  refused({{"trunk", "[9,8,7]"}}, some, 3, "must be even");
}

}  // namespace
}  // namespace parallax::testing

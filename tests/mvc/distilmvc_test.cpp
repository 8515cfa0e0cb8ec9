// DistilMVC: gradients of whole steps for every option, the three stages, odd data.
#include <parallax/cluster/hungarian.h>
#include <parallax/mvc/pseudo_labels.h>

#include "method_tests.h"
#include "rig.h"

namespace parallax::testing {
namespace {

const std::vector<Setting> kSmallDistil{
    {"encoder_arch", "[8,9,10,6]"}, {"decoder_arch", "[6,10,9,8]"}, {"predictor_hidden_dim", "5"}};

class DistilOptions : public ::testing::TestWithParam<std::vector<Setting>> {};
TEST_P(DistilOptions, GradientsEqualDifferences) {
  for (const char* phase : {"stage1", "stage2", "stage3"}) {
    Rig rig("distilmvc", with(kSmallDistil, GetParam()), 17, {5, 4, 6}, 3);
    rig.expect_gradients(phase, "total", rig.gradients(phase), 2e-5);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Every, DistilOptions,
    ::testing::Values(
        std::vector<Setting>{{"iic_factor", "0.1"}},
        std::vector<Setting>{
            {"activation", "sigmoid"}, {"kl", "batchmean"}, {"iic_factor", "0.1"}, {"iic_axis", "feature"}},
        std::vector<Setting>{
            {"activation", "tanh"}, {"student_relu", "false"}, {"temperature_t", "0.2"}, {"temperature_s", "0.4"}},
        std::vector<Setting>{
            {"activation", "leakyrelu"}, {"batchnorm", "true"}, {"teacher", "ema"}, {"temperature_d", "0"}},
        std::vector<Setting>{{"activation", "relu"}, {"batchnorm", "true"}, {"smooth", "1"}}));

// 3.5: who gets gradients in which stage
TEST(DistilMvc, GradientsReachWhatThePageSays) {
  for (const char* mode : {"reference", "ema"}) {
    Rig rig("distilmvc", with(kSmallDistil, {{"teacher", mode}}), 17, {5, 4}, 3);
    const auto reached = [&](const char* phase, const char* param) {
      const auto g = rig.gradients(phase);
      return !g[static_cast<size_t>(rig.store().find(param).index)].empty();
    };
    const char *encoder = "autoencoder.encoders.1._encoder.0.weight",
               *decoder = "autoencoder.decoders.0._decoder.6.bias";
    for (const char* phase : {"stage1", "stage2", "stage3"}) EXPECT_TRUE(reached(phase, encoder));
    EXPECT_TRUE(reached("stage1", decoder) && reached("stage2", decoder) && !reached("stage3", decoder));
    for (const char* head : {"byol.student.0.weight", "byol.cls.0.bias"})
      EXPECT_TRUE(!reached("stage1", head) && reached("stage2", head) && reached("stage3", head));
    EXPECT_FALSE(reached("stage1", "byol.teacher.2.weight") || reached("stage3", "byol.teacher.2.weight"));
    EXPECT_EQ(reached("stage2", "byol.teacher.2.weight"), std::string(mode) == "reference");
  }
}

TEST(DistilMvc, FindsBlobsInThreeStages) {
  Context ctx{Context::Options{.seed = 1}};
  const Toy toy = blobs(ctx, DType::f32, 300, {10, 8}, 3, 8);
  const Outcome r = train("distilmvc",
                          {{"encoder_arch", "[64,64,64,32]"},
                           {"decoder_arch", "[32,64,64,64]"},
                           {"predictor_hidden_dim", "16"},
                           {"batch_size", "100"},
                           {"learning_rate", "1e-3"},
                           {"mse_epochs", "30"},
                           {"infoNCE_epochs", "40"},
                           {"self_distil", "20"},
                           {"n_init", "10"}},
                          ctx, toy, 3);
  EXPECT_GE(r.acc, 0.95);
  ASSERT_EQ(r.losses.size(), 90u);
  EXPECT_LT(r.losses[29].front().second, r.losses[0].front().second);
  EXPECT_LT(r.losses[89].front().second, r.losses[70].front().second);
  int agreement = 0;
  for (const std::string& line : r.lines) agreement += line.find("pseudo-labels agree") != std::string::npos;
  EXPECT_EQ(agreement, 2);
}

TEST(DistilMvc, OddDataWorksOrIsRefused) {
  Context ctx{Context::Options{.seed = 1}};
  const std::vector<Setting> quick =
      with(kSmallDistil, {{"mse_epochs", "2"}, {"infoNCE_epochs", "3"}, {"self_distil", "3"}, {"n_init", "3"}});
  train("distilmvc", quick, ctx, blobs(ctx, DType::f32, 30, {5, 4}, 3), 3);
  train("distilmvc", quick, ctx, blobs(ctx, DType::f32, 2, {5, 4}, 2), 2);
  train("distilmvc", quick, ctx, blobs(ctx, DType::f32, 300, {5, 4, 3}, 3), 3);
  train("distilmvc", quick, ctx, blobs(ctx, DType::f32, 40, {5, 4}, 1), 1);
  train("distilmvc", with(quick, {{"self_distil", "0"}}), ctx, blobs(ctx, DType::f32, 40, {5, 4}, 3), 3);
  train("distilmvc", with(quick, {{"mse_epochs", "0"}, {"infoNCE_epochs", "0"}}), ctx,
        blobs(ctx, DType::f32, 40, {5, 4}, 3), 3);
  train("distilmvc", with(quick, {{"batchnorm", "true"}, {"teacher", "ema"}}), ctx,
        blobs(ctx, DType::f32, 40, {5, 4}, 3), 3);
  Toy flat = blobs(ctx, DType::f32, 60, {5, 4}, 3);
  flat.views[0].fill(0.5);
  train("distilmvc", quick, ctx, flat, 3);
  Toy twice = blobs(ctx, DType::f32, 60, {5, 4}, 3);
  for (Tensor& t : twice.views)
    for (int64_t i = 2; i < 60; ++i) t.row_range(i, 1).copy_from(t.row_range(i % 2, 1));
  train("distilmvc", quick, ctx, twice, 2);
  const auto refused = [&](const std::vector<Setting>& s, const Toy& toy, int k, const std::string& why) {
    try {
      train("distilmvc", with(quick, s), ctx, toy, k);
      ADD_FAILURE() << "accepted: " << why;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(why), std::string::npos) << e.what();
    }
  };
  const Toy some = blobs(ctx, DType::f32, 60, {5, 4}, 3);
  refused({}, blobs(ctx, DType::f32, 60, {5}, 3), 3, "at least two, the data has one");
  refused({}, blobs(ctx, DType::f32, 1, {5, 4}, 1), 1, "at least two samples");
  refused({}, some, 61, "61 clusters from 60 samples");
  refused({{"decoder_arch", "[7,10,9,8]"}}, some, 3, "the latent width");
  refused({{"ema_schedule", "reference"}, {"mse_epochs", "196"}}, some, 3, "divides by zero");
}

// The matching of a step against the one on the host, on tables whose best matching is unique.
TEST(DistilMvc, TargetsOfAStepAreTheHostsMatching) {
  Context ctx;
  for (const int64_t K : {1, 2, 5, 12}) {
    const int64_t n = 40 * K;
    std::vector<int64_t> network, all;
    std::vector<Tensor> pseudo;
    for (uint64_t v = 0; v < 3; ++v) {
      std::vector<int64_t> old, now;
      for (int64_t i = 0; i < n; ++i) {
        const auto e = static_cast<uint64_t>(i);
        old.push_back(i % K);
        const bool noisy = recipe(70 + v, e) < 0.3;
        now.push_back(noisy ? static_cast<int64_t>(recipe(80 + v, e) * static_cast<double>(K))
                            : (3 * old.back() + 1) % K);
      }
      std::vector<int64_t> counts(static_cast<size_t>(K * K), 0);
      for (size_t i = 0; i < old.size(); ++i) ++counts[static_cast<size_t>(now[i] * K + old[i])];
      const std::vector<int64_t> renamed = match(counts, K, K);
      for (const int64_t a : old) all.push_back(renamed[static_cast<size_t>(a)]);
      network.insert(network.end(), now.begin(), now.end());
      pseudo.push_back(Tensor::from(ctx, old, {n, 1}));
    }
    const Tensor network_tensor = Tensor::from(ctx, network, {3 * n, 1});
    const Tensor t = matched_targets(ctx, network_tensor, pseudo, K);
    EXPECT_EQ(t.to_vector<int64_t>(), all) << K << " clusters";
  }
}

}  // namespace
}  // namespace parallax::testing

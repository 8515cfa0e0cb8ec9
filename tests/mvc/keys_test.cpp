// Every hyper-parameter of the published descriptions is a key, under the name that they give it, with a range, a help
// text and its published value as the default.
#include <gtest/gtest.h>

#include <parallax/mvc/method.h>

namespace parallax::testing {
namespace {

const std::map<std::string, std::vector<Setting>> published{
    {"sparsemvc",
     {{"batch_size", "0"},
      {"learning_rate", "0.0003"},
      {"weight_decay", "0"},
      {"pre_epochs", "300"},
      {"con_epochs", "0"},
      {"feature_dim", "64"},
      {"high_feature_dim", "20"},
      {"encoder_hidden", "[500,500,2000]"},
      {"dropout", "0.2"},
      {"theta", "0.01"},
      {"rho", "0.05"},
      {"beta", "1"},
      {"tau", "1"},
      {"lambda_CR", "1"},
      {"n_init", "100"},
      {"sparsity_source", "normalised"},
      {"kl_form", "mean_layers"}}},
    {"gmae", {{"train_epoch", "0"},    {"eval_interval", "10"}, {"lr", "0.001"},        {"feature_dim", "128"},
              {"h_dims", "[500,200]"}, {"disc_hidden", "64"},   {"disc_slope", "0.01"}, {"lambda_ma", "0.01"},
              {"lambda_con", "0.01"},  {"lambda_dis", "1"},     {"pos_num", "21"},      {"neighbours", "0"},
              {"do_contrast", "true"}, {"dropout_code", "0.5"}, {"dropout_rec", "0.5"}, {"dropout_head", "0.2"},
              {"disc_loss", "ref"},    {"lambda_cls", "-1"},    {"n_init", "50"},       {"reversal", "false"}}},
    {"gdcn",
     {{"batch_size", "256"},
      {"temperature_f", "0.5"},
      {"learning_rate", "0.0003"},
      {"weight_decay", "0"},
      {"rec_epochs", "200"},
      {"fine_tune_epochs", "100"},
      {"low_feature_dim", "512"},
      {"high_feature_dim", "128"},
      {"T", "1000"},
      {"K", "45"},
      {"R", "10"},
      {"noise_scale", "0.1"},
      {"denoiser_hidden", "512"},
      {"beta_min", "1e-05"},
      {"sigma2_max", "0.99"},
      {"knn", "10"},
      {"schedule_offset", "1e-4"},
      {"sampler", "reference"},
      {"fused_norm", "none"},
      {"eval_noise", "keyed"},
      {"n_init", "100"}}},
    {"distilmvc",
     {{"batch_size", "256"},
      {"temperature_t", "0.5"},
      {"temperature_s", "1"},
      {"temperature_d", "0.1"},
      {"smooth", "0.1"},
      {"learning_rate", "0.0001"},
      {"weight_decay", "0"},
      {"encoder_arch", "[512,1024,2048,512]"},
      {"decoder_arch", "[512,2048,1024,512]"},
      {"function", "relu"},
      {"batchnorm", "false"},
      {"predictor_hidden_dim", "128"},
      {"mse_epochs", "200"},
      {"infoNCE_epochs", "10"},
      {"iic_factor", "0.0005"},
      {"iic_lambda", "9"},
      {"ema_base", "0.4"},
      {"n_init", "100"},
      {"self_distil", "50"},
      {"student_relu", "true"}}},
    {"ddmc",
     {{"alpha", "1"},
      {"beta", "1"},
      {"tau", "0.1"},
      {"rel_sigma", "0.15"},
      {"trunk", "[512,512,256]"},
      {"head_hidden", "100"},
      {"udc_power", "10"},
      {"udc_iterations", "150"},
      {"udc_tolerance", "0.01"},
      {"w_kl", "1"},
      {"w_mi", "1"},
      {"lr", "0.001"},
      {"batch_size", "100"},
      {"epochs", "100"},
      {"clip", "5"},
      {"silhouette_restarts", "10"},
      {"guard_threshold", "0.85"},
      {"dominant", "silhouette"},
      {"enhance", "enhance"},
      {"lr_step", "50"}}}};

class PublishedKeys : public ::testing::TestWithParam<std::string> {};

TEST_P(PublishedKeys, AreKeysWithTheirDefaults) {
  ASSERT_TRUE(published.count(GetParam())) << "no published hyper-parameters are listed for this method";
  const std::unique_ptr<Method> with = make_method(GetParam()), plain = make_method(GetParam());
  with->profile(false), plain->profile(false);
  Visitor changed, defaults;
  with->params(changed), plain->params(defaults);
  ASSERT_NO_THROW(apply_settings(changed, published.at(GetParam()), GetParam()));
  for (size_t i = 0; i < changed.keys.size(); ++i) {
    EXPECT_EQ(changed.keys[i].text(), defaults.keys[i].text()) << changed.keys[i].name;
    EXPECT_FALSE(changed.keys[i].help.empty()) << changed.keys[i].name;
  }
  EXPECT_THROW(apply_settings(changed, {{"no_such_key", "1"}}, GetParam()), Error);
}

std::vector<std::string> library_methods() {
  std::vector<std::string> names = method_names();
  std::erase(names, "plain_ae");  // a test's own
  return names;
}
INSTANTIATE_TEST_SUITE_P(Methods, PublishedKeys, ::testing::ValuesIn(library_methods()),
                         [](const auto& p) { return p.param; });

}  // namespace
}  // namespace parallax::testing

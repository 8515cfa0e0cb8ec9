// Test vectors of the SparseMVC page (section 12), f64 to 1e-6 and f32 to the page's own tolerances.
#include "method_tests.h"

namespace parallax::testing {
namespace {

Var sum_all(const Var& v) { return total({v}); }

TEST(SparseMvcVectors, ActivationEntropy) {
  Context ctx;
  Tensor a = Tensor::from<double>(ctx, {0, .05, .6, 2, 0, .05, .8, 1, 0, .05, .7, 1.5}, {3, 4});
  const Tensor factor = Tensor::from<double>(ctx, {0.5}, {1, 1});
  Tape tape(ctx);
  const Var x = tape.input(a);
  const Var loss = activation_entropy(x, factor, 0.05, true);
  EXPECT_DIGITS(loss.value.item(), 1.7976967174008016, 1e-12);
  tape.backward(sum_all(loss));
  const auto g = tape.grad_of(x).to_vector<double>();
  for (int row = 0; row < 3; ++row) {
    EXPECT_EQ(g[static_cast<size_t>(4 * row)], 0);
    EXPECT_NEAR(g[static_cast<size_t>(4 * row + 1)], 0, 1e-12);
    EXPECT_DIGITS(g[static_cast<size_t>(4 * row + 2)], 0.128968253968, 1e-10);
    EXPECT_EQ(g[static_cast<size_t>(4 * row + 3)], 0);
  }
}

TEST(SparseMvcVectors, Contrast) {
  Context ctx;
  const auto rows = [&](uint64_t t) {
    std::vector<double> v = recipe_values(t, 12);
    for (double& x : v) x -= 0.5;
    return Tensor::from<double>(ctx, v, {4, 3});
  };
  const auto check = [&](double tau, double loss, double dh, double dr) {
    Tape tape(ctx);
    // gradients with respect to the normalised matrices
    Tape first(ctx);
    const Var h = tape.input(normalize(first.constant(rows(2000))).value),
              r = tape.input(normalize(first.constant(rows(2001))).value);
    const Var l = anchor_contrast(h, {&r, 1}, tau);
    EXPECT_DIGITS(l.value.item(), loss, 1e-12);
    tape.backward(sum_all(l));
    EXPECT_DIGITS(length(tape.grad_of(h).to_vector<double>()), dh, 1e-10);
    EXPECT_DIGITS(length(tape.grad_of(r).to_vector<double>()), dr, 1e-7);  // the page prints eight digits
    return tape.grad_of(h).to_vector<double>();
  };
  const auto g = check(1, 0.9807991286846571, 0.634380350688, 0.59332583000);
  EXPECT_DIGITS(g[0], -.193299831336, 1e-10);
  EXPECT_DIGITS(g[1], -.279875777666, 1e-10);
  EXPECT_DIGITS(g[2], -.0522658588565, 1e-10);
  check(.5, 0.9479958181888238, 1.317153539117, 1.184545646483);
}

// V = 2, D = (7, 5), B = 6, full-size hidden layers, parameters by recipe
class EndToEnd : public ::testing::TestWithParam<DType> {
 protected:
  struct Outcome {
    std::map<std::string, double> losses;
    std::map<std::string, std::vector<double>> taps, grads;
    std::vector<double> totals;
  };
  Outcome run(const std::string& phase, std::vector<Setting> settings) {
    Context ctx;
    settings.emplace_back("dropout", "0");
    const auto method = method_with("sparsemvc", false, settings);
    std::vector<Tensor> views;
    for (const auto& [id, d] : {std::pair<uint64_t, int64_t>{1000, 7}, {1001, 5}}) {
      std::vector<double> x = recipe_values(id, 6 * d);
      for (double& v : x) v = id == 1001 && v < 0.3 ? 0 : v;
      Tensor t = Tensor::persistent(ctx, GetParam(), {6, d});
      t.assign(x);
      views.push_back(t);
    }
    ParamStore store(ctx, GetParam());
    std::map<std::string, Tensor> state;
    Build b{ctx, store, {6, {7, 5}, 3, {}}, views, state, [](const std::string&) {}};
    method->build(b);
    store.allocate();
    fill(store);
    Outcome o;
    Optimizer adam(store, {.lr = 3e-4}, {"encoders*", "decoders*", "feature*", "common*"});  // the attention stays
    Tape tape(ctx);
    for (int i = 0; i < 4; ++i) {
      ctx.begin_step();
      tape.clear();
      store.begin_step();
      Step step(tape, store, views, state);
      std::map<std::string, Tensor> taps;
      if (i == 0) step.collect_taps(&taps);
      const Var loss = method->loss(step, phase);
      o.totals.push_back(loss.value.item());
      tape.backward(loss);
      if (i == 0) {
        for (const auto& l : step.logged()) o.losses[*l.name] = l.column.row_range(l.row, 1).item();
        for (const auto& [name, t] : taps) o.taps[name] = t.to_vector<double>();
        for (int p = 0; p < store.count(); ++p)
          o.grads[store.name(Param{p})] = store.grad(Param{p}).to_vector<double>();
      }
      adam.step(loss.value);
      ctx.end_step();
    }
    return o;
  }
  static void fill(ParamStore& store) {
    uint64_t id = 0;
    const auto put = [&](const std::string& name, uint64_t t) {
      const Param p = store.find(name);
      ASSERT_TRUE(p.defined()) << name;
      Tensor v = store.value(p);
      std::string weight = name;
      if (name.size() > 4 && name.substr(name.size() - 4) == "bias")
        weight = name.substr(0, name.size() - 4) + "weight";
      const double n = static_cast<double>(store.value(store.find(weight)).cols());
      std::vector<double> x = recipe_values(t, v.count());
      for (double& e : x) e = (2 * e - 1) / std::sqrt(n);
      v.assign(x);
    };
    for (int u = 0; u < 3; ++u)
      for (const char* part : {"encoder", "decoder"})
        for (const int layer : {0, 3, 6, 9})
          for (const char* what : {"weight", "bias"}) put(str(part, "s.", u, ".", part, ".", layer, ".", what), id++);
    for (const char* name : {"feature_fusion_module.0", "feature_fusion_module.2", "common_information_module.0"})
      for (const char* what : {"weight", "bias"}) put(str(name, ".", what), id++);
    if (store.find("attention.query.weight").defined()) {
      put("attention.query.weight", 900);
      put("attention.key.weight", 901);
    }
  }
  bool single() const { return GetParam() == DType::f32; }
  double loss_tolerance() const { return single() ? 1e-5 : 1e-6; }
  double gradient_tolerance() const { return single() ? 1e-3 : 1e-6; }
};

TEST_P(EndToEnd, Alignment) {
  const Outcome o = run("contrast", {});
  const std::map<std::string, double> losses{{"rec.0", 0.280988231536},          {"rec.1", 0.351632664245},
                                             {"rec.global", 0.319403159666},     {"sparse.1", 0.0424851479957},
                                             {"sparse.global", 0.0164825160973}, {"con.0", 0.804741027173},
                                             {"con.1", 0.804651984717}};
  for (const auto& [name, value] : losses) EXPECT_DIGITS(o.losses.at(name), value, loss_tolerance()) << name;
  EXPECT_EQ(o.losses.at("sparse.0"), 0);
  EXPECT_DIGITS(o.totals[0], 2.62038473143, loss_tolerance());
  const double stepped[] = {2.55857585878, 2.49752331872, 2.41845410178};
  for (int i = 0; i < 3; ++i)
    EXPECT_DIGITS(o.totals[static_cast<size_t>(i) + 1], stepped[i], single() ? 1e-4 : 1e-6) << "after step " << i + 1;
  const auto& s = o.taps.at("sparsity");
  EXPECT_NEAR(s[0], 0, 1e-7);
  EXPECT_NEAR(s[1], 0.1667, 1e-7);
  EXPECT_NEAR(s[2], 0.08335, 1e-7);
  const auto& a = o.taps.at("attention");
  EXPECT_NEAR(a[0], .49992597, 1e-7);
  EXPECT_NEAR(a[3], .49999594, 1e-7);
  const double h[] = {-.121222190985, .212010002873, -.129888691354, .0444109710235};
  const double r[] = {.107752548311, .364933380478, .46795313496, -.0972288556156};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(o.taps.at("H")[i], h[i], single() ? 1e-5 : 1e-9);
    EXPECT_NEAR(o.taps.at("r.0")[i], r[i], single() ? 1e-5 : 1e-9);
  }
  const std::map<std::string, double> norms{
      {"encoders.0.encoder.0.weight", .00165926059147},      {"encoders.0.encoder.6.weight", .0149188192069},
      {"encoders.1.encoder.0.weight", .0195625141832},       {"encoders.1.encoder.9.weight", .0494222959287},
      {"encoders.2.encoder.0.weight", .0117414782296},       {"encoders.2.encoder.6.bias", .00707897918859},
      {"decoders.0.decoder.0.weight", .00623547669741},      {"decoders.2.decoder.9.weight", .135478728129},
      {"feature_fusion_module.0.weight", .00284374470362},   {"feature_fusion_module.2.weight", .00530567055286},
      {"common_information_module.0.weight", .0032392977102}};
  for (const auto& [name, value] : norms) EXPECT_DIGITS(length(o.grads.at(name)), value, gradient_tolerance()) << name;
  EXPECT_DIGITS(length(o.grads.at("attention.query.weight")), 8.24992e-07, single() ? 2e-2 : 1e-5);
  EXPECT_DIGITS(length(o.grads.at("attention.key.weight")), 9.47133e-07, single() ? 2e-2 : 1e-5);
}

TEST_P(EndToEnd, PretrainingAndTheFirstLayerSum) {
  EXPECT_DIGITS(run("pretrain", {}).totals[0], 1.01099171954, loss_tolerance());
  const Outcome o = run("pretrain", {{"kl_form", "first_layer_sum"}});
  EXPECT_DIGITS(o.losses.at("sparse.1"), 33.3524850481, single() ? 1e-5 : 1e-6);
  EXPECT_DIGITS(o.losses.at("sparse.global"), 10.9841213583, single() ? 1e-5 : 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Precision, EndToEnd, ::testing::Values(DType::f64, DType::f32),
                         [](const auto& p) { return std::string(name_of(p.param)); });

}  // namespace
}  // namespace parallax::testing

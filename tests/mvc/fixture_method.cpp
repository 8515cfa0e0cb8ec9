// A sixth method, outside of the library (docs/add-a-method.md): one autoencoder a view, the sum of the codes is
// clustered by k-means. Registered at run time and used through the same call as the built-in ones.
#include <gtest/gtest.h>

#include <parallax/autograd/ops.h>
#include <parallax/mvc/fit.h>
#include <parallax/tensor/draw.h>

#include "../scratch.h"

namespace parallax {
namespace {

struct PlainAutoencoder : Method {
  int64_t hidden = 32, code = 8, epochs = 60, batch_size = 0;
  double learning_rate = 3e-3;

  std::string name() const override { return "plain_ae"; }
  void profile(bool) override { *this = PlainAutoencoder(); }
  void params(Visitor& p) override {
    p.integer("hidden", hidden, 1, 65536, "hidden width");
    p.integer("code", code, 1, 65536, "width of the code");
    p.integer("epochs", epochs, 0, 1000000, "epochs");
    p.integer("batch_size", batch_size, 0, 1 << 24, "rows per step; 0: all");
    p.number("learning_rate", learning_rate, 1e-8, 1, "Adam step size");
  }

  int views = 0;
  MlpStack encoder, decoder;
  std::vector<std::string> rec_names;

  void build(Build& b) override {
    views = b.spec.views();
    std::vector<std::string> enc, dec;
    for (int v = 0; v < views; ++v) {
      enc.push_back(str("encoder.", v));
      dec.push_back(str("decoder.", v));
      rec_names.push_back(str("rec.", v));
    }
    encoder = MlpStack(b.store, enc, b.spec.dims, {{hidden, Act::relu, 0, "0", ""}, {code, Act::none, 0, "2", ""}});
    const std::vector<int64_t> codes(static_cast<size_t>(views), code);
    decoder = MlpStack(b.store, dec, codes, {{hidden, Act::relu, 0, "0", ""}, {0, Act::none, 0, "2", ""}}, b.spec.dims);
  }
  std::vector<Phase> plan() override {
    Phase p;
    p.name = "train";
    p.epochs = epochs;
    p.batch = batch_size;
    p.updates = {{.name = "all", .loss = [this](Step& s) { return loss(s, "train"); }, .opt = {.lr = learning_rate}}};
    return {p};
  }
  Var codes(Pass& p, std::span<const Tensor> x) {
    Small<Var> in;
    for (const Tensor& t : x) in.push_back(p.constant(t));
    return encoder.forward(p, in.span());  // [V * n, code]
  }
  Var loss(Step& s, const std::string&) override {
    const Var rec = decoder.forward_mse(s, codes(s, s.all_views()), s.all_views());  // [V, 1]
    s.log(rec_names, rec);
    return total({&rec, 1});
  }
  void embed(Rows& r) override {
    Small<Tensor> x;
    for (int v = 0; v < views; ++v) x.push_back(r.view(v));
    const Var z = codes(r, x.span());
    Var sum;
    for (int v = 0; v < views; ++v) {
      const Var zv = problem(z, views, v);
      r.out(str("view", v), zv);
      sum = v ? add_scaled(1, sum, 1, zv) : zv;
    }
    r.out("fused", sum);
  }
};

std::unique_ptr<Method> make_plain_ae() { return std::make_unique<PlainAutoencoder>(); }
// before the tests are listed, so that those of every method have it too
[[maybe_unused]] const bool registered = (register_method("plain_ae", &make_plain_ae), true);

MultiView blobs(int64_t n, const std::vector<int64_t>& dims, int k) {
  MultiView data;
  data.name = data.path = "blobs";
  data.samples = n;
  for (size_t v = 0; v < dims.size(); ++v) {
    View view;
    view.name = str("blob", v);
    view.rows = n;
    view.cols = dims[v];
    std::vector<double> x;
    const Draw<double> centre{.seed = 1, .tag = 10 + static_cast<uint32_t>(v)},
        noise{.seed = 2, .tag = 20 + static_cast<uint32_t>(v)};
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < dims[v]; ++j) x.push_back(4 * centre.normal(i % k, j) + noise.normal(i, j));
    view.values = std::move(x);
    data.views.push_back(std::move(view));
  }
  for (int64_t i = 0; i < n; ++i) data.labels.values.push_back(static_cast<int32_t>(i % k));
  for (int c = 0; c < k; ++c) data.labels.originals.push_back(std::to_string(c));
  return data;
}

TEST(OwnMethod, IsRegisteredTrainedAndPredicts) {
  EXPECT_THROW(register_method("plain_ae", &make_plain_ae), Error);
  const MultiView data = blobs(300, {20, 12}, 5);
  FitOptions o;
  o.method = "plain_ae";
  o.set = {{"epochs", "40"}};
  o.restarts = 10;
  Context ctx({.seed = 4});
  const std::string path = (testing::scratch_folder() / "plain_ae.h5").string();
  const FitResult r = fit(o, data, ctx, path);
  EXPECT_EQ(r.epochs, 40);
  ASSERT_FALSE(r.scores.empty());
  for (const FeatureScores& f : r.scores)
    if (f.feature == "fused") {
      EXPECT_GE(f.scores.acc, 0.95);
    }
  double first = 0, last = 0;
  for (const auto& [name, value] : r.history.front().epoch.losses)
    if (name == "total") first = value;
  for (const auto& [name, value] : r.history.back().epoch.losses)
    if (name == "total") last = value;
  EXPECT_LT(last, 0.5 * first);
  const Predictor predictor(ctx, path);
  EXPECT_EQ(predictor.predict(data).labels, r.labels);
}

}  // namespace
}  // namespace parallax

// GMAE and GDCN at the edges: few samples, one view, constant columns, copies of rows, every option; embeddings as
// functions of a row; refusals in words; the classification protocol.
#include <algorithm>
#include <set>

#include <parallax/mvc/classify.h>
#include <parallax/mvc/evaluate.h>
#include <parallax/mvc/neighbours.h>

#include "method_tests.h"

namespace parallax::testing {
namespace {

// Three blobs; column 0 of view 0 constant, sample 1 a copy of sample 0.
std::vector<Tensor> plain_blobs(Context& ctx, int64_t n, int views, DType type = DType::f32) {
  std::vector<Tensor> list;
  for (int v = 0; v < views; ++v) {
    const int64_t d = 4 + v;
    std::vector<double> x(static_cast<size_t>(n * d));
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < d; ++j) {
        const uint64_t e = static_cast<uint64_t>((i == 1 ? 0 : i) * d + j);
        x[static_cast<size_t>(i * d + j)] = v == 0 && j == 0 ? 0.0
                                                             : 0.2 * recipe(50 + static_cast<uint64_t>(v), e) +
                                                                   ((i == 1 ? 0 : i) % 3 == j % 3 ? 0.8 : 0.0);
      }
    list.push_back(Tensor::persistent(ctx, type, {n, d}));
    list.back().assign(x);
  }
  return list;
}
const std::vector<Setting> kSmallGmae{
    {"feature_dim", "8"}, {"hidden", "[16,12]"}, {"disc_hidden", "5"}, {"epochs", "3"}, {"n_init", "5"}};
const std::vector<Setting> kSmallGdcn{{"low_feature_dim", "8"},
                                      {"high_feature_dim", "6"},
                                      {"encoder_hidden", "[12,12,16]"},
                                      {"decoder_hidden", "[16,12,12]"},
                                      {"denoiser_hidden", "12"},
                                      {"rec_epochs", "2"},
                                      {"fine_tune_epochs", "3"},
                                      {"R", "2"},
                                      {"n_init", "5"}};

Features trained(const std::string& name, const std::vector<Setting>& settings, int64_t n, int views,
                 bool reference = false) {
  Context ctx({.seed = 3});
  const std::unique_ptr<Method> m = method_with(name, reference, settings);
  Trainer t(ctx, *m, plain_blobs(ctx, n, views), 3);
  t.build();
  double last = 0;
  t.train({.on_epoch = [&](const EpochRow& r) {
    for (const auto& [term, x] : r.losses) EXPECT_TRUE(std::isfinite(x)) << term;
    last = r.losses[0].second;
    return true;
  }});
  Features f = t.embed();
  for (const auto& [feature, x] : f.list)
    for (const double v : x.to_vector<double>()) EXPECT_TRUE(std::isfinite(v)) << feature;
  return f;
}

TEST(GmaeEdges, EveryOptionTrains) {
  const std::vector<std::vector<Setting>> options{{},
                                                  {{"disc_loss", "logits"}},
                                                  {{"anchors", "skip_last"}},
                                                  {{"do_contrast", "false"}},
                                                  {{"do_mi", "false"}},
                                                  {{"do_ad", "false"}},
                                                  {{"reversal", "true"}},
                                                  {{"codes", "common"}},
                                                  {{"codes", "specific"}},
                                                  {{"lambda_ma", "0"}},
                                                  {{"lambda_con", "0"}},
                                                  {{"dropout_code", "0"}, {"dropout_rec", "0"}},
                                                  {{"batch_size", "16"}},
                                                  {{"neighbours", "20"}, {"pos_num", "5"}},
                                                  {{"positives_per_view", "2"}, {"negatives_per_view", "3"}}};
  for (const auto& o : options) trained("gmae", with(kSmallGmae, o), 40, 2);
  trained("gmae", kSmallGmae, 40, 2, true);
}
TEST(GmaeEdges, FewSamplesAndOneView) {
  for (const int64_t n : {3, 4, 20, 100}) trained("gmae", kSmallGmae, n, 2);
  const Features f = trained("gmae", kSmallGmae, 30, 1);
  EXPECT_EQ(f.find("fused")->cols(), 16);
  EXPECT_EQ(trained("gmae", with(kSmallGmae, {{"codes", "specific"}}), 30, 3).find("fused")->cols(), 24);
}
TEST(GmaeEdges, ListsOfFewSamples) {
  for (const int64_t n : {3, 5, 22, 84, 95, 96, 97}) {
    const ListSizes s = list_sizes(n, {});
    EXPECT_GE(s.positives, 1) << n;
    EXPECT_GE(s.negatives, 1) << n;
    EXPECT_LE(1 + s.positives + s.negatives, s.searched) << n;
    EXPECT_LE(s.searched, n) << n;
    EXPECT_EQ(s.as_published, n >= 96) << n;
  }
  EXPECT_THROW(list_sizes(2, {}), Error);
  EXPECT_THROW(list_sizes(30, {.positives = 20, .negatives = 20}), Error);
  // a copy does not displace the sample itself
  Context ctx;
  const std::vector<Tensor> views = plain_blobs(ctx, 30, 1);
  const NeighbourLists l = neighbour_lists(ctx, views, list_sizes(30, {.pos_num = 4}));
  const auto near = l.positives.to_vector<int64_t>();
  EXPECT_EQ(near[0], 1);
  EXPECT_EQ(near[3], 0);
  for (int64_t i = 0; i < 30; ++i)
    for (int64_t k = 0; k < 3; ++k) EXPECT_NE(near[static_cast<size_t>(3 * i + k)], i);
}
TEST(GmaeEdges, Refusals) {
  const auto why = [](const std::vector<Setting>& s, int64_t n, bool reference = false) {
    return method_with("gmae", reference, s)->unfit({n, {3, 4}, 3, {}});
  };
  EXPECT_NE(why({}, 2), "");
  EXPECT_NE(why({{"batch_size", "1"}}, 50), "");
  EXPECT_NE(why({{"batch_size", "20"}}, 50, true), "");
  EXPECT_EQ(why({{"batch_size", "20"}}, 50), "");
  EXPECT_EQ(why({}, 50, true), "");
}

TEST(GdcnEdges, EveryOptionTrains) {
  const std::vector<std::vector<Setting>> options{{},
                                                  {{"sampler", "ddim"}, {"fused_norm", "l2"}, {"K", "4"}},
                                                  {{"sampler", "single"}, {"fused_norm", "l2"}},
                                                  {{"fusion", "concat"}},
                                                  {{"do_contrast", "false"}},
                                                  {{"R", "1"}},
                                                  {{"K", "1"}},
                                                  {{"K", "2"}},
                                                  {{"K", "3"}, {"T", "7"}},
                                                  {{"eval_noise", "fresh"}},
                                                  {{"noise_scale", "0"}},
                                                  {{"batch_size", "16"}},
                                                  {{"batch_size", "0"}},
                                                  {{"knn", "1"}},
                                                  {{"rec_epochs", "0"}},
                                                  {{"temperature_f", "2"}}};
  for (const auto& o : options) trained("gdcn", with(kSmallGdcn, o), 40, 2);
  trained("gdcn", kSmallGdcn, 40, 2, true);
}
TEST(GdcnEdges, FewSamplesAndOneView) {
  trained("gdcn", kSmallGdcn, 30, 1);
  trained("gdcn", with(kSmallGdcn, {{"knn", "3"}}), 3, 2);
  const auto why = [](const std::vector<Setting>& s, int64_t n) {
    return method_with("gdcn", false, s)->unfit({n, {3, 4}, 3, {}});
  };
  EXPECT_NE(why({}, 9), "");
  EXPECT_EQ(why({}, 10), "");
  EXPECT_NE(why({{"batch_size", "8"}}, 50), "");
  EXPECT_NE(why({{"K", "20"}, {"T", "10"}}, 50), "");
  EXPECT_NE(why({{"K", "1"}, {"T", "1"}}, 50), "");
}

// Embeddings do not depend on the other rows, on their number or on how often one asks.
TEST(MethodEdges, EmbeddingIsAFunctionOfTheRow) {
  for (const std::string name : {"gmae", "gdcn"}) {
    Context ctx({.seed = 3});
    const std::unique_ptr<Method> m = method_with(name, false, name == "gmae" ? kSmallGmae : kSmallGdcn);
    EXPECT_TRUE(m->repeatable_by_row());
    const std::vector<Tensor> views = plain_blobs(ctx, 300, 2);
    Trainer t(ctx, *m, views, 3);
    t.build();
    t.train({});
    const Features all = t.embed(), again = t.embed();
    std::vector<Tensor> part;
    for (const Tensor& v : views) part.push_back(v.row_range(260, 7));
    const Features some = t.embed(part);
    for (const auto& [feature, x] : all.list) {
      EXPECT_EQ(x.to_vector<float>(), again.find(feature)->to_vector<float>()) << name << " " << feature;
      EXPECT_EQ(x.row_range(260, 7).to_vector<float>(), some.find(feature)->to_vector<float>())
          << name << " " << feature;
    }
  }
  EXPECT_FALSE(method_with("gdcn", true, {})->repeatable_by_row());
}

// Moments and counters: parts that enter in the second phase start there, the others go on.
TEST(MethodEdges, GdcnCountsUpdatesPerParameter) {
  Context ctx;
  const std::unique_ptr<Method> m = method_with("gdcn", false, kSmallGdcn);
  Trainer t(ctx, *m, plain_blobs(ctx, 40, 2), 3);
  t.build();
  t.train({});
  const auto updates = [&](const char* name) { return t.store().updates(t.store().find(name)); };
  EXPECT_EQ(updates("encoders.0.encoder.0.weight"), 5);
  EXPECT_EQ(updates("Specific_view.0.weight"), 3);
  EXPECT_EQ(updates("diffusion.denoise_net.0.weight"), 3);
}

MultiView labelled(int64_t n) {
  Context ctx;
  MultiView d;
  d.name = "blobs";
  d.samples = n;
  for (const Tensor& t : plain_blobs(ctx, n, 2, DType::f64)) {
    View v;
    v.rows = n;
    v.cols = t.cols();
    v.values = t.to_vector<double>();
    d.views.push_back(v);
  }
  for (int64_t i = 0; i < n; ++i) d.labels.values.push_back(static_cast<int32_t>((i == 1 ? 0 : i) % 3));
  d.labels.originals = {"a", "b", "c"};
  return d;
}

TEST(Classification, LearnsAndLeavesTestRowsAlone) {
  const MultiView data = labelled(90);
  Context ctx({.seed = 5, .threads = 2});
  ClassifyOptions o;
  o.set = with(kSmallGmae, {{"epochs", "150"}, {"learning_rate", "0.005"}});
  o.repeats = 2;
  const ClassifyResult r = classify(o, data, ctx);
  const ClassifyRow* test = r.find("test", "classifier");
  ASSERT_TRUE(test);
  EXPECT_EQ(test->find("accuracy")->n, 2);
  EXPECT_GE(test->find("accuracy")->mean, 0.9);
  EXPECT_TRUE(r.find("train", "kmeans"));
  EXPECT_NE(r.training[0], r.training[1]);
  for (const auto& rows : r.training) {
    int count[3] = {};
    for (size_t i = 0; i < rows.size(); ++i) count[data.labels.values[i]] += rows[i];
    for (const int c : count) EXPECT_NEAR(c, 24, 1);
  }
  // other labels on the test rows of the only run: the same predictions
  o.repeats = 1;
  o.kmeans = false;
  const ClassifyResult first = classify(o, data, ctx);
  EXPECT_EQ(first.predicted[0], r.predicted[0]);
  o.stratified = false;
  const ClassifyResult a = classify(o, data, ctx);
  MultiView other = data;
  for (size_t i = 0; i < 90; ++i)
    if (!a.training[0][i]) other.labels.values[i] = (other.labels.values[i] + 1) % 3;
  const ClassifyResult b = classify(o, other, ctx);
  EXPECT_EQ(a.predicted[0], b.predicted[0]);
  EXPECT_LT(b.find("test", "classifier")->find("accuracy")->mean, 0.2);
}

TEST(Classification, ReferenceProtocol) {
  const MultiView data = labelled(60);
  Context ctx({.seed = 5});
  ClassifyOptions o;
  o.reference = true;
  o.set = with(kSmallGmae, {{"epochs", "10"}});
  int corrupted = 0;
  o.corrupt = [&](std::vector<std::vector<double>>& v, const std::vector<int32_t>&, uint64_t) {
    ++corrupted;
    EXPECT_NEAR(*std::max_element(v[1].begin(), v[1].end()), 1.0, 1e-15);  // scaled over all rows
  };
  const ClassifyResult r = classify(o, data, ctx);
  EXPECT_EQ(corrupted, 1);
  EXPECT_EQ(r.training.size(), 1u);
  EXPECT_EQ(std::count(r.training[0].begin(), r.training[0].end(), 1), 48);
  const ClassifyRow* test = r.find("test", "classifier");
  ASSERT_TRUE(test && test->find("coded_ari") && test->find("matched"));
  EXPECT_EQ(test->find("coded_acc")->mean, test->find("matched")->mean);
  MultiView none = data;
  none.labels.values.clear();
  EXPECT_THROW(classify(o, none, ctx), Error);
}

TEST(Classification, SplitKeepsEveryClass) {
  const std::vector<int32_t> labels{0, 1, 1, 2, 2, 2, 2, 2, 2, 2};
  const auto s = split_rows(labels, 3, 0.8, true, 1);
  EXPECT_EQ(s[0], 1);
  EXPECT_EQ(s[1] + s[2], 1);
  EXPECT_EQ(std::count(s.begin() + 3, s.end(), 1), 6);
  EXPECT_EQ(s, split_rows(labels, 3, 0.8, true, 1));
}

}  // namespace
}  // namespace parallax::testing

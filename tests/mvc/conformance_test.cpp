// Odd data, for every method: each kind works (finite numbers, labels within range, predictions that repeat the run) or
// is refused in a sentence and leaves no model.
#include <cmath>

#include "runs.h"

namespace parallax::testing {
namespace {

struct Oddity {
  std::string name;
  MultiView data;
  int clusters = 0;
  std::string corrupt = {};
  std::vector<Setting> set = {};
  // by method, "*" for all: the refusal's kind and words of its sentence
  std::map<std::string, std::pair<ErrorKind, std::string>> refused = {};
};

MultiView one_view() { return blobs(150, {6}); }
MultiView constant_columns(bool whole_view) {
  MultiView d = blobs();
  for (int64_t i = 0; i < d.samples; ++i)
    for (int64_t j = 0; j < (whole_view ? 6 : 2); ++j) values(d, 0)[static_cast<size_t>(i * 6 + j)] = 7;
  return d;
}
MultiView duplicate_rows() {  // three distinct rows, fifty times each
  MultiView d = blobs();
  for (size_t v = 0; v < 2; ++v) {
    const auto w = static_cast<size_t>(d.views[v].cols);
    for (size_t i = 0; i < 150; ++i)
      for (size_t j = 0; j < w; ++j) values(d, v)[i * w + j] = values(d, v)[i / 50 * 50 * w + j];
  }
  return d;
}
MultiView identical_rows() {
  MultiView d = blobs();
  for (size_t v = 0; v < 2; ++v) std::fill(values(d, v).begin(), values(d, v).end(), 2.5);
  return d;
}
MultiView zero_rows() {  // samples without one view, and one without any
  MultiView d = blobs();
  std::fill(values(d, 0).begin(), values(d, 0).begin() + 60, 0.0);
  std::fill(values(d, 1).end() - 70, values(d, 1).end(), 0.0);
  std::fill(values(d, 1).begin(), values(d, 1).begin() + 7, 0.0);
  return d;
}
// Columns of very different sizes: too much for the methods that take the data unscaled.
MultiView huge_and_tiny() {
  MultiView d = blobs();
  for (size_t i = 0; i < 150; ++i) values(d, 0)[i * 6] *= 1e30, values(d, 1)[i * 7 + 1] *= 1e-30;
  return d;
}
MultiView without_labels() {
  MultiView d = blobs();
  d.labels = {};
  return d;
}

const std::vector<Oddity>& oddities() {
  const auto distil_one_view = std::map<std::string, std::pair<ErrorKind, std::string>>{
      {"distilmvc", {ErrorKind::data, "needs at least two, the data has one"}}};
  static const std::vector<Oddity> list{
      {"OneView", one_view(), 0, "", {}, distil_one_view},
      {"ManyViews", blobs(60, {3, 4, 5, 3, 4, 5, 3, 4, 5, 3, 4, 5})},
      {"TooManyViews",
       blobs(20, std::vector<int64_t>(32, 2)),
       0,
       "",
       {},
       {{"*", {ErrorKind::data, "32 views; at most 31 are supported"}}}},
      {"MissingViews", blobs(), 0, "missing=0.4,seed=3"},
      {"MissingViewsAsPublished", blobs(), 0, "missing=0.4,rule=reference,seed=3"},
      {"RowsOfZeros", zero_rows()},
      {"OneCluster", blobs(150, {6, 7}, 1), 1},
      {"OneClusterOfThree", blobs(), 1},
      {"MoreClustersThanClasses", blobs(), 9},
      {"FewerSamplesThanTheBatch", blobs(20, {6, 7})},
      {"AsManyClustersAsSamples", blobs(12, {6, 7}), 12},
      {"TwoSamples",
       blobs(2, {6, 7}, 2),
       0,
       "",
       {},
       {{"gmae", {ErrorKind::data, "at least 3 samples"}}, {"gdcn", {ErrorKind::data, "10"}}}},
      {"MoreClustersThanSamples",
       blobs(20, {6, 7}),
       21,
       "",
       {},
       {{"*", {ErrorKind::config, "21 clusters for 20 samples"}}}},
      {"ConstantColumns", constant_columns(false)},
      {"ConstantView", constant_columns(true)},
      {"DuplicateRows", duplicate_rows()},
      {"IdenticalRows", identical_rows()},
      {"VeryDifferentColumns",
       huge_and_tiny(),
       0,
       "",
       {},
       {{"gdcn", {ErrorKind::numeric, "(--scale) may help"}},
        {"distilmvc", {ErrorKind::numeric, "(--scale) may help"}}}},
      {"NoLabels", without_labels(), 3},
      {"NoLabelsAndNoClusters",
       without_labels(),
       0,
       "",
       {},
       {{"*", {ErrorKind::config, "number of clusters must be"}}}},
      {"ConflictWithoutLabels", without_labels(), 3, "conflict=0.2", {}, {{"*", {ErrorKind::config, "labels"}}}},
  };
  return list;
}

class Conformance : public ::testing::TestWithParam<std::string> {};

void check(const std::string& method, const Oddity& odd) {
  SCOPED_TRACE(method + ", " + odd.name);
  FitOptions o = options_for(method);
  o.clusters = odd.clusters;
  if (!odd.corrupt.empty()) o.corrupt = parse_corrupt(odd.corrupt);
  o.set.insert(o.set.end(), odd.set.begin(), odd.set.end());
  auto refusal = odd.refused.find(method);
  if (refusal == odd.refused.end()) refusal = odd.refused.find("*");
  Context ctx({.seed = 5});
  const std::string model = temporary("odd-" + method + ".h5");
  FitResult r;
  try {
    r = fit(o, odd.data, ctx, model);
  } catch (const Error& e) {
    ASSERT_NE(refusal, odd.refused.end()) << "refused: " << e.what();
    EXPECT_EQ(static_cast<int>(e.kind), static_cast<int>(refusal->second.first)) << e.what();
    EXPECT_NE(std::string(e.what()).find(refusal->second.second), std::string::npos) << e.what();
    EXPECT_FALSE(fs::exists(model));
    return;
  }
  ASSERT_EQ(refusal, odd.refused.end()) << "accepted";
  const int k = odd.clusters ? odd.clusters : odd.data.labels.classes();
  ASSERT_EQ(r.labels.size(), static_cast<size_t>(odd.data.samples));
  for (const int32_t label : r.labels) EXPECT_TRUE(label >= 0 && label < k) << label;
  EXPECT_TRUE(std::all_of(r.embedding.begin(), r.embedding.end(), [](float x) { return std::isfinite(x); }));
  EXPECT_TRUE(std::all_of(r.confidence.begin(), r.confidence.end(), [](float x) { return x >= 0 && x <= 1; }));
  for (const HistoryRow& row : r.history)
    for (const auto& [term, x] : row.epoch.losses) EXPECT_TRUE(std::isfinite(x)) << term;
  EXPECT_EQ(r.scores.empty(), !odd.data.has_labels());
  if (!odd.corrupt.empty()) return;  // the model was not fitted to the data as they are
  Context other;
  const Predictor p(other, model);
  const Prediction all = p.predict(odd.data);
  EXPECT_EQ(all.labels, r.labels);
  EXPECT_EQ(all.embedding, r.embedding);
  if (odd.data.views.size() < 2) return;
  MultiView fewer = odd.data;
  fewer.views.pop_back();
  try {
    p.predict(fewer);
    ADD_FAILURE() << "a prediction without one of the views";
  } catch (const Error& e) {
    EXPECT_EQ(static_cast<int>(e.kind), static_cast<int>(ErrorKind::data));
    EXPECT_NE(std::string(e.what()).find("views"), std::string::npos) << e.what();
  }
}

TEST_P(Conformance, OddDataWorksOrIsRefused) {
  for (const Oddity& odd : oddities()) check(GetParam(), odd);
}

// Scaling leaves every column of twenty samples one zero: a fraction of 0.05, above theta.
TEST(SparseMvc, CountsZerosInScaledOrInRawData) {
  MultiView data = blobs(20);
  for (size_t i = 0; i < values(data, 1).size(); i += 2) values(data, 1)[i] = 0;
  const auto penalty = [&](const char* source, const std::string& term) {
    FitOptions o = options_for("sparsemvc");
    o.set.emplace_back("sparsity_source", source);
    Context ctx;
    const FitResult r = fit(o, data, ctx);
    for (const auto& [name, x] : r.history[0].epoch.losses)
      if (name == term) return x;
    return -1.0;
  };
  EXPECT_GT(penalty("normalised", "sparse.0"), 0);
  EXPECT_EQ(penalty("raw", "sparse.0"), 0);
  EXPECT_GT(penalty("raw", "sparse.1"), 0);
  EXPECT_GT(penalty("raw", "sparse.global"), 0);
}

INSTANTIATE_TEST_SUITE_P(Methods, Conformance, ::testing::ValuesIn(method_names()), test_name);

}  // namespace
}  // namespace parallax::testing

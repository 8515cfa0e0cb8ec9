// Whole runs with the methods' own schedules, held against bounds well below what several seeds reach. Minutes each.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include <parallax/parallax.h>

namespace parallax {
namespace {

double accuracy_of(const std::string& method, const std::string& path) {
  const MultiView data = load(path);
  Context ctx({.seed = 0, .threads = 0});
  FitOptions o;
  o.method = method;
  const FitResult r = fit(o, data, ctx);
  const auto fused =
      std::find_if(r.scores.begin(), r.scores.end(), [](const FeatureScores& f) { return f.feature == "fused"; });
  return fused == r.scores.end() ? 0 : fused->scores.acc;
}

TEST(Outcome, SparseMvcOnTheShippedData) {
  EXPECT_GE(accuracy_of("sparsemvc", PLX_SOURCE_DIR "/data/multiple-features.h5"), 0.85);
}

struct Case {
  const char *method, *data;
  double at_least;
};
class OutcomeOn : public testing::TestWithParam<Case> {};
TEST_P(OutcomeOn, ReachesItsBound) {
  const std::string path = std::string(PLX_SHARED_DATA) + "/datasets/" + GetParam().data;
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is not there; set PLX_SHARED_DATA to the folder of the reference data";
  EXPECT_GE(accuracy_of(GetParam().method, path), GetParam().at_least);
}
INSTANTIATE_TEST_SUITE_P(Methods, OutcomeOn, testing::Values(Case{"sparsemvc", "MSRCV1.mat", 0.8}), [](const auto& i) {
  return std::string(i.param.method) + "_" + std::filesystem::path(i.param.data).stem().string();
});

}  // namespace
}  // namespace parallax

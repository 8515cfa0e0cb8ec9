// Whole runs with the methods' own schedules, held against bounds well below what several seeds reach. Minutes each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <parallax/parallax.h>

namespace parallax {
namespace {

double accuracy_of(const std::string& method, const std::string& path, uint64_t seed = 0,
                   const std::string& profile = "sound") {
  const MultiView data = load(path);
  Context ctx({.seed = seed, .threads = 0});
  FitOptions o;
  o.method = method;
  o.profile = profile;
  o.eval_every = 1000000;  // at the ends of the phases only
  const FitResult r = fit(o, data, ctx);
  const auto fused =
      std::find_if(r.scores.begin(), r.scores.end(), [](const FeatureScores& f) { return f.feature == "fused"; });
  return fused == r.scores.end() ? 0 : fused->scores.acc;
}

TEST(Outcome, SparseMvcOnTheShippedData) {
  EXPECT_GE(accuracy_of("sparsemvc", PLX_SOURCE_DIR "/data/multiple-features.h5"), 0.82);
}

struct Case {
  const char *method, *data, *profile;
  int seeds;
  double mean_at_least;
};
class OutcomeOn : public testing::TestWithParam<Case> {};
TEST_P(OutcomeOn, ReachesItsBound) {
  const Case& c = GetParam();
  const std::string path = std::string(PLX_SHARED_DATA) + "/datasets/" + c.data;
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is not there; set PLX_SHARED_DATA to the folder of the reference data";
  double mean = 0;
  for (int seed = 0; seed < c.seeds; ++seed) {
    const double acc = accuracy_of(c.method, path, static_cast<uint64_t>(seed), c.profile);
    std::printf("%s %s %s seed %d: acc %.4f\n", c.method, c.profile, c.data, seed, acc);
    mean += acc / c.seeds;
  }
  EXPECT_GE(mean, c.mean_at_least);
}
INSTANTIATE_TEST_SUITE_P(Methods, OutcomeOn,
                         testing::Values(Case{"sparsemvc", "MSRCV1.mat", "reference", 5, 0.95},
                                         Case{"sparsemvc", "Synthetic3d.mat", "sound", 3, 0.95}),
                         [](const auto& i) {
                           return std::string(i.param.method) + "_" +
                                  std::filesystem::path(i.param.data).stem().string();
                         });

}  // namespace
}  // namespace parallax

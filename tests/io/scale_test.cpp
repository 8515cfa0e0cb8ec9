// Scaling: bit for bit against the published loaders' numbers, and the corner cases of each kind.
#include <cmath>
#include <cstring>

#include <parallax/io/hdf5.h>
#include <parallax/io/scale.h>

#include "shared.h"

using namespace parallax;
using namespace parallax_test;

namespace {

View view(int64_t rows, int64_t cols, std::vector<double> values) {
  View v;
  v.name = "v";
  v.rows = rows;
  v.cols = cols;
  v.values = std::move(values);
  return v;
}

TEST(Scale, GoldenFilesBitForBit) {
  PLX_NEEDS_SHARED("golden");
  int files = 0;
  for (const std::string& name : list_folder(shared("golden"))) {
    if (name.compare(0, 6, "scale_") != 0) continue;
    const H5Tree t = read_hdf5(shared("golden/" + name));
    const H5Node& x = t.at("/batch/x0");
    const View v = view(static_cast<int64_t>(x.shape[0]), static_cast<int64_t>(x.shape[1]), x.as_f64());
    const std::vector<double> want = t.at("/expect/x0").as_f64(), got = apply_scale_f64(fit_scale(v, Scale::minmax), v);
    ASSERT_EQ(got.size(), want.size());
    EXPECT_EQ(std::memcmp(got.data(), want.data(), want.size() * sizeof(double)), 0) << name;
    ++files;
  }
  EXPECT_GE(files, 1);
}

TEST(Scale, MinMaxCorners) {
  const View v = view(3, 3, {1, 7, 5, 2, 7, 5 + 1e-16, 3, 7, 5});
  const ScalePlan p = fit_scale(v, Scale::minmax);
  EXPECT_EQ(apply_scale_f64(p, v), (std::vector<double>{0, 0, 0, 0.5, 0, 0, 1, 0, 0}));
  EXPECT_EQ(p.a, (std::vector<double>{0.5, 1, 1}));
  // new rows of the same width; outside the fitted range is outside [0, 1]
  EXPECT_EQ(apply_scale_f64(p, view(1, 3, {5, 8, 4})), (std::vector<double>{2, 1, -1}));
  EXPECT_HAS(refusal(
                 [&] {
                   apply_scale(p, view(1, 2, {1, 2}));
                 },
                 ErrorKind::shape),
             "has 2 columns, its scaling was fitted on 3");
}

TEST(Scale, SingleStaysSingle) {
  View f;
  f.rows = 3;
  f.cols = 1;
  f.values = std::vector<float>{0.1f, 0.7f, 0.3f};
  const ScalePlan p = fit_scale(f, Scale::minmax);
  EXPECT_TRUE(p.single);
  const float a = 1.0f / (0.7f - 0.1f), b = 0.0f - 0.1f * a;
  EXPECT_EQ(apply_scale(p, f)[2], 0.3f * a + b);
  EXPECT_EQ(p.a[0], static_cast<double>(a));
}

TEST(Scale, OtherKinds) {
  const View v = view(2, 2, {0, 4, 2, 8});
  EXPECT_EQ(apply_scale_f64(fit_scale(v, Scale::none), v), (std::vector<double>{0, 4, 2, 8}));
  EXPECT_EQ(apply_scale_f64(fit_scale(v, Scale::minmax_global), v), (std::vector<double>{0, 0.5, 0.25, 1}));
  EXPECT_EQ(apply_scale_f64(fit_scale(v, Scale::standardise), v), (std::vector<double>{-1, -1, 1, 1}));
  const View rows = view(3, 2, {3, 4, 0, 0, 1e-200, 0});
  EXPECT_EQ(apply_scale_f64(fit_scale(rows, Scale::unit_row), rows), (std::vector<double>{0.6, 0.8, 0, 0, 1e-188, 0}));
  const View constant = view(3, 2, {0.1, 5, 0.1, 5, 0.1, 5});
  for (const Scale k : {Scale::minmax, Scale::standardise})
    EXPECT_EQ(apply_scale_f64(fit_scale(constant, k), constant), std::vector<double>(6, 0.0));
  const View one = view(2, 1, {3, 3});
  EXPECT_EQ(apply_scale(fit_scale(one, Scale::minmax_global), one), (std::vector<float>{0, 0}));
}

TEST(Scale, Names) {
  for (const char* n : {"none", "minmax", "minmax-global", "unit-row", "standardise"})
    EXPECT_STREQ(name_of(parse_scale(n)), n);
  EXPECT_HAS(refusal([] { parse_scale("zscore"); }, ErrorKind::config), "unknown scaling 'zscore'");
}

}  // namespace

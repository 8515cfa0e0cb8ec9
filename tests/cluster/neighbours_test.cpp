// Nearest neighbours, label-free scores and spectral clustering: hand-worked cases, exhaustive search, and values of
// scikit-learn 1.9 and NumPy (constants) on points given by a formula.
#include "parallax/cluster/knn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "parallax/cluster/label_free.h"
#include "parallax/cluster/metrics.h"
#include "parallax/cluster/spectral.h"
#include "parallax/tensor/draw.h"

using namespace parallax;
namespace {

// Sixty points in four loose groups: the points of the constants below.
template <class T = double> std::vector<T> sixty() {
  std::vector<T> x;
  for (int j = 0; j < 60; ++j) {
    const double g = j % 4;
    x.push_back(T(std::sin(j * 1.7) + 1.5 * g));
    x.push_back(T(std::cos(j * 0.9) - g));
    x.push_back(T(std::sin(j * j * 0.31) + 0.5 * g));
  }
  return x;
}
std::vector<int32_t> groups() {
  std::vector<int32_t> l;
  for (int j = 0; j < 60; ++j) l.push_back(j % 4);
  return l;
}

TEST(Neighbours, AgainstScikitLearn) {
  Context ctx;
  const Tensor x = Tensor::from(ctx, sixty(), {60, 3});
  const Neighbours first = nearest_neighbours(ctx, x, 6, Self::first), other = nearest_neighbours(ctx, x, 5);
  EXPECT_EQ(std::vector<int32_t>(first.index.begin(), first.index.begin() + 6),
            (std::vector<int32_t>{0, 48, 28, 36, 20, 8}));
  EXPECT_EQ(std::vector<int32_t>(first.index.begin() + 37 * 6, first.index.begin() + 38 * 6),
            (std::vector<int32_t>{37, 9, 14, 6, 33, 53}));
  const double squared[] = {
      0.0, 0.1740872780668905, 0.31746217424890505, 0.5853469127744679, 0.7968199711717442, 0.9559519099269682};
  for (size_t m = 0; m < 6; ++m) EXPECT_NEAR(first.squared[37 * 6 + m], squared[m], 1e-14);
  for (size_t i = 0; i < 60; ++i)
    for (size_t m = 0; m < 5; ++m) EXPECT_EQ(other.index[i * 5 + m], first.index[i * 6 + m + 1]);
}

template <class T> void against_exhaustive(const std::vector<T>& x, int64_t n, int64_t d, int64_t k) {
  Context one, two({.threads = 2});
  const Neighbours a = nearest_neighbours(one, Tensor::from(one, x, {n, d}), k);
  const Neighbours b = nearest_neighbours(two, Tensor::from(two, x, {n, d}), k);
  EXPECT_EQ(a.index, b.index);
  EXPECT_EQ(a.squared, b.squared);
  for (int64_t i = 0; i < n; ++i) {
    std::vector<std::pair<double, int32_t>> all;
    for (int64_t j = 0; j < n; ++j) {
      double s = 0;
      for (int64_t c = 0; c < d; ++c) s += std::pow(double(x[size_t(i * d + c)]) - double(x[size_t(j * d + c)]), 2);
      if (j != i) all.push_back({s, static_cast<int32_t>(j)});
    }
    std::sort(all.begin(), all.end());
    for (int64_t m = 0; m < k; ++m) {
      ASSERT_EQ(a.index[size_t(i * k + m)], all[size_t(m)].second) << "row " << i << ", rank " << m;
      ASSERT_NEAR(a.squared[size_t(i * k + m)], all[size_t(m)].first, 1e-13 * (1 + all[size_t(m)].first));
    }
  }
}

TEST(Neighbours, EqualExhaustiveSearchWithTies) {
  Draw<float> draw{9, tag_of("grid")};
  std::vector<float> grid, smooth;
  for (int64_t i = 0; i < 700; ++i)
    for (int64_t j = 0; j < 4; ++j) {
      grid.push_back(std::floor(draw.uniform(i, j) * 4));  // few values: copies and ties everywhere
      smooth.push_back(draw.normal(i, j + 8));
    }
  against_exhaustive<float>(grid, 700, 4, 9);
  against_exhaustive<float>(grid, 700, 4, 175);
  against_exhaustive<float>(smooth, 700, 4, 1);
  against_exhaustive<float>(smooth, 700, 4, 699);
  std::vector<double> precise(smooth.begin(), smooth.end());
  against_exhaustive<double>(precise, 700, 4, 60);
  // far from the origin and close together: the expanded form in single precision could not tell these apart
  for (size_t e = 0; e < smooth.size(); ++e) smooth[e] = (e / 4 % 2 ? 1.0f : -1.0f) + smooth[e] * 1e-6f;
  against_exhaustive<float>(smooth, 700, 4, 20);
}

TEST(Neighbours, CopiesAndRefusals) {
  Context ctx;
  const Tensor x = Tensor::from(ctx, std::vector<float>{5, 5, 5, 1}, {4, 1});
  EXPECT_EQ(nearest_neighbours(ctx, x, 4, Self::first).index,
            (std::vector<int32_t>{0, 1, 2, 3, 1, 0, 2, 3, 2, 0, 1, 3, 3, 0, 1, 2}));
  EXPECT_THROW(nearest_neighbours(ctx, x, 4), Error);
  EXPECT_THROW(nearest_neighbours(ctx, x, 0), Error);
  EXPECT_THROW(nearest_neighbours(ctx, Tensor::from(ctx, std::vector<float>{1, NAN}, {2, 1}), 1), Error);
}

TEST(Silhouette, PageVector) {
  Context ctx;
  const Tensor x = Tensor::from(ctx, std::vector<float>{0, 0, 0, 1, 4, 0, 4, 1, 9, 9}, {5, 2});
  const Silhouette s = silhouette(ctx, x, {0, 0, 1, 1, 2});
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(s.samples[i], 0.7537887487646789, 1e-14);
  EXPECT_EQ(s.samples[4], 0.0);
  EXPECT_NEAR(s.mean, 0.6030309990117432, 1e-14);
}

TEST(Silhouette, AgainstScikitLearn) {
  Context ctx({.threads = 2});
  const Tensor x = Tensor::from(ctx, sixty(), {60, 3});
  std::vector<int32_t> labels = groups();
  const Silhouette s = silhouette(ctx, x, labels);
  EXPECT_NEAR(s.mean, 0.19624666085530143, 1e-14);
  EXPECT_NEAR(s.samples[0], 0.45260233264407906, 1e-13);
  EXPECT_NEAR(s.samples[59], 0.28191840451659106, 1e-13);
  EXPECT_NEAR(s.samples[13], 0.31005968731793376, 1e-13);
  EXPECT_NEAR(davies_bouldin(ctx, x, labels), 1.2483351763983543, 1e-13);
  EXPECT_NEAR(calinski_harabasz(ctx, x, labels), 58.76957260251319, 1e-11);
  labels[13] = 9;
  EXPECT_NEAR(silhouette(ctx, x, labels).mean, 0.11047829014504917, 1e-14);
  EXPECT_EQ(silhouette(ctx, x, labels).samples[13], 0.0);
  EXPECT_NEAR(davies_bouldin(ctx, x, labels), 1.1993117337267, 1e-12);
  EXPECT_NEAR(calinski_harabasz(ctx, x, labels), 44.16239135761142, 1e-11);
}

TEST(Silhouette, NearPointsFarFromTheOriginAndThreads) {
  const int64_t n = 500, d = 7;
  Draw<float> draw{4, tag_of("x")};
  std::vector<double> x, moved;
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < n; ++i) {
    labels.push_back(static_cast<int32_t>(i * i % 5));
    for (int64_t j = 0; j < d; ++j)
      x.push_back(double(draw.normal(i / 2 * 2, j)) + 1e-7 * double(draw.normal(i, j + 10)));
  }
  for (const double v : x) moved.push_back(std::ldexp(v, 5) + 1024);
  Context one, two({.threads = 2});
  const Silhouette a = silhouette(one, Tensor::from(one, x, {n, d}), labels);
  EXPECT_EQ(a.samples, silhouette(two, Tensor::from(two, x, {n, d}), labels).samples);
  const Silhouette b = silhouette(one, Tensor::from(one, moved, {n, d}), labels);
  for (int64_t i = 0; i < n; i += 7) {
    std::vector<double> sum(5, 0.0), count(5, 0.0);
    for (int64_t j = 0; j < n; ++j) {
      double s = 0;
      for (int64_t c = 0; c < d; ++c) s += std::pow(x[size_t(i * d + c)] - x[size_t(j * d + c)], 2);
      sum[size_t(labels[size_t(j)])] += std::sqrt(s);
      if (j != i) ++count[size_t(labels[size_t(j)])];
    }
    const auto own = size_t(labels[size_t(i)]);
    double least = INFINITY;
    for (size_t c = 0; c < 5; ++c)
      if (c != own && count[c] > 0) least = std::min(least, sum[c] / count[c]);
    const double mean = sum[own] / count[own];
    EXPECT_NEAR(a.samples[size_t(i)], (least - mean) / std::max(least, mean), 1e-12);
    EXPECT_NEAR(b.samples[size_t(i)], a.samples[size_t(i)], 1e-6);  // the shift itself rounds the data
  }
}

TEST(LabelFree, UndefinedAndDegenerate) {
  Context ctx;
  const Tensor x = Tensor::from(ctx, std::vector<float>{0, 1, 2}, {3, 1});
  for (const std::vector<int32_t>& labels : {std::vector<int32_t>{1, 1, 1}, {0, 1, 2}}) {
    EXPECT_TRUE(std::isnan(davies_bouldin(ctx, x, labels)));
    EXPECT_TRUE(std::isnan(calinski_harabasz(ctx, x, labels)));
  }
  EXPECT_TRUE(std::isnan(silhouette(ctx, x, {1, 1, 1}).mean));
  EXPECT_EQ(silhouette(ctx, x, {0, 1, 2}).samples, (std::vector<double>{0, 0, 0})) << "clusters of one";
  const Tensor twins = Tensor::from(ctx, std::vector<float>{3, 3, 3, 3}, {4, 1});
  EXPECT_EQ(silhouette(ctx, twins, {0, 0, 1, 1}).mean, 0.0);
  EXPECT_EQ(davies_bouldin(ctx, twins, {0, 0, 1, 1}), 0.0);
  EXPECT_EQ(calinski_harabasz(ctx, twins, {0, 0, 1, 1}), 1.0);
  EXPECT_THROW(silhouette(ctx, x, {0, 1}), Error);
  EXPECT_DOUBLE_EQ(balance({4, 4, 7, 7}), 1.0);
  EXPECT_NEAR(balance({0, 0, 0, 1}), (0.75 * std::log(4.0 / 3) + 0.25 * std::log(4.0)) / std::log(2.0), 1e-15);
}

TEST(Spectral, EigenvaluesOfADenseReference) {
  Context ctx;
  SpectralOptions o;
  o.k = 5;
  const SpectralResult r = spectral_clustering(ctx, Tensor::from(ctx, sixty(), {60, 3}), o);
  const double expected[] = {1.0, 0.9673663260179464, 0.8861976193274786, 0.6739631600237523, 0.6492393146439136};
  ASSERT_EQ(r.eigenvalues.size(), 5u);
  for (size_t c = 0; c < 5; ++c) EXPECT_NEAR(r.eigenvalues[c], expected[c], 1e-12);
  EXPECT_EQ(r.components, 1);
}

// Two interleaved half circles, where k-means on the points fails.
std::vector<double> moons(std::vector<int32_t>* truth) {
  std::vector<double> x;
  for (int t = 0; t < 600; ++t) {
    const double a = std::acos(-1.0) * std::floor(t / 2.0) / 299.0;
    x.push_back((t % 2 ? 1 - std::cos(a) : std::cos(a)) + 0.05 * std::sin(t * t * 1.3));
    x.push_back((t % 2 ? 0.5 - std::sin(a) : std::sin(a)) + 0.05 * std::cos(t * t * 0.7));
    truth->push_back(t % 2);
  }
  return x;
}

TEST(Spectral, HalfMoons) {
  std::vector<int32_t> truth;
  const std::vector<double> x = moons(&truth);
  Context one, two({.threads = 2});
  SpectralOptions o;
  o.k = 2;
  const SpectralResult a = spectral_clustering(one, Tensor::from(one, x, {600, 2}), o);
  EXPECT_EQ(score(truth, a.labels).ari, 1.0);
  EXPECT_EQ(a.components, 2);
  o.k = 4;  // two known eigenvectors, two by Lanczos
  const SpectralResult b = spectral_clustering(one, Tensor::from(one, x, {600, 2}), o);
  EXPECT_NEAR(b.eigenvalues[2], 0.9994401089205109, 1e-9);
  EXPECT_NEAR(b.eigenvalues[3], 0.9993818375618467, 1e-9);
  EXPECT_EQ(b.labels, spectral_clustering(two, Tensor::from(two, x, {600, 2}), o).labels);
  EXPECT_EQ(score(b.labels, truth).homogeneity < 1, true);
  EXPECT_EQ(score(truth, b.labels).homogeneity, 1.0);  // every cluster lies in one moon
}

TEST(Spectral, DegenerateSizes) {
  Context ctx;
  SpectralOptions o;
  for (int64_t n = 1; n <= 5; ++n)
    for (o.k = 1; o.k <= n; ++o.k) {
      std::vector<float> x;
      for (int64_t i = 0; i < n; ++i) x.push_back(static_cast<float>(i * i));
      const SpectralResult r = spectral_clustering(ctx, Tensor::from(ctx, x, {n, 1}), o);
      EXPECT_EQ(r.labels.size(), size_t(n));
      EXPECT_EQ(r.eigenvalues.size(), size_t(o.k));
      EXPECT_NEAR(r.eigenvalues[0], 1.0, 1e-12);
    }
  o.k = 2;  // copies: two components, every row on top of another
  std::vector<float> copies;
  for (int i = 0; i < 30; ++i) copies.push_back(i % 2 ? 3.f : 8.f);
  const SpectralResult r = spectral_clustering(ctx, Tensor::from(ctx, copies, {30, 1}), o);
  for (size_t i = 2; i < 30; ++i) EXPECT_EQ(r.labels[i], r.labels[i - 2]);
  EXPECT_NE(r.labels[0], r.labels[1]);
  o.k = 31;
  EXPECT_THROW(spectral_clustering(ctx, Tensor::from(ctx, copies, {30, 1}), o), Error);
}

}  // namespace

// k-means: reference Lloyd by hand, degenerate inputs, repeatability.
#include "parallax/cluster/kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "parallax/cluster/metrics.h"
#include "parallax/tensor/isa.h"
#include "parallax/tensor/log.h"

using namespace parallax;
namespace {

template <class T> std::vector<T> blobs(int64_t n, int64_t d, int64_t k, double spread, double shift = 0) {
  Draw<float> noise{3, tag_of("noise")}, centre{3, tag_of("centre")};
  std::vector<T> x;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < d; ++j)
      x.push_back(static_cast<T>(double(noise.normal(i, j)) + spread * double(centre.normal(i % k, j)) + shift));
  return x;
}

struct Plain {
  std::vector<int32_t> labels;
  std::vector<double> centres;
  double inertia = 0;
};

// Textbook Lloyd in double until the labels repeat.
template <class T> Plain plain_lloyd(const std::vector<T>& x, size_t n, size_t d, size_t k, std::vector<double> c) {
  Plain p;
  std::vector<int32_t> labels(n, -1);
  for (;;) {
    std::vector<int32_t> next(n);
    p.inertia = 0;
    for (size_t i = 0; i < n; ++i) {
      double best = INFINITY;
      for (size_t g = 0; g < k; ++g) {
        double s = 0;
        for (size_t j = 0; j < d; ++j)
          s += (double(x[i * d + j]) - c[g * d + j]) * (double(x[i * d + j]) - c[g * d + j]);
        if (s < best) best = s, next[i] = static_cast<int32_t>(g);
      }
      p.inertia += best;
    }
    if (next == labels) break;
    labels = next;
    std::vector<double> sum(k * d, 0.0), count(k, 0.0);
    for (size_t i = 0; i < n; ++i) {
      ++count[size_t(labels[i])];
      for (size_t j = 0; j < d; ++j) sum[size_t(labels[i]) * d + j] += double(x[i * d + j]);
    }
    for (size_t g = 0; g < k; ++g)
      for (size_t j = 0; j < d; ++j)
        if (count[g] > 0) c[g * d + j] = sum[g * d + j] / count[g];
  }
  p.labels = labels;
  p.centres = c;
  return p;
}

template <class T> void from_given_centres(int64_t n, int64_t d, int64_t k, double shift, double tolerance) {
  Context ctx;
  const std::vector<T> x = blobs<T>(n, d, k, 0.7, shift);
  KMeansOptions o;
  o.k = k;
  o.tol = 0;
  o.max_iter = 1000;
  for (int64_t c = 0; c < k; ++c)
    for (int64_t j = 0; j < d; ++j) o.start.push_back(double(x[size_t(c * 3 % n * d + j)]));
  const KMeansResult r = kmeans(ctx, Tensor::from(ctx, x, {n, d}), o);
  const Plain p = plain_lloyd(x, size_t(n), size_t(d), size_t(k), o.start);
  EXPECT_EQ(r.labels, p.labels);
  EXPECT_NEAR(r.inertia, p.inertia, tolerance * p.inertia);
  ASSERT_EQ(r.centres.size(), p.centres.size());
  for (size_t e = 0; e < p.centres.size(); ++e)
    EXPECT_NEAR(r.centres[e], p.centres[e], tolerance * (1 + std::abs(shift)));
  EXPECT_EQ(r.restart_inertias, std::vector<double>{r.inertia});
  EXPECT_EQ(assign(ctx, Tensor::from(ctx, x, {n, d}), r.centres), r.labels);
}

TEST(KMeans, GivenCentresEqualPlainLloyd) {
  for (const auto& [n, d, k] :
       {std::tuple{131, 3, 7}, {50, 37, 2}, {83, 5, 4}, {1000, 16, 15}, {333, 300, 31}, {40, 1, 40}}) {
    SCOPED_TRACE(::testing::Message() << n << " x " << d << ", k = " << k);
    from_given_centres<double>(n, d, k, 0, 1e-12);
    from_given_centres<float>(n, d, k, 0, 1e-12);
    from_given_centres<float>(n, d, k, 1000, 1e-12);  // far from the origin
  }
}

TEST(KMeans, SameBitsForAnyThreadsAndInstructionSet) {
  const int64_t n = 20011, d = 19, k = 9;
  const std::vector<float> x = blobs<float>(n, d, k, 0.5);
  KMeansOptions o;
  o.k = k;
  o.restarts = 7;
  o.seed = 5;
  Context one, two({.threads = 2});
  const KMeansResult a = kmeans(one, Tensor::from(one, x, {n, d}), o);
  const KMeansResult b = kmeans(two, Tensor::from(two, x, {n, d}), o);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.centres, b.centres);
  EXPECT_EQ(a.restart_inertias, b.restart_inertias);
  lower_isa(Isa::v3);
  const KMeansResult c = kmeans(one, Tensor::from(one, x, {n, d}), o);
  lower_isa(Isa::v4);
  EXPECT_EQ(a.labels, c.labels);
  EXPECT_EQ(a.restart_inertias, c.restart_inertias);
  // a restart is a function of its number, not of its neighbours
  o.restarts = 3;
  const KMeansResult fewer = kmeans(one, Tensor::from(one, x, {n, d}), o);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(fewer.restart_inertias[i], a.restart_inertias[i], 1e-12 * a.inertia);
  EXPECT_EQ(a.inertia, *std::min_element(a.restart_inertias.begin(), a.restart_inertias.end()));
}

TEST(KMeans, FindsSeparatedBlobs) {
  Context ctx;
  const int64_t n = 900, d = 8, k = 6;
  std::vector<int32_t> truth;
  for (int64_t i = 0; i < n; ++i) truth.push_back(static_cast<int32_t>(i % k));
  KMeansOptions o;
  o.k = k;
  const KMeansResult r = kmeans(ctx, Tensor::from(ctx, blobs<float>(n, d, k, 20), {n, d}), o);
  EXPECT_EQ(score(truth, r.labels).ari, 1.0);
  EXPECT_EQ(r.empty_clusters, 0);
  const KMeansResult far = kmeans(ctx, Tensor::from(ctx, blobs<double>(n, d, k, 20, 1e7), {n, d}), o);
  EXPECT_EQ(score(truth, far.labels).ari, 1.0);
}

TEST(KMeans, ScaleDoesNotMatter) {
  Context ctx;
  const std::vector<double> x = blobs<double>(300, 5, 3, 4);
  std::vector<double> large = x, small = x;
  for (double& v : large) v = std::ldexp(v, 400);
  for (double& v : small) v = std::ldexp(v, -400);
  KMeansOptions o;
  o.k = 3;
  const KMeansResult a = kmeans(ctx, Tensor::from(ctx, x, {300, 5}), o);
  EXPECT_EQ(kmeans(ctx, Tensor::from(ctx, large, {300, 5}), o).labels, a.labels);
  EXPECT_EQ(kmeans(ctx, Tensor::from(ctx, small, {300, 5}), o).labels, a.labels);
}

TEST(KMeans, OneClusterAndAsManyAsRows) {
  Context ctx;
  const std::vector<float> x = blobs<float>(57, 4, 5, 1);
  const Tensor t = Tensor::from(ctx, x, {57, 4});
  KMeansOptions o;
  o.k = 1;
  const KMeansResult one = kmeans(ctx, t, o);
  for (int64_t j = 0; j < 4; ++j) {
    double mean = 0;
    for (int64_t i = 0; i < 57; ++i) mean += double(x[size_t(i * 4 + j)]);
    EXPECT_NEAR(one.centres[size_t(j)], mean / 57, 1e-14);
  }
  o.k = 57;
  const KMeansResult all = kmeans(ctx, t, o);
  EXPECT_EQ(all.inertia, 0.0);
  EXPECT_EQ(std::set<int32_t>(all.labels.begin(), all.labels.end()).size(), 57u);
}

TEST(KMeans, EmptyClusterTakesTheFarthestRow) {
  Context ctx;
  // centre 2 attracts nobody. Distances to their centres: rows 3 and 4 are farthest, equally; row 3 comes first.
  const std::vector<double> x{0, 0.5, 1, -5, 6, 100, 100.5};
  KMeansOptions o;
  o.k = 3;
  o.tol = 0;
  o.max_iter = 1;
  o.start = {0.5, 100.25, 1e6};
  const KMeansResult r = kmeans(ctx, Tensor::from(ctx, x, {7, 1}), o);
  EXPECT_EQ(r.centres, (std::vector<double>{(0 + 0.5 + 1 + 6) / 4, 100.25, -5}));
  EXPECT_EQ(r.labels, (std::vector<int32_t>{0, 0, 0, 2, 0, 1, 1}));
  EXPECT_EQ(r.empty_clusters, 0);
}

TEST(KMeans, TiesGoToTheLowestIndex) {
  Context ctx;
  const Tensor t = Tensor::from(ctx, std::vector<float>{0, 2, 1}, {3, 1});
  EXPECT_EQ(assign(ctx, t, {2, 0, 0}), (std::vector<int32_t>{1, 0, 0}));
  KMeansOptions o;
  o.k = 2;
  o.start = {2, 0};
  o.tol = 0;
  EXPECT_EQ(kmeans(ctx, t, o).labels, (std::vector<int32_t>{1, 0, 0}));
}

TEST(KMeans, FewerDistinctRowsThanClustersWarns) {
  Context ctx;
  std::vector<float> x;
  for (int i = 0; i < 60; ++i) x.push_back(static_cast<float>(i % 3)), x.push_back(1);
  std::string warning;
  const LogSink old = set_log_sink([&](LogLevel level, const std::string& line) {
    if (level == LogLevel::warning) warning += line;
  });
  KMeansOptions o;
  o.k = 5;
  const KMeansResult r = kmeans(ctx, Tensor::from(ctx, x, {60, 2}), o);
  set_log_sink(old);
  EXPECT_EQ(r.inertia, 0.0);
  EXPECT_EQ(r.empty_clusters, 2);
  EXPECT_NE(warning.find("only 3 rows"), std::string::npos) << warning;
  o.k = 3;
  EXPECT_EQ(kmeans(ctx, Tensor::from(ctx, x, {60, 2}), o).empty_clusters, 0);
  o.k = 2;
  EXPECT_EQ(kmeans(ctx, Tensor::from(ctx, std::vector<float>(20, 7.f), {10, 2}), o).inertia, 0.0);
}

ErrorKind kind_of(Context& ctx, const Tensor& x, const KMeansOptions& o, std::string* message = nullptr) {
  try {
    kmeans(ctx, x, o);
  } catch (const Error& e) {
    if (message) *message = e.message;
    return e.kind;
  }
  return ErrorKind::internal;
}

TEST(KMeans, Refusals) {
  Context ctx;
  std::vector<float> x = blobs<float>(30, 3, 2, 1);
  KMeansOptions o;
  o.k = 31;
  EXPECT_EQ(kind_of(ctx, Tensor::from(ctx, x, {30, 3}), o), ErrorKind::config);
  o.k = 0;
  EXPECT_EQ(kind_of(ctx, Tensor::from(ctx, x, {30, 3}), o), ErrorKind::config);
  o.k = 2;
  o.start = {1, 2, 3};
  EXPECT_EQ(kind_of(ctx, Tensor::from(ctx, x, {30, 3}), o), ErrorKind::shape);
  o.start.clear();
  std::string message;
  for (const float bad : {NAN, INFINITY}) {
    x[17 * 3 + 2] = bad;
    EXPECT_EQ(kind_of(ctx, Tensor::from(ctx, x, {30, 3}), o, &message), ErrorKind::numeric);
    EXPECT_NE(message.find("row 17, column 2"), std::string::npos) << message;
    EXPECT_THROW(assign(ctx, Tensor::from(ctx, x, {30, 3}), {0, 0, 0}), Error);
  }
}

TEST(KMeans, AssignIsAFunctionOfTheRow) {
  Context ctx({.threads = 2});
  const int64_t n = 700, d = 33, k = 12;
  const std::vector<float> x = blobs<float>(n, d, k, 0.2);
  std::vector<double> centres;
  for (int64_t e = 0; e < k * d; ++e) centres.push_back(double(x[size_t(e)]));
  const Tensor t = Tensor::from(ctx, x, {n, d});
  std::vector<double> far, single;
  const std::vector<int32_t> labels = assign(ctx, t, centres, &far);
  for (int64_t i = 0; i < n; i += 13) {
    EXPECT_EQ(assign(ctx, t.row_range(i, 1), centres, &single)[0], labels[size_t(i)]);
    EXPECT_EQ(single[0], far[size_t(i)]);
  }
  for (int64_t c = 0; c < k; ++c) EXPECT_EQ(labels[size_t(c)], c);  // centres are rows
}

TEST(KMeans, ReadsColumnsOfAWiderMatrixAndLeavesNothingBehind) {
  Context ctx;
  const std::vector<float> x = blobs<float>(200, 6, 3, 5);
  const Tensor wide = Tensor::from(ctx, x, {200, 6});
  std::vector<float> narrow;
  for (size_t i = 0; i < 200; ++i)
    for (size_t j = 1; j < 4; ++j) narrow.push_back(x[i * 6 + j]);
  KMeansOptions o;
  o.k = 3;
  const KMeansResult a = kmeans(ctx, wide.col_range(1, 3), o), b = kmeans(ctx, Tensor::from(ctx, narrow, {200, 3}), o);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.inertia, b.inertia);
  const uint64_t before = ctx.counters().allocations;
  kmeans(ctx, wide.col_range(1, 3), o);
  EXPECT_EQ(ctx.counters().allocations, before);
}

// With few rows in many columns, partitions that are stable under Lloyd's iterations are many and mostly bad.
template <class T> void no_single_move_helps(double shift) {
  const size_t n = 90, d = 150, k = 4;
  Context ctx;
  const std::vector<T> x = blobs<T>(n, d, k, 0.1, shift);
  const Tensor t = Tensor::from(ctx, x, {n, d});
  KMeansOptions o;
  o.k = k;
  o.refine = 0;
  const KMeansResult lloyd = kmeans(ctx, t, o);
  o.refine = 10;
  const KMeansResult r = kmeans(ctx, t, o);
  EXPECT_LT(r.inertia, lloyd.inertia * 0.999);
  EXPECT_EQ(assign(ctx, t, r.centres), r.labels);
  for (size_t s = 0; s < r.restart_inertias.size(); ++s)
    EXPECT_LE(r.restart_inertias[s], lloyd.restart_inertias[s] * (1 + 1e-12));
  std::vector<double> count(k, 0.0);
  for (const int32_t c : r.labels) ++count[size_t(c)];
  const auto square = [&](size_t i, size_t c) {
    double sum = 0;
    for (size_t j = 0; j < d; ++j) sum += std::pow(double(x[i * d + j]) - r.centres[c * d + j], 2);
    return sum;
  };
  for (size_t i = 0; i < n; ++i) {
    const auto own = size_t(r.labels[i]);
    if (count[own] < 2) continue;
    const double stay = square(i, own) * count[own] / (count[own] - 1);
    for (size_t c = 0; c < k; ++c) {
      const double go = square(i, c) * count[c] / (count[c] + 1);
      EXPECT_TRUE(c == own || go >= stay * (1 - 1e-9)) << "row " << i << ", cluster " << c;
    }
  }
}

TEST(KMeans, NoSingleMoveLowersTheInertia) {
  no_single_move_helps<double>(0);
  no_single_move_helps<float>(0);
  no_single_move_helps<float>(500);
}

}  // namespace

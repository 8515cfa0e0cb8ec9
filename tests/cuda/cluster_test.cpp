// k-means, neighbours and label-free scores on the device against the CPU: the same seeds, rows, labels and lists, the
// same bits in every run, edge sizes, copies, and a row pitch.
#include <algorithm>
#include <cmath>

#include <parallax/cluster/kmeans.h>
#include <parallax/cluster/knn.h>
#include <parallax/cluster/label_free.h>
#include <parallax/cluster/spectral.h>
#include <parallax/tensor/log.h>

#include "device.h"

namespace parallax::testing {
namespace {

struct Size {
  int64_t n, d, k;
};
std::ostream& operator<<(std::ostream& o, const Size& s) { return o << s.n << " x " << s.d << ", " << s.k; }

template <class T> std::vector<T> points_of(const Size& s, double spread, double shift = 0) {
  Draw<float> noise{3, tag_of("noise")}, centre{3, tag_of("centre")};
  std::vector<T> x;
  for (int64_t i = 0; i < s.n; ++i)
    for (int64_t j = 0; j < s.d; ++j)
      x.push_back(static_cast<T>(double(noise.normal(i, j)) + spread * double(centre.normal(i % s.k, j)) + shift));
  return x;
}
// Few values: copies and ties everywhere.
std::vector<float> grid(int64_t n, int64_t d) {
  Draw<float> draw{9, tag_of("grid")};
  std::vector<float> x;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < d; ++j) x.push_back(std::floor(draw.uniform(i, j) * 3));
  return x;
}
std::vector<int32_t> labels_for(int64_t n, int64_t k) {
  std::vector<int32_t> l;
  for (int64_t i = 0; i < n; ++i) l.push_back(static_cast<int32_t>(i * 7 % k));
  return l;
}

void expect_same(const KMeansResult& a, const KMeansResult& b) {
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(a.centres, b.centres);
  EXPECT_EQ(a.restart_inertias, b.restart_inertias);
  EXPECT_EQ(a.iterations, b.iterations);
}

class CudaCluster : public ::testing::Test {
 protected:
  void SetUp() override {
    PLX_NEEDS_DEVICE();
    there_ = std::make_unique<Context>(on_cuda());
  }
  Context& cuda() { return *there_; }
  Context cpu;

  // Both results; the device's twice.
  template <class T>
  KMeansResult compare(const std::vector<T>& x, int64_t d, const KMeansOptions& o, double tolerance) {
    const int64_t n = static_cast<int64_t>(x.size()) / d;
    const Tensor here = Tensor::from(cpu, x, {n, d}), far = Tensor::from(cuda(), x, {n, d});
    KMeansResult a = kmeans(cuda(), far, o), b = kmeans(cpu, here, o);
    expect_same(a, kmeans(cuda(), far, o));
    EXPECT_EQ(a.labels, b.labels);
    EXPECT_EQ(a.best_restart, b.best_restart);
    EXPECT_EQ(a.iterations, b.iterations);
    EXPECT_EQ(a.empty_clusters, b.empty_clusters);
    EXPECT_EQ(a.restart_inertias.size(), b.restart_inertias.size());
    for (size_t r = 0; r < a.restart_inertias.size() && r < b.restart_inertias.size(); ++r)
      EXPECT_NEAR(a.restart_inertias[r], b.restart_inertias[r], tolerance * b.restart_inertias[r]) << "restart " << r;
    double top = 0;
    for (const double c : b.centres) top = std::max(top, std::abs(c));
    EXPECT_EQ(a.centres.size(), b.centres.size());
    for (size_t e = 0; e < a.centres.size() && e < b.centres.size(); ++e)
      EXPECT_NEAR(a.centres[e], b.centres[e], tolerance * top);
    return a;
  }

 private:
  std::unique_ptr<Context> there_;
};

constexpr Size kSizes[] = {{1, 1, 1},   {2, 3, 2},   {31, 1, 4},  {32, 16, 5},  {33, 17, 6},  {129, 100, 3},
                           {40, 2, 40}, {300, 5, 9}, {96, 33, 1}, {200, 4, 70}, {150, 3, 130}};

TEST_F(CudaCluster, KMeansEqualsCpu) {
  for (const Size& s : kSizes) {
    SCOPED_TRACE(::testing::Message() << s);
    KMeansOptions o;
    o.k = s.k;
    o.restarts = 3;
    o.seed = 11;
    compare(points_of<float>(s, 1.0), s.d, o, 1e-12);
    compare(points_of<double>(s, 1.0, 100), s.d, o, 1e-12);
  }
}

TEST_F(CudaCluster, KMeansFromGivenCentresAndFewIterations) {
  const Size s{333, 20, 7};
  const std::vector<float> x = points_of<float>(s, 0.5);
  KMeansOptions o;
  o.k = s.k;
  o.start.assign(x.begin(), x.begin() + s.k * s.d);
  o.tol = 0;
  for (const int64_t iterations : {1, 2, 3, 100}) {
    o.max_iter = iterations;
    compare(x, s.d, o, 1e-12);
  }
}

TEST_F(CudaCluster, KMeansManyRestartsInOneTile) {
  const Size s{180, 9, 7};
  KMeansOptions o;
  o.k = s.k;
  o.restarts = 21;
  o.refine = 4;
  const KMeansResult all = compare(points_of<float>(s, 0.6, 10), s.d, o, 1e-12);
  // a restart does not depend on its neighbours
  o.refine = 0;
  o.restarts = 20;
  const KMeansResult lloyd = compare(points_of<float>(s, 0.6, 10), s.d, o, 1e-12);
  o.restarts = 1;
  EXPECT_EQ(compare(points_of<float>(s, 0.6, 10), s.d, o, 1e-12).restart_inertias[0], lloyd.restart_inertias[0]);
  EXPECT_LE(all.inertia, lloyd.inertia);
}

TEST_F(CudaCluster, KMeansCopiesTiesAndEmptyClusters) {
  const LogSink old = set_log_sink([](LogLevel, const std::string&) {});
  KMeansOptions o;
  o.k = 5;
  o.restarts = 4;
  std::vector<float> three;
  for (int i = 0; i < 60; ++i) three.push_back(static_cast<float>(i % 3)), three.push_back(1);
  const KMeansResult r = compare(three, 2, o, 0);
  EXPECT_EQ(r.inertia, 0.0);
  EXPECT_EQ(r.empty_clusters, 2);
  compare(std::vector<float>(20, 7.f), 2, o, 0);
  set_log_sink(old);
  // two centres attract nobody, and take rows 3 and 4: at the same distance from theirs
  o.k = 4;
  o.tol = 0;
  o.max_iter = 1;
  o.start = {0.5, 100.25, 1e6, 2e6};
  const KMeansResult far = compare(std::vector<double>{0, 0.5, 1, -5, 6, 100, 100.5}, 1, o, 0);
  EXPECT_EQ(far.labels, (std::vector<int32_t>{0, 0, 0, 2, 3, 1, 1}));
  o.k = 2;
  o.start = {2, 0};
  EXPECT_EQ(compare(std::vector<float>{0, 2, 1}, 1, o, 0).labels, (std::vector<int32_t>{1, 0, 0}));
}

TEST_F(CudaCluster, KMeansReadsOnlyItsColumnsAndLeavesNothingBehind) {
  const Size s{130, 6, 3};
  const std::vector<float> x = points_of<float>(s, 5);
  const Tensor plain = Tensor::from(cuda(), x, {s.n, s.d});
  Tensor wide = Tensor::persistent(cuda(), DType::f32, {s.n, s.d + 5});
  wide.fill(std::nan(""));
  Tensor part = wide.col_range(3, s.d);
  part.copy_from(plain);
  KMeansOptions o;
  o.k = s.k;
  expect_same(kmeans(cuda(), plain, o), kmeans(cuda(), part, o));
  const uint64_t before = cuda().counters().allocations;
  kmeans(cuda(), part, o);
  EXPECT_EQ(cuda().counters().allocations, before);
  const std::vector<int32_t> labels = labels_for(s.n, s.k);
  EXPECT_EQ(nearest_neighbours(cuda(), part, 4).index, nearest_neighbours(cuda(), plain, 4).index);
  EXPECT_EQ(silhouette(cuda(), part, labels).samples, silhouette(cuda(), plain, labels).samples);
  EXPECT_EQ(davies_bouldin(cuda(), part, labels), davies_bouldin(cuda(), plain, labels));
  EXPECT_EQ(assign(cuda(), part, std::vector<double>(x.begin(), x.begin() + 12)),
            assign(cuda(), plain, std::vector<double>(x.begin(), x.begin() + 12)));
}

TEST_F(CudaCluster, KMeansRefusals) {
  const Size s{40, 3, 2};
  std::vector<float> x = points_of<float>(s, 1);
  KMeansOptions o;
  o.k = 41;
  EXPECT_THROW(kmeans(cuda(), Tensor::from(cuda(), x, {s.n, s.d}), o), Error);
  o.k = 2;
  EXPECT_THROW(kmeans(cuda(), Tensor::from(cpu, x, {s.n, s.d}), o), Error);  // of another device
  x[17 * 3 + 2] = NAN;
  try {
    kmeans(cuda(), Tensor::from(cuda(), x, {s.n, s.d}), o);
    ADD_FAILURE() << "a NaN was clustered";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind, ErrorKind::numeric);
    EXPECT_NE(e.message.find("row 17, column 2"), std::string::npos) << e.message;
  }
  EXPECT_THROW(assign(cuda(), Tensor::from(cuda(), x, {s.n, s.d}), {0, 0, 0}), Error);
}

TEST_F(CudaCluster, AssignHasTheBitsOfTheCpu) {
  for (const Size& s : kSizes) {
    const std::vector<float> x = points_of<float>(s, 0.2);
    const std::vector<double> centres(x.begin(), x.begin() + s.k * s.d);
    std::vector<double> a, b;
    EXPECT_EQ(assign(cuda(), Tensor::from(cuda(), x, {s.n, s.d}), centres, &a),
              assign(cpu, Tensor::from(cpu, x, {s.n, s.d}), centres, &b));
    EXPECT_EQ(a, b) << s;
  }
}

template <class T>
void neighbours(Context& cpu, Context& cuda, const std::vector<T>& x, int64_t d, int64_t k, Self self) {
  const int64_t n = static_cast<int64_t>(x.size()) / d;
  SCOPED_TRACE(::testing::Message() << n << " x " << d << ", " << k << " neighbours");
  const Neighbours a = nearest_neighbours(cuda, Tensor::from(cuda, x, {n, d}), k, self);
  const Neighbours b = nearest_neighbours(cpu, Tensor::from(cpu, x, {n, d}), k, self);
  EXPECT_EQ(a.index, b.index);
  EXPECT_EQ(a.squared, b.squared);
}

TEST_F(CudaCluster, NeighboursEqualTheCpus) {
  neighbours(cpu, cuda(), std::vector<float>{4}, 1, 1, Self::first);
  neighbours(cpu, cuda(), std::vector<float>{5, 5, 5, 1}, 1, 4, Self::first);
  neighbours(cpu, cuda(), std::vector<float>{5, 5, 5, 1}, 1, 3, Self::excluded);
  for (const auto& [n, d, k] :
       {Size{31, 1, 5}, {32, 3, 31}, {33, 100, 32}, {130, 17, 33}, {200, 4, 199}, {257, 9, 66}}) {
    const std::vector<float> x = points_of<float>({n, d, 3}, 1);
    neighbours(cpu, cuda(), x, d, k, Self::excluded);
    neighbours(cpu, cuda(), x, d, k, Self::first);
    neighbours(cpu, cuda(), std::vector<double>(x.begin(), x.end()), d, k, Self::excluded);
    neighbours(cpu, cuda(), grid(n, d), d, k, Self::excluded);
    // far from the origin and close together: products in single precision cannot tell these apart
    std::vector<float> close;
    for (size_t e = 0; e < x.size(); ++e) close.push_back((e / size_t(d) % 2 ? 1.0f : -1.0f) + x[e] * 1e-6f);
    neighbours(cpu, cuda(), close, d, k, Self::excluded);
  }
}

TEST_F(CudaCluster, SpectralClusteringEqualsTheCpus) {
  for (const auto& [n, d, k] : {Size{1, 2, 1}, {12, 3, 2}, {40, 3, 1}, {60, 3, 5}, {130, 9, 3}}) {
    SCOPED_TRACE(::testing::Message() << n << " x " << d << ", " << k << " clusters");
    const std::vector<float> x = points_of<float>({n, d, n == 60 ? 1 : k}, 1);  // 60 in one piece
    const SpectralOptions o{.k = k, .seed = 4};
    const uint64_t before = cuda().backend()->counters.library;
    const SpectralResult a = spectral_clustering(cuda(), Tensor::from(cuda(), x, {n, d}), o),
                         b = spectral_clustering(cpu, Tensor::from(cpu, x, {n, d}), o);
    EXPECT_EQ(a.labels, b.labels);
    const bool solved = n > 1 && b.components < k;  // one eigenvalue a component is known, the library finds the others
    if (!solved) {
      EXPECT_EQ(a.embedding, b.embedding);
      EXPECT_EQ(a.eigenvalues, b.eigenvalues);
    }
    ASSERT_EQ(a.eigenvalues.size(), b.eigenvalues.size());
    for (size_t c = 0; c < b.eigenvalues.size(); ++c) EXPECT_NEAR(a.eigenvalues[c], b.eigenvalues[c], 1e-12) << c;
    ASSERT_EQ(a.embedding.size(), b.embedding.size());
    for (size_t e = 0; e < b.embedding.size(); ++e) EXPECT_NEAR(a.embedding[e], b.embedding[e], 1e-10) << e;
    EXPECT_TRUE(n == 1 || cuda().backend()->counters.launches > 0);
    EXPECT_EQ(cuda().backend()->counters.library > before, solved);
  }
}

TEST_F(CudaCluster, LabelFreeScoresEqualTheCpus) {
  for (const auto& [n, d, k] : {Size{3, 1, 2}, {31, 1, 2}, {32, 3, 31}, {33, 100, 5}, {270, 7, 6}, {150, 12, 40}})
    for (const double shift : {0.0, 50.0}) {
      SCOPED_TRACE(::testing::Message() << n << " x " << d << ", " << k << " clusters, shift " << shift);
      std::vector<float> x = points_of<float>({n, d, 4}, 2, shift);
      std::copy_n(x.begin(), d, x.end() - d);  // a copy
      const std::vector<int32_t> labels = labels_for(n, k);
      const Tensor here = Tensor::from(cpu, x, {n, d}), far = Tensor::from(cuda(), x, {n, d});
      const Silhouette a = silhouette(cuda(), far, labels), b = silhouette(cpu, here, labels);
      EXPECT_NEAR(a.mean, b.mean, 1e-12);
      ASSERT_EQ(a.samples.size(), b.samples.size());
      for (size_t i = 0; i < a.samples.size(); ++i) EXPECT_NEAR(a.samples[i], b.samples[i], 1e-11) << "row " << i;
      EXPECT_EQ(a.samples, silhouette(cuda(), far, labels).samples);
      EXPECT_NEAR(davies_bouldin(cuda(), far, labels), davies_bouldin(cpu, here, labels), 1e-9);
      const double index = calinski_harabasz(cpu, here, labels);
      EXPECT_NEAR(calinski_harabasz(cuda(), far, labels), index, 1e-9 * index);
    }
  const Tensor twins = Tensor::from(cuda(), std::vector<float>{3, 3, 3, 3}, {4, 1});
  EXPECT_EQ(silhouette(cuda(), twins, {0, 0, 1, 1}).mean, 0.0);
  EXPECT_EQ(davies_bouldin(cuda(), twins, {0, 0, 1, 1}), 0.0);
  EXPECT_EQ(calinski_harabasz(cuda(), twins, {0, 0, 1, 1}), 1.0);
  EXPECT_TRUE(std::isnan(silhouette(cuda(), twins, {1, 1, 1, 1}).mean));
}

}  // namespace
}  // namespace parallax::testing

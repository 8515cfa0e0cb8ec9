#include "label_free.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "device_kernels.h"
#include "metrics.h"
#include "pairs_kernels.h"

namespace parallax {
namespace {
using namespace cluster_detail;

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

Grouping groups_of(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels, const char* what) {
  check_input(ctx, x, what);
  PLX_CHECK(shape, static_cast<int64_t>(labels.size()) == x.rows(), what, ": ", labels.size(), " labels for ", x.rows(),
            " rows");
  return group_by_value(labels);
}

std::vector<int64_t> sizes_of(const Grouping& g) {
  std::vector<int64_t> sizes(static_cast<size_t>(g.groups), 0);
  for (const int32_t c : g.ids) ++sizes[size_t(c)];
  return sizes;
}

// Centres, and the sum and sum of squares of the distances to them.
struct Spread {
  std::vector<double> centres;             // [k, d], of the centred data
  std::vector<double> distances, squares;  // [k]
  std::vector<int64_t> sizes;
  double between = 0;
};

// The same on a device: sums of rows and squared distances there, n of which come back.
template <class T> Spread spread_on_device(Context& ctx, const Tensor& x, const Grouping& g, const char* what) {
  const ScratchScope scope(ctx);
  const Points<T> p = pack_points<T>(ctx, x, what);
  const int64_t k = g.groups, chunk = 1024, chunks = (p.n + chunk - 1) / chunk;
  const Tensor labels = Tensor::from(ctx, g.ids, {p.n, 1}), counts = Tensor::empty(ctx, DType::i64, {k, 1}),
               centres = Tensor::empty(ctx, DType::f64, {k, p.d}), sums = Tensor::empty(ctx, DType::f64, {k, p.d}),
               partial = Tensor::empty(ctx, DType::f64, {chunks * k, p.d}),
               partial_counts = Tensor::empty(ctx, DType::i64, {chunks, k}),
               squared = Tensor::empty(ctx, DType::f64, {p.n, 1}),
               list = Tensor::from(ctx, std::vector<int32_t>{0}, {1, 1});
  DeviceSlots<T> slots;
  slots.k = k, slots.m = 1, slots.list = list.ptr<int32_t>(), slots.labels = labels.ptr<int32_t>();
  slots.centres = slots.next = centres.ptr<double>(), slots.sums = sums.ptr<double>();
  slots.counts = counts.ptr<int64_t>();
  run_device(ctx, MoveSums<T>{p.x, slots, true, chunk, partial.ptr<double>(), partial_counts.ptr<int64_t>()});
  run_device(ctx, DeviceInertia<T>{p.x, slots, nullptr, squared.ptr<double>()});
  Spread s;
  s.sizes = sizes_of(g);
  s.centres = centres.to_vector<double>();
  s.distances.assign(size_t(k), 0.0);
  s.squares.assign(size_t(k), 0.0);
  for (size_t e = 0; e < s.centres.size(); ++e) {
    const double m = s.centres[e] -= p.mean[e % size_t(p.d)];
    s.between += static_cast<double>(s.sizes[e / size_t(p.d)]) * m * m;
  }
  const std::vector<double> each = squared.to_vector<double>();
  for (size_t i = 0; i < each.size(); ++i) {
    s.squares[size_t(g.ids[i])] += each[i];
    s.distances[size_t(g.ids[i])] += std::sqrt(each[i]);
  }
  return s;
}

Spread spread_of(Context& ctx, const Tensor& tensor, const Grouping& g, const char* what) {
  if (tensor.device())
    return by_float(tensor.dtype(), [&]<class T>(T) { return spread_on_device<T>(ctx, tensor, g, what); });
  const ScratchScope scope(ctx);
  const Tensor real = as_double(ctx, tensor);
  const Points<double> p = pack_points<double>(ctx, real, what);
  const auto d = static_cast<size_t>(p.d), k = static_cast<size_t>(g.groups);
  Spread s;
  s.sizes = sizes_of(g);
  s.centres.assign(k * d, 0.0);
  s.distances.assign(k, 0.0);
  s.squares.assign(k, 0.0);
  for (int64_t i = 0; i < p.n; ++i)
    for (size_t j = 0, c = size_t(g.ids[size_t(i)]); j < d; ++j) s.centres[c * d + j] += p.x.row(i)[j] - p.mean[j];
  for (size_t c = 0; c < k; ++c)
    for (size_t j = 0; j < d; ++j) {
      const double m = s.centres[c * d + j] /= static_cast<double>(s.sizes[c]);
      s.between += static_cast<double>(s.sizes[c]) * m * m;
    }
  for (int64_t i = 0; i < p.n; ++i) {
    const auto c = size_t(g.ids[size_t(i)]);
    double square = 0;
    for (size_t j = 0; j < d; ++j) {
      const double t = p.x.row(i)[j] - p.mean[j] - s.centres[c * d + j];
      square += t * t;
    }
    s.squares[c] += square;
    s.distances[c] += std::sqrt(square);
  }
  return s;
}

// Silhouettes of the rows in the order of `row`, which is sorted by cluster.
std::vector<double> samples_on_device(Context& ctx, const Tensor& x, const std::vector<int64_t>& row,
                                      const std::vector<int32_t>& cluster, const std::vector<int64_t>& sizes) {
  const int64_t n = x.rows(), k = static_cast<int64_t>(sizes.size());
  const Tensor sorted = Tensor::empty(ctx, DType::f64, {n, x.cols()}), order = Tensor::from(ctx, row, {n, 1});
  by_float(x.dtype(), [&]<class T>(T) {
    run_device(ctx, GatherDouble<T>{x.mat<T>(), order.ptr<int64_t>(), n, sorted.ptr<double>()});
  });
  const Points<double> p = pack_points<double>(ctx, sorted, "silhouette");
  const Tensor ids = Tensor::from(ctx, cluster, {n, 1}), counts = Tensor::from(ctx, sizes, {k, 1}),
               sums = Tensor::empty(ctx, DType::f64, {n, k}), samples = Tensor::empty(ctx, DType::f64, {n, 1});
  run_device(ctx, SilhouetteOnDevice{on_device(p), ids.ptr<int32_t>(), counts.ptr<int64_t>(), k, sums.ptr<double>(),
                                     samples.ptr<double>()});
  return samples.to_vector<double>();
}

bool defined(const Grouping& g, int64_t n) { return g.groups > 1 && g.groups < n; }

}  // namespace

Silhouette silhouette(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels) {
  const Grouping g = groups_of(ctx, x, labels, "silhouette");
  const int64_t n = x.rows(), d = x.cols(), k = g.groups;
  Silhouette s;
  if (k < 2) {
    s.mean = kUndefined;
    s.samples.assign(size_t(n), kUndefined);
    return s;
  }
  const ScratchScope scope(ctx);
  // rows sorted by cluster, so that a strip of points is a sum for one cluster
  const std::vector<int64_t> sizes = sizes_of(g);
  std::vector<int64_t> at(size_t(k), 0), row(static_cast<size_t>(n));
  for (size_t c = 1; c < size_t(k); ++c) at[c] = at[c - 1] + sizes[c - 1];
  for (int64_t i = 0; i < n; ++i) row[size_t(at[size_t(g.ids[size_t(i)])]++)] = i;
  std::vector<int32_t> cluster(static_cast<size_t>(n));
  if (x.device()) {
    for (size_t m = 0; m < size_t(n); ++m) cluster[m] = g.ids[size_t(row[m])];
    const std::vector<double> samples = samples_on_device(ctx, x, row, cluster, sizes);
    s.samples.resize(size_t(n));
    for (size_t m = 0; m < size_t(n); ++m) s.samples[size_t(row[m])] = samples[m];
    s.mean = std::accumulate(s.samples.begin(), s.samples.end(), 0.0) / static_cast<double>(n);
    return s;
  }
  const Tensor sorted = Tensor::empty(ctx, DType::f64, {n, d});
  by_float(x.dtype(), [&]<class T>(T) {
    const Mat<const T> from = x.mat<T>();
    for (int64_t m = 0; m < n; ++m) {
      cluster[size_t(m)] = g.ids[size_t(row[size_t(m)])];
      for (int64_t j = 0; j < d; ++j)
        sorted.ptr<double>()[m * d + j] = static_cast<double>(from.row(row[size_t(m)])[j]);
    }
  });
  const Points<double> p = pack_points<double>(ctx, sorted, "silhouette", true);
  s.samples.assign(size_t(n), 0.0);
  constexpr int64_t block = 32;
  ctx.parallel((n + block - 1) / block, [&](int64_t b) {
    const int64_t q0 = b * block, q1 = std::min(n, q0 + block);
    std::vector<double> sums(static_cast<size_t>((q1 - q0) * k));
    cpu_twin(ctx, ClusterDistances<double>{p.x, p.rows.ptr<double>(), p.strips.ptr<double>(), p.norms.ptr<double>(),
                                           p.scale, q0, q1, cluster.data(), k, sums.data()});
    for (int64_t q = q0; q < q1; ++q) {
      const auto own = size_t(cluster[size_t(q)]);
      if (sizes[own] == 1) continue;
      const double* sum = sums.data() + (q - q0) * k;
      const double a = sum[own] / static_cast<double>(sizes[own] - 1);
      double least = std::numeric_limits<double>::infinity();
      for (size_t c = 0; c < size_t(k); ++c)
        if (c != own) least = std::min(least, sum[c] / static_cast<double>(sizes[c]));
      const double most = std::max(a, least);
      s.samples[size_t(row[size_t(q)])] = most > 0 ? (least - a) / most : 0.0;
    }
  });
  double total = 0;
  for (const double v : s.samples) total += v;
  s.mean = total / static_cast<double>(n);
  return s;
}

double davies_bouldin(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels) {
  const Grouping g = groups_of(ctx, x, labels, "Davies-Bouldin index");
  if (!defined(g, x.rows())) return kUndefined;
  const Spread s = spread_of(ctx, x, g, "Davies-Bouldin index");
  const size_t k = s.sizes.size(), d = static_cast<size_t>(x.cols());
  double sum = 0;
  for (size_t a = 0; a < k; ++a) {
    double worst = 0;
    for (size_t b = 0; b < k; ++b) {
      double square = 0;
      for (size_t j = 0; j < d; ++j) {
        const double t = s.centres[a * d + j] - s.centres[b * d + j];
        square += t * t;
      }
      const double spread =
          s.distances[a] / static_cast<double>(s.sizes[a]) + s.distances[b] / static_cast<double>(s.sizes[b]);
      if (square > 0) worst = std::max(worst, spread / std::sqrt(square));
    }
    sum += worst;
  }
  return sum / static_cast<double>(k);
}

double calinski_harabasz(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels) {
  const Grouping g = groups_of(ctx, x, labels, "Calinski-Harabasz index");
  const int64_t n = x.rows(), k = g.groups;
  if (!defined(g, n)) return kUndefined;
  const Spread s = spread_of(ctx, x, g, "Calinski-Harabasz index");
  double within = 0;
  for (const double v : s.squares) within += v;
  return within > 0 ? s.between * static_cast<double>(n - k) / (within * static_cast<double>(k - 1)) : 1.0;
}

double balance(const std::vector<int32_t>& labels) {
  const Grouping g = group_by_value(labels);
  if (g.groups < 2) return kUndefined;
  double h = 0;
  for (const int64_t c : sizes_of(g)) {
    const double p = static_cast<double>(c) / static_cast<double>(labels.size());
    h -= p * std::log(p);
  }
  return h / std::log(static_cast<double>(g.groups));
}

}  // namespace parallax

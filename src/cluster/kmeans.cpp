#include "kmeans.h"

#include <algorithm>
#include <cmath>

#include "../tensor/log.h"
#include "device_kernels.h"
#include "kmeans_device.h"
#include "kmeans_seeding.h"
#include "lloyd.h"

namespace parallax {
namespace {
using namespace cluster_detail;

template <class T> KMeansResult solve(Context& ctx, const Tensor& x, const KMeansOptions& o, int64_t& distinct) {
  const ScratchScope scope(ctx);
  const Points<T> points = pack_points<T>(ctx, x, "k-means");
  const int64_t n = points.n, d = points.d, total = o.start.empty() ? o.restarts : 1;
  const int64_t per_restart = n * int64_t(8 + (seeding_trials(o.k) + 1) * int64_t(sizeof(T)));
  const int64_t together = std::clamp<int64_t>(kFlightBytes / per_restart, 1, total);
  KMeansResult best;
  Lloyd<T> lloyd(ctx, points, o);
  for (int64_t first = 0; first < total; first += together) {
    const int64_t count = std::min(together, total - first);
    const ScratchScope flight(ctx);
    const Tensor labels = Tensor::empty(ctx, DType::i32, {2 * count, n});
    std::vector<Restart<T>> restarts(static_cast<size_t>(count));
    for (int64_t r = 0; r < count; ++r) {
      restarts[size_t(r)].before = labels.ptr<int32_t>() + 2 * r * n;
      restarts[size_t(r)].labels = labels.ptr<int32_t>() + (2 * r + 1) * n;
    }
    if (!o.start.empty()) {
      restarts[0].centres = o.start;
    } else {
      const Seeds seeds = seed_centres(ctx, points, o, first, count);
      if (seeds.distinct > 0) distinct = seeds.distinct;
      for (int64_t r = 0; r < count; ++r)
        for (int64_t c = 0; c < o.k; ++c) {
          const T* row = points.x.row(seeds.rows[size_t(r * o.k + c)]);
          restarts[size_t(r)].centres.insert(restarts[size_t(r)].centres.end(), row, row + d);
        }
    }
    std::vector<Restart<T>*> all;
    all.reserve(restarts.size());
    for (Restart<T>& r : restarts) all.push_back(&r);
    lloyd.solve(all, o.tol);
    if (o.start.empty() && o.refine > 0 && n <= kRefineRows * o.k) {
      std::stable_sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->inertia < b->inertia; });
      all.resize(std::min(all.size(), size_t(o.refine)));
      lloyd.refine(all);
    }
    for (int64_t r = 0; r < count; ++r) {
      const double inertia = restarts[size_t(r)].inertia;
      best.restart_inertias.push_back(inertia);
      if (inertia < best.restart_inertias[size_t(best.best_restart)]) best.best_restart = first + r;
    }
    if (best.best_restart < first) continue;
    Restart<T>& winner = restarts[size_t(best.best_restart - first)];
    lloyd.polish(winner);
    best.labels.assign(winner.labels, winner.labels + n);
    best.centres = winner.centres;
    best.inertia = best.restart_inertias[size_t(best.best_restart)] = winner.inertia;
    best.iterations = winner.iterations;
  }
  return best;
}

void count_empty(KMeansResult& best, const KMeansOptions& o, int64_t distinct) {
  std::vector<char> used(static_cast<size_t>(o.k), 0);
  for (const int32_t c : best.labels) used[size_t(c)] = 1;
  best.empty_clusters = std::count(used.begin(), used.end(), 0);
  if (distinct > 0)
    log_warning(str("k-means: ", o.k, " clusters were asked for, but only ", distinct,
                    " rows of the data are distinct; ", best.empty_clusters, " clusters stay empty"));
  else if (best.empty_clusters > 0)
    log_warning(str("k-means: ", best.empty_clusters, " of ", o.k, " clusters stay empty: fewer rows are distinct"));
}

void check_finite(const std::vector<double>& centres, int64_t d, const char* what) {
  for (size_t e = 0; e < centres.size(); ++e)
    PLX_CHECK(numeric, std::isfinite(centres[e]), what, ": centre ", e / size_t(d), ", column ", e % size_t(d), " is ",
              centres[e]);
}

}  // namespace

KMeansResult kmeans(Context& ctx, const Tensor& x, const KMeansOptions& o) {
  check_input(ctx, x, "k-means");
  PLX_CHECK(config, o.k >= 1 && o.k < (int64_t{1} << 31), "k-means: ", o.k,
            " clusters were asked for; at least 1 is needed");
  PLX_CHECK(config, o.k <= x.rows(), "k-means: ", o.k, " clusters were asked for, but there are only ", x.rows(),
            " rows");
  PLX_CHECK(config, o.restarts >= 1, "k-means: ", o.restarts, " restarts were asked for; at least 1 is needed");
  PLX_CHECK(config, o.max_iter >= 1, "k-means: at most ", o.max_iter,
            " iterations were asked for; at least 1 is needed");
  PLX_CHECK(config, o.refine >= 0, "k-means: the number of restarts to refine is ", o.refine,
            "; it cannot be negative");
  PLX_CHECK(config, o.tol >= 0, "k-means: the tolerance is ", o.tol, "; it cannot be negative");
  PLX_CHECK(shape, o.start.empty() || static_cast<int64_t>(o.start.size()) == o.k * x.cols(),
            "k-means: ", o.start.size(), " start values for ", o.k, " centres of ", x.cols(), " columns");
  check_finite(o.start, x.cols(), "k-means: start");
  int64_t distinct = 0;
  KMeansResult best = by_float(x.dtype(), [&]<class T>(T) {
    return x.device() ? kmeans_on_device<T>(ctx, x, o, distinct) : solve<T>(ctx, x, o, distinct);
  });
  count_empty(best, o, distinct);
  return best;
}

std::vector<int32_t> assign(Context& ctx, const Tensor& x, const std::vector<double>& centres,
                            std::vector<double>* squared) {
  check_input(ctx, x, "assignment to centres");
  const int64_t d = x.cols(), n = x.rows(), k = static_cast<int64_t>(centres.size()) / d;
  PLX_CHECK(shape, k >= 1 && k * d == static_cast<int64_t>(centres.size()), "assignment: ", centres.size(),
            " values are no centres of ", d, " columns");
  check_finite(centres, d, "assignment");
  std::vector<int32_t> labels(static_cast<size_t>(n));
  std::vector<double> least(static_cast<size_t>(n));
  by_float(x.dtype(), [&]<class T>(T) {
    if (x.device()) {
      const ScratchScope scope(ctx);
      const Tensor there = Tensor::from(ctx, centres, {k, d}), to = Tensor::empty(ctx, DType::i32, {n, 1}),
                   far = Tensor::empty(ctx, DType::f64, {n, 1});
      run_device(ctx, AssignOnDevice<T>{x.mat<T>(), there.ptr<double>(), k, to.ptr<int32_t>(), far.ptr<double>()});
      labels = to.to_vector<int32_t>();
      least = far.to_vector<double>();
      return;
    }
    run(ctx, NearestExact<T>{x.mat<T>(), centres.data(), k, labels.data(), least.data()});
  });
  for (int64_t i = 0; i < n; ++i)
    PLX_CHECK(numeric, std::isfinite(least[size_t(i)]), "assignment: row ", i, " holds a number that is not finite");
  if (squared) *squared = std::move(least);
  return labels;
}

}  // namespace parallax

#include "kmeans.h"

#include <algorithm>
#include <cmath>

#include "../tensor/log.h"
#include "kmeans_kernels.h"
#include "kmeans_seeding.h"

namespace parallax {
namespace {
using namespace cluster_detail;

constexpr int64_t kFlightBytes = int64_t{1} << 28;  // working memory of the restarts that run together
enum class State { active, last_pass, done };

// One restart under way.
template <class T> struct Restart {
  State state = State::active;
  std::vector<double> centres, next, sums;  // [k, d]
  std::vector<int64_t> counts;              // [k]
  std::vector<T> scaled, half;
  int32_t *before = nullptr, *labels = nullptr;  // [n]
  int64_t iterations = 0;
  bool settled = false;  // stopped because the labels repeat
  double inertia = 0;
};

template <class T> class Lloyd {
 public:
  Lloyd(Context& ctx, const Points<T>& p, const KMeansOptions& o) : ctx_(ctx), p_(p), o_(o), kd_(size_t(o.k * p.d)) {}

  // Runs all restarts to their ends.
  void solve(std::vector<Restart<T>>& restarts) {
    for (Restart<T>& r : restarts) {
      r.next.resize(kd_);
      r.sums.assign(kd_, 0.0);
      r.counts.assign(size_t(o_.k), 0);
      r.scaled.resize(kd_);
      r.half.resize(size_t(o_.k));
      std::fill_n(r.before, p_.n, -1);
    }
    std::vector<Restart<T>*> running;
    for (;;) {
      running.clear();
      for (Restart<T>& r : restarts)
        if (r.state != State::done) running.push_back(&r);
      if (running.empty()) break;
      nearest(running);
      std::erase_if(running, [](Restart<T>* r) {
        if (r->state == State::last_pass) r->state = State::done;
        return r->state == State::done;
      });
      update(running);
    }
    for (Restart<T>& r : restarts) running.push_back(&r);
    measure(running);
  }

  // The winner's sums were kept up to date by differences; once more from scratch, if its centres are means.
  void polish(Restart<T>& r) {
    if (!r.settled) return;
    const Restart<T> kept = r;
    const std::vector<int32_t> labels(r.labels, r.labels + p_.n);
    std::fill_n(r.before, p_.n, -1);
    r.sums.assign(kd_, 0.0);
    r.counts.assign(size_t(o_.k), 0);
    std::vector<int64_t> moved;
    move({&r}, moved);
    for (size_t c = 0; c < size_t(o_.k); ++c)
      for (size_t j = 0; j < size_t(p_.d) && r.counts[c] > 0; ++j)
        r.centres[c * size_t(p_.d) + j] = r.sums[c * size_t(p_.d) + j] / static_cast<double>(r.counts[c]);
    nearest({&r});
    if (!std::equal(labels.begin(), labels.end(), r.labels)) {  // an exact tie fell the other way
      r.centres = kept.centres;
      std::copy(labels.begin(), labels.end(), r.labels);
    }
    measure({&r});
  }

 private:
  std::vector<Slot<T>> slots(const std::vector<Restart<T>*>& running) const {
    std::vector<Slot<T>> list;
    for (const Restart<T>* r : running)
      list.push_back({r->centres.data(), r->scaled.data(), r->half.data(), T(0), r->before, r->labels});
    return list;
  }

  // labels <- nearest centres
  void nearest(const std::vector<Restart<T>*>& running) {
    std::vector<Slot<T>> list = slots(running);
    ctx_.parallel(int64_t(running.size()), [&](int64_t s) {
      Restart<T>& r = *running[size_t(s)];
      double longest = 0;
      for (size_t c = 0; c < size_t(o_.k); ++c) {
        double square = 0;
        for (size_t j = 0, e = c * size_t(p_.d); j < size_t(p_.d); ++j, ++e) {
          const double t = (r.centres[e] - p_.mean[j]) * p_.scale;
          r.scaled[e] = static_cast<T>(t);
          square += t * t;
        }
        r.half[c] = static_cast<T>(0.5 * square);
        longest = std::max(longest, square);
      }
      list[size_t(s)].max_norm = static_cast<T>(std::sqrt(longest) * (1 + 8 * unit_roundoff<T>()));
    });
    run(ctx_, NearestCentres<T>{p_.x, p_.strips.template ptr<T>(), p_.norms.template ptr<T>(), o_.k, list.data(),
                                int64_t(list.size())});
  }

  // sums and counts follow the labels
  void move(const std::vector<Restart<T>*>& running, std::vector<int64_t>& moved) {
    const int64_t blocks = (p_.n + kMoveRows - 1) / kMoveRows, per_slot = blocks * int64_t(kd_);
    const auto group = size_t(std::max<int64_t>(1, kFlightBytes / 8 / per_slot));
    const std::vector<Slot<T>> list = slots(running);
    moved.assign(running.size(), 0);
    std::vector<int64_t> counts, changed;
    for (size_t g = 0; g < list.size(); g += group) {
      const size_t size = std::min(group, list.size() - g);
      const ScratchScope scope(ctx_);
      const Tensor sums = Tensor::empty(ctx_, DType::f64, {int64_t(size) * blocks, int64_t(kd_)});
      counts.resize(size * size_t(blocks * o_.k));
      changed.resize(size * size_t(blocks));
      run(ctx_, MovedRows<T>{p_.x, o_.k, list.data() + g, int64_t(size), sums.ptr<double>(), counts.data(), changed.data()});
      ctx_.parallel(int64_t(size), [&](int64_t s) {
        Restart<T>& r = *running[g + size_t(s)];
        for (int64_t b = s * blocks; b < (s + 1) * blocks; ++b) {
          const double* add = sums.ptr<double>() + b * int64_t(kd_);
          for (size_t e = 0; e < kd_; ++e) r.sums[e] += add[e];
          for (int64_t c = 0; c < o_.k; ++c) r.counts[size_t(c)] += counts[size_t(b * o_.k + c)];
          moved[g + size_t(s)] += changed[size_t(b)];
        }
      });
    }
  }

  // New centres, and whether the restart ends.
  void update(const std::vector<Restart<T>*>& running) {
    std::vector<int64_t> moved;
    move(running, moved);
    const double limit = o_.tol * p_.mean_variance;
    ctx_.parallel(int64_t(running.size()), [&](int64_t s) {
      Restart<T>& r = *running[size_t(s)];
      ++r.iterations;
      if (moved[size_t(s)] == 0) {
        r.state = State::done;
        r.settled = true;
        return;
      }
      means(r);
      double shift = 0;
      for (size_t e = 0; e < kd_; ++e) shift += (r.next[e] - r.centres[e]) * (r.next[e] - r.centres[e]);
      std::swap(r.next, r.centres);
      std::swap(r.before, r.labels);
      if (shift <= limit || r.iterations >= o_.max_iter) r.state = State::last_pass;
    });
  }

  // next = means of the clusters; an empty one takes the row farthest from its centre, and that row leaves its cluster.
  void means(Restart<T>& r) const {
    const auto d = size_t(p_.d);
    std::vector<size_t> empty;
    for (size_t c = 0; c < size_t(o_.k); ++c) {
      if (r.counts[c] == 0) empty.push_back(c);
      for (size_t j = 0; j < d; ++j)
        r.next[c * d + j] = r.counts[c] > 0 ? r.sums[c * d + j] / static_cast<double>(r.counts[c]) : r.centres[c * d + j];
    }
    if (empty.empty()) return;
    std::vector<double> far(static_cast<size_t>(p_.n));
    const auto centre = [&](int64_t i) { return r.centres.data() + size_t(r.labels[i]) * d; };
    for (int64_t i = 0; i < p_.n; ++i) {
      double square = 0;
      for (size_t j = 0; j < d; ++j) square += (p_.x.row(i)[j] - centre(i)[j]) * (p_.x.row(i)[j] - centre(i)[j]);
      far[size_t(i)] = square;
    }
    std::vector<int64_t> counts = r.counts;
    std::vector<double> sums = r.sums;
    for (const size_t c : empty) {
      int64_t best = -1;
      for (int64_t i = 0; i < p_.n; ++i)
        if (counts[size_t(r.labels[i])] > 1 && far[size_t(i)] > (best < 0 ? 0.0 : far[size_t(best)])) best = i;
      if (best < 0) return;  // every row sits on a centre already
      const auto from = size_t(r.labels[best]);
      far[size_t(best)] = 0;
      --counts[from];
      for (size_t j = 0; j < d; ++j) {
        const double x = p_.x.row(best)[j];
        r.next[c * d + j] = x;
        sums[from * d + j] -= x;
        r.next[from * d + j] = sums[from * d + j] / static_cast<double>(counts[from]);
      }
    }
  }

  void measure(const std::vector<Restart<T>*>& list) {
    const int64_t blocks = (p_.n + kSumRows - 1) / kSumRows;
    const std::vector<Slot<T>> all = slots(list);
    std::vector<double> partial(all.size() * size_t(blocks));
    run(ctx_, Inertia<T>{p_.x, all.data(), int64_t(all.size()), partial.data()});
    for (size_t s = 0; s < all.size(); ++s) {
      list[s]->inertia = 0;
      for (size_t b = 0; b < size_t(blocks); ++b) list[s]->inertia += partial[s * size_t(blocks) + b];
      PLX_CHECK(numeric, std::isfinite(list[s]->inertia), "k-means: the squared distances overflow double precision");
    }
  }

  Context& ctx_;
  const Points<T>& p_;
  const KMeansOptions& o_;
  size_t kd_;
};

template <class T> KMeansResult solve(Context& ctx, const Tensor& x, const KMeansOptions& o) {
  const ScratchScope scope(ctx);
  const Points<T> points = pack_points<T>(ctx, x, "k-means");
  const int64_t n = points.n, d = points.d, total = o.start.empty() ? o.restarts : 1;
  const int64_t per_restart = n * int64_t(8 + (seeding_trials(o.k) + 1) * int64_t(sizeof(T)));
  const int64_t together = std::clamp<int64_t>(kFlightBytes / per_restart, 1, total);
  KMeansResult best;
  int64_t distinct = 0;
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
    lloyd.solve(restarts);
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
  std::vector<char> used(static_cast<size_t>(o.k), 0);
  for (const int32_t c : best.labels) used[size_t(c)] = 1;
  best.empty_clusters = std::count(used.begin(), used.end(), 0);
  if (distinct > 0)
    log_warning(str("k-means: ", o.k, " clusters were asked for, but only ", distinct, " rows of the data are distinct; ",
                    best.empty_clusters, " clusters stay empty"));
  else if (best.empty_clusters > 0)
    log_warning(str("k-means: ", best.empty_clusters, " of ", o.k, " clusters stay empty: fewer rows are distinct"));
  return best;
}

void check_finite(const std::vector<double>& centres, int64_t d, const char* what) {
  for (size_t e = 0; e < centres.size(); ++e)
    PLX_CHECK(numeric, std::isfinite(centres[e]), what, ": centre ", e / size_t(d), ", column ", e % size_t(d), " is ",
              centres[e]);
}

}  // namespace

KMeansResult kmeans(Context& ctx, const Tensor& x, const KMeansOptions& o) {
  check_input(ctx, x, "k-means");
  PLX_CHECK(config, o.k >= 1 && o.k < (int64_t{1} << 31), "k-means: ", o.k, " clusters were asked for; at least 1 is needed");
  PLX_CHECK(config, o.k <= x.rows(), "k-means: ", o.k, " clusters were asked for, but there are only ", x.rows(), " rows");
  PLX_CHECK(config, o.restarts >= 1, "k-means: ", o.restarts, " restarts were asked for; at least 1 is needed");
  PLX_CHECK(config, o.max_iter >= 1, "k-means: at most ", o.max_iter, " iterations were asked for; at least 1 is needed");
  PLX_CHECK(config, o.tol >= 0, "k-means: the tolerance is ", o.tol, "; it cannot be negative");
  PLX_CHECK(shape, o.start.empty() || static_cast<int64_t>(o.start.size()) == o.k * x.cols(), "k-means: ", o.start.size(),
            " start values for ", o.k, " centres of ", x.cols(), " columns");
  check_finite(o.start, x.cols(), "k-means: start");
  return by_float(x.dtype(), [&]<class T>(T) { return solve<T>(ctx, x, o); });
}

std::vector<int32_t> assign(Context& ctx, const Tensor& x, const std::vector<double>& centres, std::vector<double>* squared) {
  check_input(ctx, x, "assignment to centres");
  const int64_t d = x.cols(), n = x.rows(), k = static_cast<int64_t>(centres.size()) / d;
  PLX_CHECK(shape, k >= 1 && k * d == static_cast<int64_t>(centres.size()), "assignment: ", centres.size(),
            " values are no centres of ", d, " columns");
  check_finite(centres, d, "assignment");
  std::vector<int32_t> labels(static_cast<size_t>(n));
  std::vector<double> least(static_cast<size_t>(n));
  by_float(x.dtype(), [&]<class T>(T) {
    run(ctx, NearestExact<T>{x.mat<T>(), centres.data(), k, labels.data(), least.data()});
  });
  for (int64_t i = 0; i < n; ++i)
    PLX_CHECK(numeric, std::isfinite(least[size_t(i)]), "assignment: row ", i, " holds a number that is not finite");
  if (squared) *squared = std::move(least);
  return labels;
}

}  // namespace parallax

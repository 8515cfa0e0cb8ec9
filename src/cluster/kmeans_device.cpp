#include "kmeans_device.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "device_kernels.h"
#include "kmeans_seeding.h"

namespace parallax::cluster_detail {
namespace {

constexpr int64_t kDeviceBytes = int64_t{1} << 30;  // working memory of the restarts that run together
constexpr int64_t kCheckEvery = 4;                  // iterations between two looks at the restarts
constexpr int64_t kMostTogether = 4096;

int64_t chunk_rows(int64_t k) { return std::max<int64_t>(512, (16 * k + 31) / 32 * 32); }

// The restarts that run together: solve, refine and polish are those of Lloyd, see lloyd.h.
template <class T> class Flight {
 public:
  using Slots = std::vector<int32_t>;
  Flight(Context& ctx, const Points<T>& p, const KMeansOptions& o, int64_t count)
      : ctx_(ctx), p_(p), o_(o), count_(count), k_(o.k), chunks_((p.n + chunk_rows(k_) - 1) / chunk_rows(k_)) {
    const Columns wide = columns_for<T>(k_, 17);
    const auto real = [&](int64_t rows, int64_t cols) { return Tensor::empty(ctx, DType::f64, {rows, cols}); };
    const auto whole = [&](int64_t rows, int64_t cols) { return Tensor::empty(ctx, DType::i64, {rows, cols}); };
    centres = real(count * k_, p.d);
    next_ = real(count * k_, p.d);
    sums_ = real(count * k_, p.d);
    counts_ = whole(count, k_);
    half_ = Tensor::empty(ctx, dtype_of<T>(), {count, k_});
    longest_ = real(count, 1);
    before_ = Tensor::empty(ctx, DType::i32, {count, p.n});
    labels = Tensor::empty(ctx, DType::i32, {count, p.n});
    progress_ = Tensor::zeros(ctx, DType::i64, {count, 4});
    list_ = Tensor::empty(ctx, DType::i32, {count, 1});
    packed_ = Tensor::empty(ctx, dtype_of<T>(), {wide.tiles(count) * p.d, wide.width});
    partial_ = real(count * chunks_ * k_, p.d);
    partial_counts_ = whole(count * chunks_, k_);
    taken_ = whole(count, k_);
    inertia.resize(static_cast<size_t>(count));
  }
  static int64_t bytes(int64_t n, int64_t d, int64_t k) {
    const int64_t trials = seeding_trials(k), chunks = (n + chunk_rows(k) - 1) / chunk_rows(k);
    return n * (9 + 2 * trials * int64_t(sizeof(T))) + k * d * (8 * (3 + chunks) + 2 * int64_t(sizeof(T)));
  }

  Tensor centres, labels;  // [count * k, d], [count, n]
  std::vector<double> inertia;
  int64_t iterations(int64_t slot) const { return progress_.row_range(slot, 1).template to_vector<int64_t>()[2]; }

  int64_t seed(int64_t first);
  void solve(const Slots& slots, double tol);
  void refine(const Slots& slots);
  void polish(int32_t slot);

 private:
  DeviceSlots<T> slots(const Slots& s) {
    list_.row_range(0, int64_t(s.size())).template assign<int32_t>(s);
    return {k_,
            int64_t(s.size()),
            list_.ptr<int32_t>(),
            centres.ptr<double>(),
            next_.ptr<double>(),
            sums_.ptr<double>(),
            counts_.ptr<int64_t>(),
            half_.template ptr<T>(),
            longest_.ptr<double>(),
            before_.ptr<int32_t>(),
            labels.ptr<int32_t>(),
            reinterpret_cast<DeviceProgress*>(progress_.ptr<int64_t>())};
  }
  // field 0: state, 1: settled, 2: iterations, 3: moved
  std::vector<int64_t> progress() const { return progress_.to_vector<int64_t>(); }
  Columns pack(const DeviceSlots<T>& s) {
    const Columns columns = columns_for<T>(k_, s.m);
    run_device(ctx_, PackColumns<T>{on_device(p_), s, nullptr, columns, packed_.template ptr<T>()});
    return columns;
  }
  void nearest(const DeviceSlots<T>& s, bool fresh) {
    const Columns columns = pack(s);
    run_device(ctx_, NearestOnDevice<T>{on_device(p_), s, columns, packed_.template ptr<T>(), fresh});
  }
  void move(const DeviceSlots<T>& s, bool fresh) {
    run_device(ctx_,
               MoveSums<T>{p_.x, s, fresh, chunk_rows(k_), partial_.ptr<double>(), partial_counts_.ptr<int64_t>()});
  }
  void to_means(DeviceSlots<T> s) {
    s.next = s.centres;
    move(s, true);
  }
  void measure(const Slots& slots);

  Context& ctx_;
  const Points<T>& p_;
  const KMeansOptions& o_;
  int64_t count_, k_, chunks_;
  Tensor next_, sums_, counts_, half_, longest_, before_, progress_, list_, packed_, partial_, partial_counts_, taken_;
};

// Centres of all slots; the number of distinct rows where that is below k, else 0. The CPU's draws and rows.
template <class T> int64_t Flight<T>::seed(int64_t first) {
  const ScratchScope scope(ctx_);
  const int64_t most = seeding_trials(k_), strips = p_.strip_count(), padded = strips * kStripPoints;
  Tensor distances[2], potentials[2], candidates[2];
  for (int side = 0; side < 2; ++side) {
    distances[side] = Tensor::empty(ctx_, dtype_of<T>(), {count_ * most, padded});
    potentials[side] = Tensor::empty(ctx_, DType::f64, {count_ * most, strips});
    candidates[side] = Tensor::empty(ctx_, DType::i64, {count_, most});
  }
  const Columns wide = columns_for<T>(most, 17);
  const Tensor packed = Tensor::empty(ctx_, dtype_of<T>(), {wide.tiles(count_) * p_.d, wide.width});
  const Tensor rows = Tensor::empty(ctx_, DType::i64, {count_, k_}),
               best = Tensor::zeros(ctx_, DType::i64, {count_, 1}),
               distinct = Tensor::zeros(ctx_, DType::i64, {count_, 1});
  for (int64_t step = 0; step <= k_; ++step) {
    const int now = static_cast<int>(step & 1), last = 1 - now;
    const int64_t trials = step == 0 ? 1 : most;
    SeedPick<T> pick;
    pick.n = p_.n, pick.k = k_, pick.slots = count_, pick.step = step, pick.first = first, pick.most = most;
    pick.trials = trials, pick.last_trials = step == 1 ? 1 : most;
    pick.seed = o_.seed, pick.tag = o_.tag;
    pick.last_candidates = candidates[last].ptr<int64_t>();
    pick.candidates = candidates[now].ptr<int64_t>();
    pick.rows = rows.ptr<int64_t>(), pick.best = best.ptr<int64_t>(), pick.distinct = distinct.ptr<int64_t>();
    pick.distances = distances[last].template ptr<T>(), pick.potentials = potentials[last].ptr<double>();
    run_device(ctx_, pick);
    if (step == k_) break;
    DeviceSlots<T> s;
    s.m = count_;
    const Columns columns = columns_for<T>(trials, count_);
    run_device(ctx_,
               PackColumns<T>{on_device(p_), s, candidates[now].ptr<int64_t>(), columns, packed.template ptr<T>()});
    run_device(ctx_, SeedTrials<T>{on_device(p_), columns, packed.template ptr<T>(), count_, most,
                                   candidates[now].ptr<int64_t>(), best.ptr<int64_t>(),
                                   step > 0 ? distances[last].template ptr<T>() : nullptr,
                                   distances[now].template ptr<T>(), potentials[now].ptr<double>()});
  }
  run_device(ctx_, GatherDouble<T>{p_.x, rows.ptr<int64_t>(), count_ * k_, centres.ptr<double>()});
  int64_t found = 0;
  for (const int64_t n : distinct.to_vector<int64_t>())
    if (n > 0) found = n;
  return found;
}

template <class T> void Flight<T>::solve(const Slots& all, double tol) {
  std::vector<int64_t> at = progress();
  for (const int32_t s : all) {
    at[size_t(s) * 4] = kActive;
    at[size_t(s) * 4 + 1] = at[size_t(s) * 4 + 3] = 0;
  }
  progress_.assign(at);
  Slots running = all;
  DeviceSlots<T> s = slots(running);
  for (int64_t i = 0; !running.empty(); ++i) {
    nearest(s, i == 0);
    move(s, i == 0);
    run_device(ctx_, UpdateCentres<T>{p_.x, s, tol * p_.mean_variance, o_.max_iter, taken_.ptr<int64_t>()});
    if (i % kCheckEvery != kCheckEvery - 1) continue;
    at = progress();
    if (std::erase_if(running, [&](int32_t r) { return at[size_t(r) * 4] == kDone; }) > 0) s = slots(running);
  }
  measure(all);
}

template <class T> void Flight<T>::refine(const Slots& all) {
  constexpr int most_rounds = 100;
  const ScratchScope scope(ctx_);
  const Tensor flags = Tensor::empty(ctx_, DType::u8, {count_, p_.n});
  Slots running = all;
  DeviceSlots<T> s = slots(running);
  to_means(s);
  for (int round = 0; round < most_rounds && !running.empty(); ++round) {
    const Columns columns = pack(s);
    run_device(ctx_, FlagOnDevice<T>{on_device(p_), s, columns, packed_.template ptr<T>(), flags.ptr<uint8_t>()});
    run_device(ctx_, MoveOnDevice<T>{p_.x, s, flags.ptr<uint8_t>()});
    const std::vector<int64_t> at = progress();
    if (std::erase_if(running, [&](int32_t r) { return at[size_t(r) * 4 + 3] == 0; }) > 0) s = slots(running);
  }
  solve(all, 0);
}

template <class T> void Flight<T>::polish(int32_t slot) {
  if (progress()[size_t(slot) * 4 + 1] == 0) return;
  const ScratchScope scope(ctx_);
  Tensor kept = Tensor::empty(ctx_, DType::f64, {k_, p_.d}), own = centres.row_range(slot * k_, k_);
  kept.copy_from(own);
  const DeviceSlots<T> s = slots({slot});
  to_means(s);
  nearest(s, false);
  if (progress()[size_t(slot) * 4 + 3] > 0) {  // an exact tie fell the other way
    own.copy_from(kept);
    labels.row_range(slot, 1).copy_from(before_.row_range(slot, 1));
  }
  measure({slot});
}

template <class T> void Flight<T>::measure(const Slots& list) {
  const ScratchScope scope(ctx_);
  const int64_t blocks = (p_.n + kInertiaRows - 1) / kInertiaRows;
  const Tensor out = Tensor::empty(ctx_, DType::f64, {int64_t(list.size()), blocks});
  run_device(ctx_, DeviceInertia<T>{p_.x, slots(list), out.ptr<double>(), nullptr});
  const std::vector<double> partial = out.to_vector<double>();
  for (size_t m = 0; m < list.size(); ++m) {
    const auto first = partial.begin() + int64_t(m) * blocks;
    const double sum = std::accumulate(first, first + blocks, 0.0);
    PLX_CHECK(numeric, std::isfinite(sum), "k-means: the squared distances overflow double precision");
    inertia[size_t(list[m])] = sum;
  }
}

}  // namespace

template <class T>
KMeansResult kmeans_on_device(Context& ctx, const Tensor& x, const KMeansOptions& o, int64_t& distinct) {
  const ScratchScope scope(ctx);
  const Points<T> points = pack_points<T>(ctx, x, "k-means");
  const int64_t total = o.start.empty() ? o.restarts : 1, bytes = Flight<T>::bytes(points.n, points.d, o.k);
  const int64_t together = std::min({std::max<int64_t>(kDeviceBytes / bytes, 1), total, kMostTogether});
  KMeansResult best;
  for (int64_t first = 0; first < total; first += together) {
    const int64_t count = std::min(together, total - first);
    const ScratchScope in_flight(ctx);
    Flight<T> flight(ctx, points, o, count);
    if (!o.start.empty())
      flight.centres.assign(o.start);
    else if (const int64_t found = flight.seed(first); found > 0)
      distinct = found;
    std::vector<int32_t> all(static_cast<size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    flight.solve(all, o.tol);
    if (o.start.empty() && o.refine > 0 && points.n <= kRefineRows * o.k) {
      std::stable_sort(all.begin(), all.end(),
                       [&](int32_t a, int32_t b) { return flight.inertia[size_t(a)] < flight.inertia[size_t(b)]; });
      all.resize(std::min(all.size(), size_t(o.refine)));
      flight.refine(all);
    }
    for (int64_t r = 0; r < count; ++r) {
      best.restart_inertias.push_back(flight.inertia[size_t(r)]);
      if (flight.inertia[size_t(r)] < best.restart_inertias[size_t(best.best_restart)]) best.best_restart = first + r;
    }
    if (best.best_restart < first) continue;
    const int64_t winner = best.best_restart - first;
    flight.polish(static_cast<int32_t>(winner));
    best.labels = flight.labels.row_range(winner, 1).template to_vector<int32_t>();
    best.centres = flight.centres.row_range(winner * o.k, o.k).template to_vector<double>();
    best.inertia = best.restart_inertias[size_t(best.best_restart)] = flight.inertia[size_t(winner)];
    best.iterations = flight.iterations(winner);
  }
  return best;
}
template KMeansResult kmeans_on_device<float>(Context&, const Tensor&, const KMeansOptions&, int64_t&);
template KMeansResult kmeans_on_device<double>(Context&, const Tensor&, const KMeansOptions&, int64_t&);

}  // namespace parallax::cluster_detail

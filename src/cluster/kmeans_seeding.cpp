#include "kmeans_seeding.h"

#include <algorithm>

namespace parallax::cluster_detail {
namespace {

// 53 random bits as a number in [0, 1): draw `index` of a restart.
double uniform53(const KMeansOptions& o, int64_t restart, int64_t index) {
  Draw<float> draw;
  draw.seed = o.seed;
  draw.tag = o.tag;
  const U4 b = draw.block(restart, index);
  return static_cast<double>((static_cast<uint64_t>(b.v[0]) << 32 | b.v[1]) >> 11) * 1.1102230246251565e-16;
}

int64_t uniform_row(double u, int64_t n) { return std::min(n - 1, static_cast<int64_t>(u * static_cast<double>(n))); }

template <class T> struct State {
  std::vector<int64_t> candidates;  // [trials]
  std::vector<T> rows, norms;
  T* distances = nullptr;                // [trials, padded]
  T* closest = nullptr;                  // [padded]
  std::vector<double> potentials, kept;  // [trials, strips], [strips]
  bool started = false;
  int64_t distinct = 0;
};

// The row at which the running sum of squared distances passes u times their total; never one at distance zero.
template <class T> int64_t sample(const State<T>& s, double total, double u, int64_t n) {
  const double target = u * total;
  const auto strips = static_cast<int64_t>(s.kept.size());
  double at = 0;
  int64_t strip = 0, last = -1;
  for (; strip < strips; ++strip) {
    const double p = s.kept[static_cast<size_t>(strip)];
    if (p > 0) {
      last = strip;
      if (at + p > target) break;
    }
    at += p;
  }
  strip = std::min(strip, strips - 1);
  if (last >= 0) strip = last;
  int64_t chosen = -1;
  for (int64_t i = strip * kStripPoints; i < std::min(n, (strip + 1) * kStripPoints); ++i) {
    const double p = static_cast<double>(s.closest[i]);
    if (p > 0) {
      chosen = i;
      at += p;
      if (at > target) break;
    }
  }
  return chosen;
}

template <class T> void gather(const Points<T>& p, State<T>& s) {
  const T *strips = p.strips.template ptr<T>(), *norms = p.norms.template ptr<T>();
  for (size_t c = 0; c < s.candidates.size(); ++c) {
    const int64_t i = s.candidates[c];
    const T* from = strips + i / kStripPoints * p.d * kStripPoints + i % kStripPoints;
    T* to = s.rows.data() + static_cast<int64_t>(c) * p.d;
    for (int64_t j = 0; j < p.d; ++j) to[j] = from[j * kStripPoints];
    s.norms[c] = norms[i];
  }
}

// Keeps the best candidate: its distances become the closest ones.
template <class T> int64_t keep_best(State<T>& s, int64_t trials, int64_t strips) {
  int64_t best = 0;
  double least = 0;
  for (int64_t c = 0; c < trials; ++c) {
    double sum = 0;
    for (int64_t b = 0; b < strips; ++b) sum += s.potentials[static_cast<size_t>(c * strips + b)];
    if (c == 0 || sum < least) {
      least = sum;
      best = c;
    }
  }
  const T* from = s.distances + best * strips * kStripPoints;
  std::copy(from, from + strips * kStripPoints, s.closest);
  std::copy_n(s.potentials.begin() + best * strips, strips, s.kept.begin());
  s.started = true;
  return s.candidates[static_cast<size_t>(best)];
}

}  // namespace

template <class T>
Seeds seed_centres(Context& ctx, const Points<T>& points, const KMeansOptions& o, int64_t first, int64_t count) {
  const int64_t n = points.n, strips = points.strip_count(), padded = strips * kStripPoints;
  const int64_t most = seeding_trials(o.k);
  const ScratchScope scope(ctx);
  const Tensor buffer = Tensor::empty(ctx, dtype_of<T>(), {count * (most + 1), padded});
  std::vector<State<T>> states(static_cast<size_t>(count));
  std::vector<Trial<T>> trials(static_cast<size_t>(count));
  for (int64_t r = 0; r < count; ++r) {
    State<T>& s = states[static_cast<size_t>(r)];
    s.closest = buffer.ptr<T>() + r * (most + 1) * padded;
    s.distances = s.closest + padded;
    s.rows.resize(static_cast<size_t>(most * points.d));
    s.norms.resize(static_cast<size_t>(most));
    s.potentials.resize(static_cast<size_t>(most * strips));
    s.kept.resize(static_cast<size_t>(strips));
  }
  Seeds seeds;
  seeds.rows.resize(static_cast<size_t>(count * o.k));
  for (int64_t step = 0; step < o.k; ++step) {
    const int64_t now = step == 0 ? 1 : most;
    ctx.parallel(count, [&](int64_t r) {
      State<T>& s = states[static_cast<size_t>(r)];
      s.candidates.resize(static_cast<size_t>(now));
      double total = 0;
      if (step > 0)
        for (const double p : s.kept) total += p;
      if (step > 0 && !(total > 0) && s.distinct == 0) s.distinct = step;
      for (int64_t c = 0; c < now; ++c) {
        const double u = uniform53(o, first + r, step * most + c);
        s.candidates[static_cast<size_t>(c)] = total > 0 ? sample(s, total, u, n) : uniform_row(u, n);
      }
      gather(points, s);
      trials[static_cast<size_t>(r)] = {s.candidates.data(), s.rows.data(),
                                        s.norms.data(),      s.started ? s.closest : nullptr,
                                        s.distances,         s.potentials.data()};
    });
    run(ctx, Trials<T>{points.x, points.strips.template ptr<T>(), points.norms.template ptr<T>(), points.scale,
                       trials.data(), count, now});
    ctx.parallel(count, [&](int64_t r) {
      seeds.rows[static_cast<size_t>(r * o.k + step)] = keep_best(states[static_cast<size_t>(r)], now, strips);
    });
  }
  for (const State<T>& s : states)
    if (s.distinct > 0) seeds.distinct = s.distinct;
  return seeds;
}
template Seeds seed_centres(Context&, const Points<float>&, const KMeansOptions&, int64_t, int64_t);
template Seeds seed_centres(Context&, const Points<double>&, const KMeansOptions&, int64_t, int64_t);

}  // namespace parallax::cluster_detail

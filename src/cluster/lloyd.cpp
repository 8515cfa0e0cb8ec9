#include "lloyd.h"

#include <algorithm>
#include <cmath>

namespace parallax::cluster_detail {

template <class T>
Lloyd<T>::Lloyd(Context& ctx, const Points<T>& p, const KMeansOptions& o)
    : ctx_(ctx), p_(p), o_(o), kd_(size_t(o.k * p.d)) {}

template <class T> void Lloyd<T>::solve(const List& restarts, double tol) {
  using State = typename Restart<T>::State;
  for (Restart<T>* r : restarts) {
    r->state = State::active;
    r->settled = false;
    r->next.resize(kd_);
    r->sums.assign(kd_, 0.0);
    r->counts.assign(size_t(o_.k), 0);
    r->scaled.resize(kd_);
    r->half.resize(size_t(o_.k));
    std::fill_n(r->before, p_.n, -1);
  }
  for (List running = restarts;;) {
    std::erase_if(running, [](const Restart<T>* r) { return r->state == State::done; });
    if (running.empty()) break;
    nearest(running);
    std::erase_if(running, [](Restart<T>* r) {
      if (r->state == State::last_pass) r->state = State::done;
      return r->state == State::done;
    });
    update(running, tol);
  }
  measure(restarts);
}

template <class T> void Lloyd<T>::refine(const List& restarts) {
  constexpr int most_rounds = 100;
  std::vector<uint8_t> flags(restarts.size() * size_t(p_.n));
  std::vector<int64_t> moved;
  List running = restarts;
  to_means(running);
  for (int round = 0; round < most_rounds && !running.empty(); ++round) {
    const std::vector<Slot<T>> list = scaled_slots(running);
    std::vector<RowMoves<T>> moves;
    for (size_t s = 0; s < running.size(); ++s) {
      Restart<T>& r = *running[s];
      moves.push_back({r.centres.data(), r.counts.data(), r.labels, flags.data() + s * size_t(p_.n), 0});
    }
    run(ctx_, FlagRows<T>{p_.x, p_.strips.template ptr<T>(), p_.norms.template ptr<T>(), o_.k, list.data(),
                          moves.data(), int64_t(list.size())});
    run(ctx_, MoveRows<T>{p_.x, o_.k, moves.data(), int64_t(moves.size())});
    List still;
    for (size_t s = 0; s < running.size(); ++s)
      if (moves[s].moved > 0) still.push_back(running[s]);
    running = still;
  }
  solve(restarts, 0);
}

template <class T> void Lloyd<T>::polish(Restart<T>& r) {
  if (!r.settled) return;
  const std::vector<double> kept = r.centres;
  const std::vector<int32_t> labels(r.labels, r.labels + p_.n);
  to_means({&r});
  nearest({&r});
  if (!std::equal(labels.begin(), labels.end(), r.labels)) {  // an exact tie fell the other way
    r.centres = kept;
    std::copy(labels.begin(), labels.end(), r.labels);
  }
  measure({&r});
}

template <class T> void Lloyd<T>::to_means(const List& list) {
  for (Restart<T>* r : list) {
    std::fill_n(r->before, p_.n, -1);
    r->sums.assign(kd_, 0.0);
    r->counts.assign(size_t(o_.k), 0);
  }
  std::vector<int64_t> moved;
  move(list, moved);
  for (Restart<T>* r : list)
    for (size_t e = 0; e < kd_; ++e)
      if (const int64_t count = r->counts[e / size_t(p_.d)]; count > 0)
        r->centres[e] = r->sums[e] / static_cast<double>(count);
}

template <class T> std::vector<Slot<T>> Lloyd<T>::slots(const List& list) const {
  std::vector<Slot<T>> all;
  for (const Restart<T>* r : list)
    all.push_back({r->centres.data(), r->scaled.data(), r->half.data(), T(0), r->before, r->labels});
  return all;
}

template <class T> std::vector<Slot<T>> Lloyd<T>::scaled_slots(const List& running) {
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
  return list;
}

template <class T> void Lloyd<T>::nearest(const List& running) {
  const std::vector<Slot<T>> list = scaled_slots(running);
  run(ctx_, NearestCentres<T>{p_.x, p_.strips.template ptr<T>(), p_.norms.template ptr<T>(), o_.k, list.data(),
                              int64_t(list.size())});
}

template <class T> void Lloyd<T>::move(const List& running, std::vector<int64_t>& moved) {
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
    run(ctx_,
        MovedRows<T>{p_.x, o_.k, list.data() + g, int64_t(size), sums.ptr<double>(), counts.data(), changed.data()});
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

template <class T> void Lloyd<T>::update(const List& running, double tol) {
  std::vector<int64_t> moved;
  move(running, moved);
  const double limit = tol * p_.mean_variance;
  ctx_.parallel(int64_t(running.size()), [&](int64_t s) {
    Restart<T>& r = *running[size_t(s)];
    ++r.iterations;
    if (moved[size_t(s)] == 0) {
      r.state = Restart<T>::State::done;
      r.settled = true;
      return;
    }
    means(r);
    double shift = 0;
    for (size_t e = 0; e < kd_; ++e) shift += (r.next[e] - r.centres[e]) * (r.next[e] - r.centres[e]);
    std::swap(r.next, r.centres);
    std::swap(r.before, r.labels);
    if (shift <= limit || r.iterations >= o_.max_iter) r.state = Restart<T>::State::last_pass;
  });
}

// next = means of the clusters; an empty one takes the row farthest from its centre, and that row leaves its cluster.
template <class T> void Lloyd<T>::means(Restart<T>& r) const {
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

template <class T> void Lloyd<T>::measure(const List& list) {
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

template class Lloyd<float>;
template class Lloyd<double>;

}  // namespace parallax::cluster_detail

// Bodies of the passes of k-means.
#include "kmeans_kernels.h"

#include "strip_dots.h"

namespace parallax::cluster_detail::PLX_ISA {
namespace {

constexpr int64_t kGroupBytes = int64_t{1} << 18;  // centres of a group of slots: they stay in the second-level cache

// Exact decision between all centres, see kmeans.h.
template <class T>
int32_t nearest_by_difference(const T* x, const double* centres, int64_t k, int64_t d, double* least) {
  int32_t best = 0;
  *least = difference2(x, centres, d);
  for (int64_t c = 1; c < k; ++c) {
    const double s = difference2(x, centres + c * d, d);
    if (s < *least) {
      *least = s;
      best = static_cast<int32_t>(c);
    }
  }
  return best;
}

// Best and second best score of the points of a sub-strip, updated block of centres by block.
template <class T> struct BestTwo {
  using L = Lanes<T>;
  const Slot<T>& slot;
  const T* strip;
  int64_t d;
  typename L::V best[2], second[2];
  typename L::M index[2];

  BestTwo(const Slot<T>& s, const T* p, int64_t width) : slot(s), strip(p), d(width) {
    for (int v = 0; v < 2; ++v) {
      best[v] = second[v] = L::all(static_cast<T>(HUGE_VAL));
      index[v] = typename L::M{};
    }
  }
  template <int M> PLX_HD void block(int64_t first) {
    typename L::V acc[M][2];
    strip_dots<T, M>(slot.scaled + first * d, d, strip, d, acc);
    for (int m = 0; m < M; ++m) {
      const typename L::V half = L::all(slot.half[first + m]);
      const typename L::M c = static_cast<typename L::Int>(first + m) - typename L::M{};
      for (int v = 0; v < 2; ++v) {
        const typename L::V s = half - acc[m][v];
        const typename L::M less = s < best[v];
        const typename L::V runner_up = s < second[v] ? s : second[v];
        second[v] = less ? best[v] : runner_up;
        best[v] = less ? s : best[v];
        index[v] = less ? c : index[v];
      }
    }
  }
};

template <class T> void assign_strip(const NearestCentres<T>& k, const Slot<T>& slot, int64_t s) {
  using L = Lanes<T>;
  const int64_t n = k.x.rows, d = k.x.cols;
  // Two scores of a point differ from the exact ones by at most this together: products of d terms, rounded inputs,
  // rounded |c|^2 / 2 and the last subtraction; u is the unit roundoff.
  const double u = unit_roundoff<T>(), c_max = static_cast<double>(slot.max_norm);
  const typename L::V slope = L::all(static_cast<T>(2.01 * u * (static_cast<double>(d) + 6) * c_max));
  const typename L::V offset = L::all(static_cast<T>(4.01 * u * c_max * c_max));
  for (int64_t p = 0; p < kStrip; p += L::sub) {
    const int64_t i0 = s * kStrip + p;
    if (i0 >= n) return;
    BestTwo<T> two(slot, k.strips + s * d * kStrip + p, d);
    in_blocks(k.k, two);
    for (int v = 0; v < 2; ++v) {
      const int64_t i = i0 + v * L::W;
      if (i >= n) return;
      const int64_t lanes = n - i < L::W ? n - i : L::W;
      for (int64_t l = 0; l < lanes; ++l) slot.labels[i + l] = static_cast<int32_t>(two.index[v][l]);
      const typename L::M near = (two.second[v] - two.best[v]) <= slope * L::load(k.norms + i) + offset;
      if (!L::any(near)) continue;
      for (int64_t l = 0; l < lanes; ++l)
        if (double least; near[l])
          slot.labels[i + l] = nearest_by_difference(k.x.row(i + l), slot.centres, k.k, d, &least);
    }
  }
}

template <class T> void nearest_centres(Context& ctx, const NearestCentres<T>& k) {
  const int64_t strips = (k.x.rows + kStrip - 1) / kStrip, chunks = (strips + kChunkStrips - 1) / kChunkStrips;
  const int64_t bytes = k.k * k.x.cols * static_cast<int64_t>(sizeof(T));
  const int64_t group = bytes < kGroupBytes ? kGroupBytes / bytes : 1, groups = (k.n_slots + group - 1) / group;
  ctx.parallel(chunks * groups, [&](int64_t t) {
    const int64_t g0 = t / chunks * group, g1 = g0 + group < k.n_slots ? g0 + group : k.n_slots;
    const int64_t s0 = t % chunks * kChunkStrips, s1 = s0 + kChunkStrips < strips ? s0 + kChunkStrips : strips;
    for (int64_t s = s0; s < s1; ++s)
      for (int64_t g = g0; g < g1; ++g) assign_strip(k, k.slots[g], s);
  });
}

// Rows i0 .. i1 of one slot; sums stay in the cache, rows are read by the other slots of the group next.
template <class T>
int64_t move_tile(const Mat<const T>& x, const Slot<T>& slot, int64_t i0, int64_t i1, double* sums, int64_t* counts) {
  const int64_t d = x.cols;
  int64_t moved = 0;
  for (int64_t i = i0; i < i1; ++i) {
    const int32_t from = slot.before[i], to = slot.labels[i];
    if (from == to) continue;
    ++moved;
    const T* row = x.row(i);
    double* add = sums + to * d;
    ++counts[to];
    for (int64_t j = 0; j < d; ++j) add[j] += static_cast<double>(row[j]);
    if (from < 0) continue;
    double* take = sums + from * d;
    --counts[from];
    for (int64_t j = 0; j < d; ++j) take[j] -= static_cast<double>(row[j]);
  }
  return moved;
}

template <class T> void moved_rows(Context& ctx, const MovedRows<T>& k) {
  constexpr int64_t tile = 256, group = 8;
  const int64_t n = k.x.rows, kd = k.k * k.x.cols, blocks = (n + kMoveRows - 1) / kMoveRows;
  ctx.parallel((k.n_slots + group - 1) / group * blocks, [&](int64_t t) {
    const int64_t b = t % blocks, g0 = t / blocks * group, g1 = g0 + group < k.n_slots ? g0 + group : k.n_slots;
    const int64_t end = (b + 1) * kMoveRows < n ? (b + 1) * kMoveRows : n;
    for (int64_t g = g0; g < g1; ++g) {
      const int64_t out = g * blocks + b;
      for (int64_t j = 0; j < kd; ++j) k.sums[out * kd + j] = 0;
      for (int64_t c = 0; c < k.k; ++c) k.counts[out * k.k + c] = 0;
      k.moved[out] = 0;
    }
    for (int64_t i = b * kMoveRows; i < end; i += tile)
      for (int64_t g = g0; g < g1; ++g) {
        const int64_t out = g * blocks + b;
        k.moved[out] +=
            move_tile(k.x, k.slots[g], i, i + tile < end ? i + tile : end, k.sums + out * kd, k.counts + out * k.k);
      }
  });
}

template <class T> void inertia(Context& ctx, const Inertia<T>& k) {
  const int64_t n = k.x.rows, d = k.x.cols, blocks = (n + kSumRows - 1) / kSumRows;
  ctx.parallel(k.n_slots * blocks, [&](int64_t t) {
    const Slot<T>& slot = k.slots[t / blocks];
    const int64_t i0 = t % blocks * kSumRows, i1 = i0 + kSumRows < n ? i0 + kSumRows : n;
    double sum = 0;
    for (int64_t i = i0; i < i1; ++i) sum += difference2(k.x.row(i), slot.centres + slot.labels[i] * d, d);
    k.out[t] = sum;
  });
}

// |x_i|^2 + |y|^2 - 2 x_i y for the candidates y of one trial; what is small against its rounding error is done again
// as a difference in double, so that a copy of y is at distance zero exactly.
template <class T> struct CandidateBlock {
  using L = Lanes<T>;
  const Trials<T>& k;
  const Trial<T>& trial;
  int64_t s, p, padded;

  template <int M> PLX_HD void block(int64_t first) {
    const int64_t d = k.x.cols, i0 = s * kStrip + p, n = k.x.rows;
    typename L::V acc[M][2];
    strip_dots<T, M>(trial.rows + first * d, d, k.strips + s * d * kStrip + p, d, acc);
    const typename L::V wide = L::all(static_cast<T>(8 * unit_roundoff<T>() * (static_cast<double>(d) + 8)));
    for (int m = 0; m < M; ++m)
      for (int v = 0; v < 2; ++v) {
        const int64_t i = i0 + v * L::W;
        T* out = trial.distances + (first + m) * padded + i;
        const typename L::V norm = L::load(k.norms + i), other = L::all(trial.row_norms[first + m]);
        const typename L::V square = norm * norm + (other * other - (acc[m][v] + acc[m][v]));
        const typename L::V sum = norm + other;
        const typename L::M near = square <= wide * sum * sum;
        L::store(out, square);
        if (L::any(near))
          for (int64_t l = 0; l < L::W && i + l < n; ++l)
            if (near[l])
              out[l] = static_cast<T>(difference2(k.x.row(i + l), k.x.row(trial.candidates[first + m]), d) * k.scale *
                                      k.scale);
        if (trial.closest) {
          const typename L::V a = L::load(out), b = L::load(trial.closest + i);
          L::store(out, a < b ? a : b);
        }
      }
  }
};

template <class T> void run_trials(Context& ctx, const Trials<T>& k) {
  constexpr int64_t chunk = 64;
  const int64_t n = k.x.rows, strips = (n + kStrip - 1) / kStrip, chunks = (strips + chunk - 1) / chunk;
  ctx.parallel(k.n * chunks, [&](int64_t t) {
    const Trial<T>& trial = k.list[t / chunks];
    for (int64_t s = t % chunks * chunk; s < strips && s < (t % chunks + 1) * chunk; ++s) {
      for (int64_t p = 0; p < kStrip; p += Lanes<T>::sub) {
        CandidateBlock<T> f{k, trial, s, p, strips * kStrip};
        in_blocks(k.trials, f);
      }
      const int64_t points = n - s * kStrip < kStrip ? n - s * kStrip : kStrip;
      for (int64_t c = 0; c < k.trials; ++c) {
        const T* out = trial.distances + (c * strips + s) * kStrip;
        trial.potentials[c * strips + s] =
            Lane{}.sum<double>(points, [&](int64_t l) { return static_cast<double>(out[l]); });
      }
    }
  });
}

template <class T> void nearest_exact(Context& ctx, const NearestExact<T>& k) {
  const int64_t n = k.x.rows, d = k.x.cols, work = k.k * d, block = work < 65536 ? 65536 / work : 1;
  ctx.parallel((n + block - 1) / block, [&](int64_t b) {
    for (int64_t i = b * block; i < n && i < (b + 1) * block; ++i) {
      double least;
      k.labels[i] = nearest_by_difference(k.x.row(i), k.centres, k.k, d, &least);
      if (k.squared) k.squared[i] = least;
    }
  });
}

}  // namespace

#define PLX_BODY(K, F)                                      \
  void twin(Context& ctx, const K<float>& k) { F(ctx, k); } \
  void twin(Context& ctx, const K<double>& k) { F(ctx, k); }
PLX_BODY(NearestCentres, nearest_centres)
PLX_BODY(MovedRows, moved_rows)
PLX_BODY(Inertia, inertia)
PLX_BODY(Trials, run_trials)
PLX_BODY(NearestExact, nearest_exact)
#undef PLX_BODY

}  // namespace parallax::cluster_detail::PLX_ISA

// Single-row moves of k-means.
#include "kmeans_kernels.h"
#include "strip_dots.h"

namespace parallax::cluster_detail::PLX_ISA {
namespace {

// Distance to the own centre and least weighted distance to another one.
template <class T> struct OwnAndOther {
  using L = Lanes<T>;
  const Slot<T>& slot;
  const RowMoves<T>& moves;
  const T* strip;
  int64_t d;
  typename L::V square[2], own[2], other[2];
  typename L::M label[2];

  template <int M> PLX_HD void block(int64_t first) {
    typename L::V acc[M][2];
    strip_dots<T, M>(slot.scaled + first * d, d, strip, d, acc);
    for (int m = 0; m < M; ++m) {
      const typename L::V half = L::all(slot.half[first + m]);
      const auto n = static_cast<double>(moves.counts[first + m]);
      const typename L::V weight = L::all(static_cast<T>(n / (n + 1)));
      const typename L::M c = static_cast<typename L::Int>(first + m) - typename L::M{};
      for (int v = 0; v < 2; ++v) {
        const typename L::V t = half - acc[m][v], distance = square[v] + (t + t), weighted = weight * distance;
        const typename L::M mine = label[v] == c;
        own[v] = mine ? distance : own[v];
        other[v] = mine ? other[v] : (weighted < other[v] ? weighted : other[v]);
      }
    }
  }
};

template <class T> void flag_strip(const FlagRows<T>& k, int64_t g, int64_t s) {
  using L = Lanes<T>;
  const int64_t n = k.x.rows, d = k.x.cols;
  const Slot<T>& slot = k.slots[g];
  const RowMoves<T>& moves = k.moves[g];
  for (int64_t p = 0; p < kStrip && s * kStrip + p < n; p += L::sub) {
    OwnAndOther<T> f{slot, moves, k.strips + s * d * kStrip + p, d, {}, {}, {}, {}};
    const int64_t i0 = s * kStrip + p;
    for (int v = 0; v < 2; ++v) {
      const typename L::V norm = L::load(k.norms + i0 + v * L::W);
      f.square[v] = norm * norm;
      f.other[v] = L::all(static_cast<T>(HUGE_VAL));
      for (int64_t l = 0; l < L::W; ++l) {
        const int64_t i = i0 + v * L::W + l;
        f.label[v][l] = i < n ? moves.labels[i] : 0;
      }
    }
    in_blocks(k.k, f);
    for (int v = 0; v < 2; ++v)
      for (int64_t l = 0; l < L::W; ++l) {
        const int64_t i = i0 + v * L::W + l;
        if (i >= n) return;
        const auto size = static_cast<double>(moves.counts[moves.labels[i]]);
        const double reach = static_cast<double>(k.norms[i]) + static_cast<double>(slot.max_norm);
        const double bound = 4 * unit_roundoff<T>() * (static_cast<double>(d) + 16) * reach * reach;
        moves.flags[i] = size > 1 && static_cast<double>(f.other[v][l]) <
                                         size / (size - 1) * static_cast<double>(f.own[v][l]) + bound;
      }
  }
}

template <class T> void flag_rows(Context& ctx, const FlagRows<T>& k) {
  const int64_t strips = (k.x.rows + kStrip - 1) / kStrip, chunks = (strips + kChunkStrips - 1) / kChunkStrips;
  ctx.parallel(chunks, [&](int64_t t) {
    for (int64_t s = t * kChunkStrips; s < strips && s < (t + 1) * kChunkStrips; ++s)
      for (int64_t g = 0; g < k.n_slots; ++g) flag_strip(k, g, s);
  });
}

template <class T> void move_rows(Context& ctx, const MoveRows<T>& k) {
  const int64_t n = k.x.rows, d = k.x.cols;
  ctx.parallel(k.n_slots, [&](int64_t g) {
    RowMoves<T>& m = k.moves[g];
    m.moved = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (!m.flags[i]) continue;
      const int32_t from = m.labels[i];
      const auto size = static_cast<double>(m.counts[from]);
      if (m.counts[from] < 2) continue;
      const T* x = k.x.row(i);
      const double stay = difference2(x, m.centres + from * d, d) * (size / (size - 1));
      int32_t to = from;
      double least = stay * (1 - 1e-10);  // rounding must not make a row go back and forth
      for (int32_t c = 0; c < k.k; ++c) {
        if (c == from) continue;
        const auto count = static_cast<double>(m.counts[c]);
        const double go = difference2(x, m.centres + c * d, d) * (count / (count + 1));
        if (go < least) {
          least = go;
          to = c;
        }
      }
      if (to == from) continue;
      double *a = m.centres + from * d, *b = m.centres + to * d;
      const auto grown = static_cast<double>(m.counts[to] + 1);
      for (int64_t j = 0; j < d; ++j) {
        const double v = static_cast<double>(x[j]);
        a[j] -= (v - a[j]) / (size - 1);
        b[j] += (v - b[j]) / grown;
      }
      --m.counts[from];
      ++m.counts[to];
      m.labels[i] = to;
      ++m.moved;
    }
  });
}

}  // namespace

void twin(Context& ctx, const FlagRows<float>& k) { flag_rows(ctx, k); }
void twin(Context& ctx, const FlagRows<double>& k) { flag_rows(ctx, k); }
void twin(Context& ctx, const MoveRows<float>& k) { move_rows(ctx, k); }
void twin(Context& ctx, const MoveRows<double>& k) { move_rows(ctx, k); }

}  // namespace parallax::cluster_detail::PLX_ISA

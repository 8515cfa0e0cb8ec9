// Bodies of the pairwise kernels.
#include "pairs_kernels.h"

#include "strip_dots.h"

namespace parallax::cluster_detail::PLX_ISA {
namespace {

// out[m] = |row m|^2 + |point|^2 - 2 row m * point for the 32 points of a strip
template <class T> struct SquaresBlock {
  using L = Lanes<T>;
  const T *rows, *row_norms, *strip, *norms;
  int64_t d, p;
  T* out;  // [rows, 32]

  template <int M> PLX_HD void block(int64_t first) {
    typename L::V acc[M][2];
    strip_dots<T, M>(rows + first * d, d, strip + p, d, acc);
    for (int m = 0; m < M; ++m) {
      const T own = row_norms[first + m];
      for (int v = 0; v < 2; ++v) {
        const typename L::V norm = L::load(norms + p + v * L::W);
        L::store(out + (first + m) * kStrip + p + v * L::W,
                 norm * norm + (L::all(own * own) - (acc[m][v] + acc[m][v])));
      }
    }
  }
};

template <class T>
PLX_HD void squares(const T* rows, const T* row_norms, int64_t n_rows, const T* strip, const T* norms, int64_t d,
                    T* out) {
  for (int64_t p = 0; p < kStrip; p += Lanes<T>::sub) {
    SquaresBlock<T> f{rows, row_norms, strip, norms, d, p, out};
    in_blocks(n_rows, f);
  }
}

constexpr int64_t kQueries = 32;  // most rows of a block

template <class T> void filter_near(const FilterNear<T>& k) {
  using L = Lanes<T>;
  alignas(64) T buffer[kQueries * kStrip];
  for (int64_t s = k.s0; s < k.s1; ++s) {
    squares(k.rows + k.q0 * k.d, k.norms + k.q0, k.q1 - k.q0, k.strips + s * k.d * kStrip, k.norms + s * kStrip, k.d,
            buffer);
    const int64_t points = k.n - s * kStrip < kStrip ? k.n - s * kStrip : kStrip;
    for (int64_t q = 0; q < k.q1 - k.q0; ++q) {
      const typename L::V cut = L::all(k.cutoffs[q]);
      const int64_t self = k.q0 + q - s * kStrip;
      for (int64_t l0 = 0; l0 < points; l0 += L::W) {
        const typename L::M near = L::load(buffer + q * kStrip + l0) <= cut;
        if (!L::any(near)) continue;
        for (int64_t l = 0; l < L::W; ++l) {
          if (!near[l] || l0 + l >= points || l0 + l == self) continue;
          const int64_t at = k.counts[q]++;
          k.values[q][at] = buffer[q * kStrip + l0 + l];
          k.index[q][at] = static_cast<int32_t>(s * kStrip + l0 + l);
        }
      }
    }
  }
}

template <class T> void exact_distances(const ExactDistances<T>& k) {
  for (int64_t m = 0; m < k.n; ++m) k.out[m] = difference2(k.x.row(k.i), k.x.row(k.index[m]), k.x.cols);
}

template <class T> void cluster_distances(const ClusterDistances<T>& k) {
  const int64_t n = k.x.rows, d = k.x.cols;
  alignas(64) T buffer[kQueries * kStrip];
  alignas(64) double distance[kStrip];
  for (int64_t e = 0; e < (k.q1 - k.q0) * k.clusters; ++e) k.sums[e] = 0;
  for (int64_t s = 0; s * kStrip < n; ++s) {
    const T* norms = k.norms + s * kStrip;
    squares(k.rows + k.q0 * d, k.norms + k.q0, k.q1 - k.q0, k.strips + s * d * kStrip, norms, d, buffer);
    const int64_t points = n - s * kStrip < kStrip ? n - s * kStrip : kStrip;
    const int32_t* cluster = k.cluster + s * kStrip;
    for (int64_t q = 0; q < k.q1 - k.q0; ++q) {
      const T* square = buffer + q * kStrip;
      const T own = k.norms[k.q0 + q];
      // what lies below a thousandth of the norms has lost digits: once more as a difference
      uint32_t lost = 0;
      for (int64_t l = 0; l < kStrip; ++l) {
        lost |= static_cast<uint32_t>(square[l] <= T(1e-3) * (own * own + norms[l] * norms[l])) << l;
        distance[l] = fn::sqrt(static_cast<double>(square[l] > 0 ? square[l] : T(0)));
      }
      for (int64_t l = 0; l < points && lost >> l; ++l)
        if (lost >> l & 1) distance[l] = fn::sqrt(difference2(k.x.row(k.q0 + q), k.x.row(s * kStrip + l), d)) * k.scale;
      double* sums = k.sums + q * k.clusters;
      if (cluster[0] == cluster[points - 1]) {
        sums[cluster[0]] += Lane{}.sum<double>(points, [&](int64_t l) { return distance[l]; });
      } else {
        for (int64_t l = 0; l < points; ++l) sums[cluster[l]] += distance[l];
      }
    }
  }
}

}  // namespace

#define PLX_BODY(K, F)                             \
  void twin(Context&, const K<float>& k) { F(k); } \
  void twin(Context&, const K<double>& k) { F(k); }
PLX_BODY(FilterNear, filter_near)
PLX_BODY(ExactDistances, exact_distances)
PLX_BODY(ClusterDistances, cluster_distances)
#undef PLX_BODY

}  // namespace parallax::cluster_detail::PLX_ISA

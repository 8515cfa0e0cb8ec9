// Scalar products of a few rows with a strip of points, kept in registers so that what follows (argmin, minimum,
// distance) needs no matrix of scores in memory. Points lie in strips of 32, column after column, whatever the
// instruction set; every product is one chain of fused multiply-adds over the columns. For *_kernels.cpp only.
#pragma once
#include <type_traits>

#include "../tensor/team.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace parallax::cluster_detail::PLX_ISA {
using parallax::PLX_ISA::Lane;

inline constexpr int64_t kStrip = 32;
inline constexpr int64_t kChunkStrips = 8;  // 256 points a task

// Most rows that meet a sub-strip at once, as registers allow. Sanitised builds take few: each number is a body of its
// own and they compile slowly there; no result depends on it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kRowsAtOnce = 3;
#elif defined(__AVX512F__)
inline constexpr int kRowsAtOnce = 14;
#elif defined(__AVX2__)
inline constexpr int kRowsAtOnce = 6;
#else
inline constexpr int kRowsAtOnce = 4;
#endif
#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T> struct Lanes {
  using Int = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  typedef T V __attribute__((vector_size(kVectorBytes)));
  typedef Int M __attribute__((vector_size(kVectorBytes)));
  static constexpr int W = kVectorBytes / sizeof(T);
  static constexpr int NV = 2;            // vectors of one sub-strip
  static constexpr int64_t sub = NV * W;  // points of one sub-strip

  PLX_HD static V load(const T* p) {
    V v;
    memcpy(&v, p, sizeof v);
    return v;
  }
  PLX_HD static void store(T* p, V v) { memcpy(p, &v, sizeof v); }
  PLX_HD static V all(T x) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
      return _mm512_set1_ps(x);
    else
      return _mm512_set1_pd(x);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
      return _mm256_set1_ps(x);
    else
      return _mm256_set1_pd(x);
#else
    return x - V{};
#endif
  }
  PLX_HD static V fma(V a, V b, V c) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
      return _mm512_fmadd_ps(a, b, c);
    else
      return _mm512_fmadd_pd(a, b, c);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
      return _mm256_fmadd_ps(a, b, c);
    else
      return _mm256_fmadd_pd(a, b, c);
#else
    return a * b + c;
#endif
  }
  // One bit per lane of a comparison.
  PLX_HD static uint32_t bits(M m) {
    uint32_t b = 0;
    for (int l = 0; l < W; ++l) b |= static_cast<uint32_t>(m[l] != 0) << l;
    return b;
  }
  PLX_HD static bool any(M m) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask(reinterpret_cast<__m512i>(m), reinterpret_cast<__m512i>(m)) != 0;
#else
    Int o = 0;
    for (int l = 0; l < W; ++l) o |= m[l];
    return o != 0;
#endif
  }
};

// acc[m][v] = row m (pitch ld, d columns) times the points of a sub-strip
template <class T, int M>
PLX_HD void strip_dots(const T* rows, int64_t ld, const T* strip, int64_t d, typename Lanes<T>::V (&acc)[M][2]) {
  using L = Lanes<T>;
  for (int m = 0; m < M; ++m)
    for (int v = 0; v < 2; ++v) acc[m][v] = typename L::V{};
  for (int64_t k = 0; k < d; ++k) {
    const typename L::V b0 = L::load(strip + k * kStrip), b1 = L::load(strip + k * kStrip + L::W);
#pragma GCC unroll 14
    for (int m = 0; m < M; ++m) {
      const typename L::V x = L::all(rows[m * ld + k]);
      acc[m][0] = L::fma(x, b0, acc[m][0]);
      acc[m][1] = L::fma(x, b1, acc[m][1]);
    }
  }
}

// Calls f.template block<M>(first) for rows 0..n-1 in blocks of nearly equal size M <= kRowsAtOnce.
template <int M, class F> PLX_HD void one_block(int64_t size, int64_t first, F& f) {
  if (size == M) {
    f.template block<M>(first);
  } else if constexpr (M > 1) {
    one_block<M - 1>(size, first, f);
  }
}
template <class F> PLX_HD void in_blocks(int64_t n, F& f) {
  const int64_t blocks = (n + kRowsAtOnce - 1) / kRowsAtOnce;
  for (int64_t b = 0, first = 0; b < blocks; ++b) {
    const int64_t size = (n - first) / (blocks - b);
    one_block<kRowsAtOnce>(size, first, f);
    first += size;
  }
}

// |x - y|^2 in double precision: the form without cancellation, which decides near ties.
template <class T, class U> PLX_HD double difference2(const T* x, const U* y, int64_t d) {
  return Lane{}.sum<double>(d, [&](int64_t j) {
    const double t = static_cast<double>(x[j]) - static_cast<double>(y[j]);
    return t * t;
  });
}

}  // namespace parallax::cluster_detail::PLX_ISA

// The vectors and the tile height of matrix products, for gemm_kernels.cpp only: one definition per instruction set.
#pragma once
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "scalar.h"

#ifndef PLX_ISA
#error "gemm_vec.h belongs in gemm_kernels.cpp"
#endif

namespace parallax::PLX_ISA {

// A vector of W elements with the four operations a product needs.
template <class T> struct Vec;
#if defined(__AVX512F__)
constexpr int kMr = 14;
template <> struct Vec<float> {
  static constexpr int W = 16;
  __m512 v;
  PLX_HD static Vec zero() { return {_mm512_setzero_ps()}; }
  PLX_HD static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  PLX_HD static Vec all(float x) { return {_mm512_set1_ps(x)}; }
  PLX_HD static Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  PLX_HD Vec operator+(Vec o) const { return {_mm512_add_ps(v, o.v)}; }
  PLX_HD Vec relu() const { return {_mm512_max_ps(_mm512_setzero_ps(), v)}; }  // the second operand where one is NaN
  PLX_HD void store(float* p) const { _mm512_storeu_ps(p, v); }
};
template <> struct Vec<double> {
  static constexpr int W = 8;
  __m512d v;
  PLX_HD static Vec zero() { return {_mm512_setzero_pd()}; }
  PLX_HD static Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
  PLX_HD static Vec all(double x) { return {_mm512_set1_pd(x)}; }
  PLX_HD static Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
  PLX_HD Vec operator+(Vec o) const { return {_mm512_add_pd(v, o.v)}; }
  PLX_HD Vec relu() const { return {_mm512_max_pd(_mm512_setzero_pd(), v)}; }
  PLX_HD void store(double* p) const { _mm512_storeu_pd(p, v); }
};
#elif defined(__AVX2__)
constexpr int kMr = 6;
template <> struct Vec<float> {
  static constexpr int W = 8;
  __m256 v;
  PLX_HD static Vec zero() { return {_mm256_setzero_ps()}; }
  PLX_HD static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
  PLX_HD static Vec all(float x) { return {_mm256_set1_ps(x)}; }
  PLX_HD static Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  PLX_HD Vec operator+(Vec o) const { return {_mm256_add_ps(v, o.v)}; }
  PLX_HD Vec relu() const { return {_mm256_max_ps(_mm256_setzero_ps(), v)}; }
  PLX_HD void store(float* p) const { _mm256_storeu_ps(p, v); }
};
template <> struct Vec<double> {
  static constexpr int W = 4;
  __m256d v;
  PLX_HD static Vec zero() { return {_mm256_setzero_pd()}; }
  PLX_HD static Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
  PLX_HD static Vec all(double x) { return {_mm256_set1_pd(x)}; }
  PLX_HD static Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
  PLX_HD Vec operator+(Vec o) const { return {_mm256_add_pd(v, o.v)}; }
  PLX_HD Vec relu() const { return {_mm256_max_pd(_mm256_setzero_pd(), v)}; }
  PLX_HD void store(double* p) const { _mm256_storeu_pd(p, v); }
};
#else
constexpr int kMr = 4;
// No fused multiply-add here: a multiplication and an addition, so these bits differ from the other sets'.
template <class T> struct Vec {
  static constexpr int W = 16 / sizeof(T);
  typedef T V __attribute__((vector_size(16)));
  V v;
  PLX_HD static Vec zero() { return {V{}}; }
  PLX_HD static Vec load(const T* p) {
    Vec r;
    memcpy(&r.v, p, 16);
    return r;
  }
  PLX_HD static Vec all(T x) { return {V{} + x}; }
  PLX_HD static Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
  PLX_HD Vec operator+(Vec o) const { return {v + o.v}; }
  PLX_HD Vec relu() const { return {v < V{} ? V{} : v}; }
  PLX_HD void store(T* p) const { memcpy(p, &v, 16); }
};
#endif

// kTurn x kTurn transpose in registers: d[j][i] = s[i][j]
#if defined(__AVX512F__)
constexpr int64_t kTurn = 16;
PLX_HD void transpose(const float* s, int64_t ls, float* d, int64_t ld) {
  __m512 r[16], t[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_ps(s + i * ls);
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; ++i) {
    const auto lo = [&](int x, int y) {
      return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(t[x]), _mm512_castps_pd(t[y])));
    };
    const auto hi = [&](int x, int y) {
      return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(t[x]), _mm512_castps_pd(t[y])));
    };
    r[4 * i] = lo(4 * i, 4 * i + 2);
    r[4 * i + 1] = hi(4 * i, 4 * i + 2);
    r[4 * i + 2] = lo(4 * i + 1, 4 * i + 3);
    r[4 * i + 3] = hi(4 * i + 1, 4 * i + 3);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
  }
  for (int i = 0; i < 16; ++i) _mm512_store_ps(d + i * ld, r[i]);
}
#elif defined(__AVX2__)
constexpr int64_t kTurn = 8;
PLX_HD void transpose(const float* s, int64_t ls, float* d, int64_t ld) {
  __m256 r[8], t[8];
  // halves of two rows side by side, so that what follows stays within them
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(s + i * ls)), _mm_loadu_ps(s + (i + 4) * ls), 1);
    r[i + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(s + i * ls + 4)),
                                    _mm_loadu_ps(s + (i + 4) * ls + 4), 1);
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      t[i + 2 * j] = _mm256_unpacklo_ps(r[i + 2 * j], r[i + 2 * j + 1]);
      t[i + 2 * j + 1] = _mm256_unpackhi_ps(r[i + 2 * j], r[i + 2 * j + 1]);
    }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + 2 + j], 0x44);
      r[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + 2 + j], 0xee);
    }
  for (int i = 0; i < 8; ++i) _mm256_store_ps(d + i * ld, r[i]);
}
#endif

}  // namespace parallax::PLX_ISA

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

}  // namespace parallax::PLX_ISA

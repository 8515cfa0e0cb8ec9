// One spelling of the elementary functions for every kernel. In single precision they are polynomials of our own,
// written without branches and without fused operations: they vectorise, and give the same bits on every instruction
// set. In double precision, which only proofs use, they are the C library's.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

#include "dtype.h"

namespace parallax::fn {

PLX_HD float as_float(uint32_t bits) {
  float f;
  memcpy(&f, &bits, 4);
  return f;
}
PLX_HD uint32_t as_bits(float f) {
  uint32_t b;
  memcpy(&b, &f, 4);
  return b;
}

// *p, read on a device even where the value turns out not to be needed: its lanes then read whole sectors.
template <class T> PLX_HD T read(const T* p) {
#ifdef __CUDA_ARCH__
  return *static_cast<const volatile T*>(p);
#else
  return *p;
#endif
}

// e^x, error below 2 units in the last place; 0 below -87.3, infinity above 88.7.
PLX_HD float exp(float x) {
  const float clamped = x < -87.33f ? -87.33f : (x > 88.72f ? 88.72f : x);
  const float n = (clamped * 1.44269504f + 12582912.0f) - 12582912.0f;  // nearest integer, by the rounding of the sum
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e = (p * (r * r) + r) + 1.0f;
  // two factors, so that n = 128 does not overflow before the product does
  const int32_t k = static_cast<int32_t>(n), half = k / 2;
  const float s = as_float(static_cast<uint32_t>(half + 127) << 23);
  const float t = as_float(static_cast<uint32_t>(k - half + 127) << 23);
  const float y = e * s * t;
  const float low = x < -87.33f ? 0.0f : y;
  const float high = x > 88.72f ? HUGE_VALF : low;
  return x == x ? high : x;
}

// ln x, error below 2 units in the last place; -infinity at 0, NaN below.
PLX_HD float log(float x) {
  const float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;  // denormals
  const float shift = x < 1.17549435e-38f ? -23.0f : 0.0f;
  const uint32_t bits = as_bits(scaled);
  const int32_t e0 = static_cast<int32_t>(bits >> 23) - 126;
  const float m0 = as_float((bits & 0x007FFFFFu) | 0x3F000000u);  // [0.5, 1)
  const bool small = m0 < 0.70710678f;
  const float m = (small ? m0 + m0 : m0) - 1.0f;
  const float e = static_cast<float>(small ? e0 - 1 : e0) + shift;
  const float z = m * m;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float y = p * m * z + e * -2.12194440e-4f;
  y = y - 0.5f * z;
  y = (m + y) + e * 0.693359375f;
  const float zero = x == 0.0f ? -HUGE_VALF : y;
  const float bad = x < 0.0f ? NAN : zero;
  const float inf = x == HUGE_VALF ? x : bad;
  return x == x ? inf : x;
}

PLX_HD float tanh(float x) {
  const float a = x < 0 ? -x : x;
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const float small = p * z * x + x;
  const float large = 1.0f - 2.0f / (fn::exp(a + a) + 1.0f);
  return a < 0.625f ? small : (x < 0 ? -large : large);
}

PLX_HD float erf(float x) {
  const float a = x < 0 ? -x : x;
  const float z = x * x;
  float p = 7.853861353153693e-5f;
  p = p * z - 8.010193625184903e-4f;
  p = p * z + 5.188327685732524e-3f;
  p = p * z - 2.685381193529856e-2f;
  p = p * z + 1.128358514861418e-1f;
  p = p * z - 3.761262582423300e-1f;
  p = p * z + 1.128379165726710e0f;
  const float small = p * x;
  // 1 - erfc: Abramowitz and Stegun 7.1.26, absolute error 1.5e-7
  const float t = 1.0f / (1.0f + 0.3275911f * a);
  float q = 1.061405429f;
  q = q * t - 1.453152027f;
  q = q * t + 1.421413741f;
  q = q * t - 0.284496736f;
  q = q * t + 0.254829592f;
  const float large = 1.0f - q * t * fn::exp(-z);
  return a < 1.0f ? small : (x < 0 ? -large : large);
}

PLX_HD float sqrt(float x) { return ::sqrtf(x); }
PLX_HD double exp(double x) { return ::exp(x); }
PLX_HD double log(double x) { return ::log(x); }
PLX_HD double tanh(double x) { return ::tanh(x); }
PLX_HD double erf(double x) { return ::erf(x); }
PLX_HD double sqrt(double x) { return ::sqrt(x); }

template <class T> PLX_HD T max(T a, T b) { return a > b ? a : b; }
// A NaN stays one: a network that broke must not go on as if its units were off.
template <class T> PLX_HD T relu(T x) { return x < T(0) ? T(0) : x; }
template <class T> PLX_HD T min(T a, T b) { return a < b ? a : b; }
template <class T> PLX_HD T abs(T a) { return a < 0 ? -a : a; }
template <class T> PLX_HD T sigmoid(T x) { return T(1) / (T(1) + fn::exp(-x)); }
// ln(1 + e^x), the linear part split off so that nothing overflows
template <class T> PLX_HD T softplus(T x) { return fn::max(x, T(0)) + fn::log(T(1) + fn::exp(-fn::abs(x))); }

}  // namespace parallax::fn

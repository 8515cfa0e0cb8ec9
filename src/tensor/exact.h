// Bit-exact Box-Muller: logarithm, sine and cosine from multiply, add, divide and square root alone, which IEEE 754
// defines exactly, with no fused operation: the same bits on every host and device.
#pragma once
#include "scalar.h"

namespace parallax::exact {

#if defined(__CUDA_ARCH__)
__device__ __forceinline__ float mul(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
__device__ __forceinline__ float root(float a) { return __fsqrt_rn(a); }
#else
PLX_HD float mul(float a, float b) { return a * b; }
PLX_HD float add(float a, float b) { return a + b; }
PLX_HD float root(float a) { return ::sqrtf(a); }
#endif

// ln x for x in (0, 1]
PLX_HD float log(float x) {
  const uint32_t bits = fn::as_bits(x);
  int32_t e = static_cast<int32_t>(bits >> 23) - 126;
  float m = fn::as_float((bits & 0x007FFFFFu) | 0x3F000000u);
  const bool small = m < 0.70710678f;
  m = small ? add(m, m) : m;
  e = small ? e - 1 : e;
  m = add(m, -1.0f);
  const float z = mul(m, m);
  float p = 7.0376836292e-2f;
  p = add(mul(p, m), -1.1514610310e-1f);
  p = add(mul(p, m), 1.1676998740e-1f);
  p = add(mul(p, m), -1.2420140846e-1f);
  p = add(mul(p, m), 1.4249322787e-1f);
  p = add(mul(p, m), -1.6668057665e-1f);
  p = add(mul(p, m), 2.0000714765e-1f);
  p = add(mul(p, m), -2.4999993993e-1f);
  p = add(mul(p, m), 3.3333331174e-1f);
  const float ef = static_cast<float>(e);
  float y = add(mul(mul(p, m), z), mul(ef, -2.12194440e-4f));
  y = add(y, mul(-0.5f, z));
  return add(add(m, y), mul(ef, 0.693359375f));
}

// sin and cos of 2 pi u for u in [0, 1): the eighth of the circle is found exactly, then Taylor-Chebyshev polynomials
PLX_HD void sincos_turn(float u, float* s, float* c) {
  const float q = mul(u, 4.0f);  // quarter turns, exact
  const int32_t k = static_cast<int32_t>(add(q, 0.5f));
  const float t = mul(add(q, -static_cast<float>(k)), 1.57079632679f);  // [-pi/4, pi/4]
  const float z = mul(t, t);
  float ps = -1.9515295891e-4f;
  ps = add(mul(ps, z), 8.3321608736e-3f);
  ps = add(mul(ps, z), -1.6666654611e-1f);
  const float sine = add(mul(mul(ps, z), t), t);
  float pc = 2.443315711809948e-5f;
  pc = add(mul(pc, z), -1.388731625493765e-3f);
  pc = add(mul(pc, z), 4.166664568298827e-2f);
  const float cosine = add(add(mul(mul(pc, z), z), mul(-0.5f, z)), 1.0f);
  const int32_t quadrant = k & 3;
  const float a = (quadrant & 1) ? cosine : sine;
  const float b = (quadrant & 1) ? sine : cosine;
  *s = (quadrant & 2) ? -a : a;
  *c = (quadrant == 1 || quadrant == 2) ? -b : b;
}

// One of the two normals of a pair of 32-bit words. The first uniform lies in (0, 1], the second in [0, 1).
PLX_HD float normal(uint32_t w0, uint32_t w1, bool second) {
  const float u = mul(static_cast<float>((w0 >> 8) + 1u), 5.9604644775390625e-8f);
  const float v = mul(static_cast<float>(w1 >> 8), 5.9604644775390625e-8f);
  const float r = root(mul(-2.0f, log(u)));
  float s, c;
  sincos_turn(v, &s, &c);
  return mul(r, second ? s : c);
}

}  // namespace parallax::exact

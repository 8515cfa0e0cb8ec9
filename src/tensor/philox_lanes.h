// Sixteen blocks of Philox side by side, for the loops of *_kernels.cpp that one lane runs. Compilers widen the
// products of 32 bits element by element; even and odd elements apart they are one instruction each.
#pragma once
#include <cstdint>
#if defined(__AVX2__) && !defined(__CUDACC__)
#include <immintrin.h>
#endif

#include "dtype.h"

namespace parallax {

// word[w][l] = word w of the block with the counter (first + l, sample, step, tag)
PLX_HD void philox_lanes(uint32_t first, uint32_t sample, uint32_t step, uint32_t tag, uint64_t key,
                         uint32_t (&word)[4][16]) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
#if defined(__AVX512F__) && !defined(__CUDACC__)
  const __m512i m0 = _mm512_set1_epi32(static_cast<int>(0xD2511F53u)),
                m2 = _mm512_set1_epi32(static_cast<int>(0xCD9E8D57u));
  __m512i w0 = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(first)),
                                _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)),
          w1 = _mm512_set1_epi32(static_cast<int>(sample)), w2 = _mm512_set1_epi32(static_cast<int>(step)),
          w3 = _mm512_set1_epi32(static_cast<int>(tag));
  for (int round = 0; round < 10; ++round) {
    const __m512i even0 = _mm512_mul_epu32(w0, m0), odd0 = _mm512_mul_epu32(_mm512_srli_epi64(w0, 32), m0),
                  even2 = _mm512_mul_epu32(w2, m2), odd2 = _mm512_mul_epu32(_mm512_srli_epi64(w2, 32), m2);
    const __m512i high0 = _mm512_mask_shuffle_epi32(odd0, 0x5555, even0, _MM_PERM_DDBB),
                  high2 = _mm512_mask_shuffle_epi32(odd2, 0x5555, even2, _MM_PERM_DDBB);
    w0 = _mm512_ternarylogic_epi32(high2, w1, _mm512_set1_epi32(static_cast<int>(k0)), 0x96);
    w1 = _mm512_mask_shuffle_epi32(even2, 0xAAAA, odd2, _MM_PERM_CCAA);
    w2 = _mm512_ternarylogic_epi32(high0, w3, _mm512_set1_epi32(static_cast<int>(k1)), 0x96);
    w3 = _mm512_mask_shuffle_epi32(even0, 0xAAAA, odd0, _MM_PERM_CCAA);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  _mm512_storeu_si512(word[0], w0);
  _mm512_storeu_si512(word[1], w1);
  _mm512_storeu_si512(word[2], w2);
  _mm512_storeu_si512(word[3], w3);
#elif defined(__AVX2__) && !defined(__CUDACC__)
  const __m256i m0 = _mm256_set1_epi32(static_cast<int>(0xD2511F53u)),
                m2 = _mm256_set1_epi32(static_cast<int>(0xCD9E8D57u));
  __m256i w[4][2];
  for (int h = 0; h < 2; ++h) {
    w[0][h] =
        _mm256_add_epi32(_mm256_set1_epi32(static_cast<int>(first) + 8 * h), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    w[1][h] = _mm256_set1_epi32(static_cast<int>(sample));
    w[2][h] = _mm256_set1_epi32(static_cast<int>(step));
    w[3][h] = _mm256_set1_epi32(static_cast<int>(tag));
  }
  for (int round = 0; round < 10; ++round) {
    const __m256i key0 = _mm256_set1_epi32(static_cast<int>(k0)), key1 = _mm256_set1_epi32(static_cast<int>(k1));
    for (int h = 0; h < 2; ++h) {
      const __m256i even0 = _mm256_mul_epu32(w[0][h], m0), odd0 = _mm256_mul_epu32(_mm256_srli_epi64(w[0][h], 32), m0),
                    even2 = _mm256_mul_epu32(w[2][h], m2), odd2 = _mm256_mul_epu32(_mm256_srli_epi64(w[2][h], 32), m2);
      const __m256i high0 = _mm256_blend_epi32(_mm256_srli_epi64(even0, 32), odd0, 0xAA),
                    high2 = _mm256_blend_epi32(_mm256_srli_epi64(even2, 32), odd2, 0xAA);
      w[0][h] = _mm256_xor_si256(_mm256_xor_si256(high2, w[1][h]), key0);
      w[1][h] = _mm256_blend_epi32(even2, _mm256_slli_epi64(odd2, 32), 0xAA);
      w[2][h] = _mm256_xor_si256(_mm256_xor_si256(high0, w[3][h]), key1);
      w[3][h] = _mm256_blend_epi32(even0, _mm256_slli_epi64(odd0, 32), 0xAA);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < 4; ++i)
    for (int h = 0; h < 2; ++h) _mm256_storeu_si256(reinterpret_cast<__m256i*>(word[i] + 8 * h), w[i][h]);
#else
  for (int l = 0; l < 16; ++l)
    word[0][l] = first + static_cast<uint32_t>(l), word[1][l] = sample, word[2][l] = step, word[3][l] = tag;
  for (int round = 0; round < 10; ++round) {
    for (int l = 0; l < 16; ++l) {
      const uint64_t a = static_cast<uint64_t>(0xD2511F53u) * word[0][l],
                     b = static_cast<uint64_t>(0xCD9E8D57u) * word[2][l];
      word[0][l] = static_cast<uint32_t>(b >> 32) ^ word[1][l] ^ k0;
      word[1][l] = static_cast<uint32_t>(b);
      word[2][l] = static_cast<uint32_t>(a >> 32) ^ word[3][l] ^ k1;
      word[3][l] = static_cast<uint32_t>(a);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
#endif
}

}  // namespace parallax

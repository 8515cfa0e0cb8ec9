// Philox-4x32 with ten rounds (Salmon et al., SC'11): 128 random bits as a pure function of a counter and a key.
#pragma once
#include <cstdint>

#include "scalar.h"

namespace parallax {

struct U4 {
  uint32_t v[4];
};

PLX_HD U4 philox(U4 c, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = static_cast<uint64_t>(0xD2511F53u) * c.v[0];
    const uint64_t b = static_cast<uint64_t>(0xCD9E8D57u) * c.v[2];
    c = U4{{static_cast<uint32_t>(b >> 32) ^ c.v[1] ^ key0, static_cast<uint32_t>(b),
            static_cast<uint32_t>(a >> 32) ^ c.v[3] ^ key1, static_cast<uint32_t>(a)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return c;
}

// Top 24 bits as a number in [0, 1): exact in single precision.
PLX_HD float unit_float(uint32_t bits) { return static_cast<float>(bits >> 8) * 5.9604644775390625e-8f; }

}  // namespace parallax

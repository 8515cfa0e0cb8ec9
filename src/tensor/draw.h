// Random numbers by address: a draw is a pure function of (seed, tag, step, sample, column), so the same bits come out
// for any thread count, batch order, device or replay, and a backward pass can ask again instead of storing. A draw may
// instead read a supplied table [batch row, column]; that is how reference values are checked.
#pragma once
#include <string_view>

#include "exact.h"
#include "philox.h"

namespace parallax {

// Tag of a dotted name ("dropout.encoders.0.encoder.2"): 32-bit FNV-1a. Clashes are looked for where names are
// declared.
constexpr uint32_t tag_of(std::string_view name) {
  uint32_t h = 2166136261u;
  for (const char c : name) h = (h ^ static_cast<uint8_t>(c)) * 16777619u;
  return h;
}

template <class T> struct Draw {
  uint64_t seed = 0;
  uint32_t tag = 0;
  const uint32_t* step = nullptr;  // device memory: the step counter; null = 0
  const int64_t* ids = nullptr;    // [rows] sample ids; null = the batch row itself
  bool common = false;             // one draw for all samples (row 0): evaluation as a function of the row alone
  const T* table = nullptr;        // supplied values instead, [rows, table_ld]
  int64_t table_ld = 0;

  PLX_HD uint32_t sample(int64_t row) const { return common ? 0u : static_cast<uint32_t>(ids ? ids[row] : row); }
  // Sixteen neighbouring columns are word 0 of sixteen blocks, the next sixteen word 1, ...: a vector of lanes draws 64
  // columns without shuffling. A row of 64 columns costs 16 blocks.
  PLX_HD static uint32_t block_of(int64_t col) { return static_cast<uint32_t>((col >> 6) * 16 + (col & 15)); }
  PLX_HD static int word_of(int64_t col) { return static_cast<int>((col >> 4) & 3); }
  PLX_HD U4 block(int64_t row, int64_t col) const {
    return philox(U4{{block_of(col), sample(row), step ? *step : 0u, tag}}, static_cast<uint32_t>(seed),
                  static_cast<uint32_t>(seed >> 32));
  }
  // without indexing, which would put the block into a GPU's local memory
  PLX_HD static uint32_t pick(const U4& b, int word) {
    const uint32_t low = (word & 1) ? b.v[1] : b.v[0], high = (word & 1) ? b.v[3] : b.v[2];
    return (word & 2) ? high : low;
  }
  PLX_HD float uniform(int64_t row, int64_t col) const { return unit_float(pick(block(row, col), word_of(col))); }
  // Standard normal (Box-Muller on our exact functions): columns c and c + 16 share a pair of words.
  PLX_HD float normal(int64_t row, int64_t col) const {
    const U4 b = block(row, col);
    const int word = word_of(col);
    return exact::normal(pick(b, word & 2), pick(b, (word & 2) + 1), (word & 1) != 0);
  }
  PLX_HD T normal_or_table(int64_t row, int64_t col) const {
    return table ? table[row * table_ld + col] : static_cast<T>(normal(row, col));
  }
  // 1 = keep, with probability 1 - p
  PLX_HD bool keep(int64_t row, int64_t col, double p) const {
    return table ? table[row * table_ld + col] != T(0) : static_cast<double>(uniform(row, col)) >= p;
  }
};

}  // namespace parallax

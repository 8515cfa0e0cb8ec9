// Which of V stacked problems (views) are compared: all with all, or one of them, the hub, with every other.
#pragma once
#include "../tensor/launch.h"

namespace parallax {

struct Pairs {
  int64_t views = 0;
  int64_t hub = -1;  // -1: all pairs v < w
  PLX_HD int64_t count() const { return hub >= 0 ? views - 1 : views * (views - 1) / 2; }
  PLX_HD bool paired(int64_t a, int64_t b) const { return a != b && (hub < 0 || a == hub || b == hub); }
  // Pairs with a hub are counted by the other view, all pairs as 0-1, 0-2, .. 0-(V-1), 1-2, ..
  PLX_HD int64_t index(int64_t a, int64_t b) const {
    if (hub >= 0) {
      const int64_t other = a == hub ? b : a;
      return other < hub ? other : other - 1;
    }
    const int64_t v = a < b ? a : b, w = a < b ? b : a;
    return v * (2 * views - v - 1) / 2 + (w - v - 1);
  }
  // The place of the terms of `a` as anchor beside `b`: two for every pair.
  PLX_HD int64_t directed(int64_t a, int64_t b) const { return 2 * index(a, b) + (first(a, b) ? 0 : 1); }
  // The hub, or the view with the lower number, comes first in a pair.
  PLX_HD bool first(int64_t a, int64_t b) const { return hub >= 0 ? a == hub : a < b; }
};

}  // namespace parallax

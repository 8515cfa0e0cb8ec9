// Losses over pairs of rows never hold all pairs at once. On the CPU their ops go through the anchors in tiles; a
// device's kernels, whose code is tiles.cuh, keep row statistics alone, in single precision, and are handed what stands
// here.
#pragma once
#include "../tensor/launch.h"
#include "../tensor/small.h"
#include "tape.h"

namespace parallax {

constexpr int64_t kAnchorTile = 512;  // the CPU's anchors at a time

// to = beta * to + gradient; p = null: not wanted
struct TiledGrad {
  Mat<float> to;
  float beta = 0;
};
inline TiledGrad tiled_grad(Context& ctx, const Grad& g) {
  if (!g) return {};
  const Grad::Open o = g.open(ctx);
  return {o.tensor.mat<float>(), static_cast<float>(o.beta)};
}

}  // namespace parallax

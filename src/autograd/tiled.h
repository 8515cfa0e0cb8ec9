// What ops hand to a device's kernels for losses over pairs of rows. The kernels work tile by tile and keep row
// statistics alone; single precision. Their code: tiles.cuh.
#pragma once
#include "../tensor/launch.h"
#include "../tensor/small.h"
#include "tape.h"

namespace parallax {

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

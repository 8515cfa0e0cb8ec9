#include <parallax/autograd/ops.h>

#include "op_cases.h"

namespace parallax::testing {

namespace {
Tensor counts_of(const Args& x, int64_t n, int of) {
  const auto draw = x.index({n, n}, of + 1).to_vector<int64_t>();
  std::vector<uint8_t> v(draw.begin(), draw.end());
  for (int64_t i = 0; i < n; ++i) v[static_cast<size_t>(i * n + i)] = static_cast<uint8_t>(of);
  Tensor t = Tensor::persistent(x.ctx(), DType::u8, {n, n});
  t.assign(v);
  return t;
}
DenoiserVars denoiser(const Args& x) { return {x[1], x[2], x[3], x[4], x[5], x[6]}; }
const ChainStep kSteps[] = {{0.3, 0.9}, {0.7, 0}, {0.5, -0.4}, {0, 1.1}};

// the chain written with the plain ops, repeat by repeat
Var composed(const Args& x, std::span<const ChainStep> steps, const Tensor& noise, int repeats, double scale) {
  const int64_t n = x[0].rows();
  Var sum;
  for (int r = 0; r < repeats; ++r) {
    Var z = x[0].tape->constant(noise.row_range(r * n, n));
    z = add_scaled(scale, z, 0, z);
    for (const ChainStep s : steps) {
      const Var both[] = {z, x[0]};
      const Var p = linear(layer_norm(linear(concat_cols(both), x[1], x[2]), x[3], x[4], true), x[5], x[6]);
      z = add_scaled(s.a, z, s.g, p);
    }
    sum = sum.tape ? add_scaled(1, sum, 1, z) : z;
  }
  return add_scaled(1.0 / repeats, sum, 0, sum);
}
}  // namespace

std::vector<OpCase> cases_of_gdcn() {
  std::vector<OpCase> c;
  c.push_back({.name = "structure_contrast",
               .in = {{10, 3}, {5, 3}},
               .op = [](const Args& x) { return structure_contrast(x[0], x[1], counts_of(x, x[1].rows(), 3), 3, 0.5); },
               .edges = {{{1, 1}, {1, 1}}, {{2, 1}, {1, 1}}, {{33, 31}, {33, 31}}, {{530, 3}, {265, 3}}},
               .refuses = {{{9, 3}, {5, 3}}, {{10, 3}, {5, 4}}},
               .bench = {{{768, 128}, {256, 128}}}});
  const std::vector<Shape> chain{{4, 3}, {6, 5}, {1, 6}, {1, 6}, {1, 6}, {2, 6}, {1, 2}};
  c.push_back({.name = "diffusion_chain",
               .in = chain,
               .op =
                   [](const Args& x) {
                     const Tensor noise = x.constant({3 * x[0].rows(), x[5].rows()}, -2, 2);
                     AnyDraw d;
                     d.table = noise;
                     return diffusion_chain(x[0], denoiser(x),
                                            {.steps = kSteps, .repeats = 3, .noise = 0.1, .draw = d});
                   },
               .same_as =
                   [](const Args& x) {
                     return composed(x, kSteps, x.constant({3 * x[0].rows(), x[5].rows()}, -2, 2), 3, 0.1);
                   },
               .edges = {{{1, 1}, {5, 2}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 1}},
                         {{33, 40}, {70, 105}, {1, 70}, {1, 70}, {1, 70}, {65, 70}, {1, 65}}},
               .refuses = {{{4, 3}, {6, 6}, {1, 6}, {1, 6}, {1, 6}, {2, 6}, {1, 2}},
                           {{4, 3}, {6, 5}, {1, 6}, {1, 6}, {1, 6}, {2, 5}, {1, 2}}},
               .bench = {{{256, 1536}, {512, 1664}, {1, 512}, {1, 512}, {1, 512}, {128, 512}, {1, 128}}}});
  c.push_back({.name = "diffusion_chain.drawn",
               .in = {{4, 3}, {6, 73}, {1, 6}, {1, 6}, {1, 6}, {70, 6}, {1, 70}},
               .op = [](const Args& x) {
                 return diffusion_chain(
                     x[0], denoiser(x),
                     {.steps = std::span(kSteps).subspan(1), .repeats = 2, .noise = 1, .draw = {.seed = 4, .tag = 9}});
               }});
  return c;
}

}  // namespace parallax::testing

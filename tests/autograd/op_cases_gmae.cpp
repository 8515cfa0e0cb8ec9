#include <parallax/autograd/ops.h>

#include "op_cases.h"

namespace parallax::testing {

namespace {
Small<AnyDraw> draws(int n) {
  Small<AnyDraw> d;
  for (int g = 0; g < n; ++g) d.push_back({.seed = 6, .tag = 40 + static_cast<uint32_t>(g)});
  return d;
}
Var reconstruction(const Args& x, double p) {
  const int64_t n = x[0].rows() / 2;
  const Tensor t[] = {x.constant({n, x[1].rows()}, 0, 1), x.constant({n, x[2].rows()}, 0, 1, 8)};
  return linear_sigmoid_mse(x[0], x.range(1, 2), x.range(3, 2), t, p, p > 0 ? draws(2) : Small<AnyDraw>{});
}
Var judge(const Args& x, bool squash) {
  return discriminators(x[0], x.range(1, 2), x.range(3, 2), x.range(5, 2), x.range(7, 2), squash, 0.2, 0.7);
}
// lists with members twice, as positive and negative, and a member that is listed by itself
NeighbourContrast::Attr lists_of(const Args& x, int64_t n) {
  return {.table = neighbour_table(x.ctx(), x.index({n, 3}, n), x.index({n, 4}, n, 10), n)};
}
const std::vector<Shape> kJudges{{10, 4}, {3, 4}, {3, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}, {1, 1}, {1, 1}};
}  // namespace

std::vector<OpCase> cases_of_gmae() {
  std::vector<OpCase> c;
  c.push_back({.name = "layer_norm",
               .in = {{6, 5}, {1, 5}, {1, 5}},
               .op = [](const Args& x) { return layer_norm(x[0], x[1], x[2]); },
               .edges = {{{0, 4}, {1, 4}, {1, 4}}, {{33, 31}, {1, 31}, {1, 31}}, {{300, 65}, {1, 65}, {1, 65}}},
               .refuses = {{{6, 5}, {1, 4}, {1, 5}}, {{6, 5}, {1, 5}, {1, 6}}},
               .bench = {{{2560, 512}, {1, 512}, {1, 512}}}});
  c.push_back({.name = "layer_norm.relu",
               .in = {{6, 5}, {1, 5}, {1, 5}},
               .op = [](const Args& x) { return layer_norm(x[0], x[1], x[2], true); },
               .edges = {{{33, 31}, {1, 31}, {1, 31}}}});
  c.push_back({.name = "gelu",
               .in = {{6, 5}},
               .op = [](const Args& x) { return gelu(x[0]); },
               .low = -4,
               .high = 4,
               .edges = {{{1, 1}}, {{0, 4}}, {{33, 31}}},
               .bench = {{{2000, 256}}}});
  c.push_back({.name = "cross_entropy",
               .in = {{6, 5}},
               .op =
                   [](const Args& x) {
                     return cross_entropy(x[0], x.index({x[0].rows(), 1}, x[0].cols()));
                   },
               .edges = {{{1, 1}}, {{33, 31}}, {{32, 2}}},
               .refuses = {{{0, 5}}}});
  c.push_back({.name = "join_common",
               .in = {{6, 5}},
               .op = [](const Args& x) { return join_common(x[0], 2); },
               .same_as =
                   [](const Args& x) {
                     const Var s = problem(x[0], 3, 0), a = problem(x[0], 3, 1), b = problem(x[0], 3, 2);
                     const Var left[] = {s, a}, right[] = {s, b};
                     const Var both[] = {concat_cols(left), concat_cols(right)};
                     return concat_rows(both);
                   },
               .edges = {{{3, 1}}, {{99, 33}}},
               .refuses = {{{7, 5}}}});
  c.push_back({.name = "side_by_side",
               .in = {{6, 5}},
               .op = [](const Args& x) { return side_by_side(x[0], 3); },
               .same_as =
                   [](const Args& x) {
                     const Var parts[] = {problem(x[0], 3, 0), problem(x[0], 3, 1), problem(x[0], 3, 2)};
                     return concat_cols(parts);
                   },
               .edges = {{{3, 1}}, {{99, 33}}},
               .refuses = {{{7, 5}}}});
  c.push_back(
      {.name = "linear_sigmoid_mse",
       .in = {{8, 5}, {3, 5}, {2, 5}, {1, 3}, {1, 2}},
       .op = [](const Args& x) { return reconstruction(x, 0); },
       .same_as =
           [](const Args& x) {
             const int64_t n = x[0].rows() / 2;
             const LinearOptions o{.act = Act::sigmoid};
             const Var a = mse(linear(problem(x[0], 2, 0), x[1], x[3], o), x.constant({n, x[1].rows()}, 0, 1));
             const Var b = mse(linear(problem(x[0], 2, 1), x[2], x[4], o), x.constant({n, x[2].rows()}, 0, 1, 8));
             const Var both[] = {a, b};
             return concat_rows(both);
           },
       .edges = {{{2, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, {{66, 31}, {65, 31}, {130, 31}, {1, 65}, {1, 130}}},
       .refuses = {{{7, 5}, {3, 5}, {2, 5}, {1, 3}, {1, 2}}},
       .bench = {{{4000, 500}, {240, 500}, {76, 500}, {1, 240}, {1, 76}}}});
  c.push_back({.name = "linear_sigmoid_mse.dropout",
               .in = {{8, 5}, {70, 5}, {2, 5}, {1, 70}, {1, 2}},
               .op = [](const Args& x) { return reconstruction(x, 0.5); },
               .edges = {{{66, 31}, {65, 31}, {130, 31}, {1, 65}, {1, 130}}}});
  c.push_back({.name = "decorrelation",
               .in = {{10, 3}},
               .op =
                   [](const Args& x) {
                     return decorrelation(x.constant({x[0].rows() / 2, 4}), x[0]);
                   },
               .edges = {{{2, 1}}, {{66, 33}}, {{600, 5}}},
               .refuses = {{{0, 3}}},
               .bench = {{{4000, 128}}}});
  c.push_back({.name = "discriminators",
               .in = kJudges,
               .op = [](const Args& x) { return judge(x, true); },
               .edges = {{{2, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
                         {{600, 33}, {65, 33}, {65, 33}, {1, 65}, {1, 65}, {1, 65}, {1, 65}, {1, 1}, {1, 1}}},
               .refuses = {{{11, 4}, {3, 4}, {3, 4}, {1, 3}, {1, 3}, {1, 3}, {1, 3}, {1, 1}, {1, 1}},
                           {{10, 4}, {3, 4}, {3, 5}, {1, 3}, {1, 3}, {1, 3}, {1, 3}, {1, 1}, {1, 1}}}});
  c.push_back({.name = "discriminators.logits", .in = kJudges, .op = [](const Args& x) { return judge(x, false); }});
  c.push_back({.name = "neighbour_contrast",
               .in = {{7, 4}},
               .op =
                   [](const Args& x) {
                     // only anchors carry a gradient, so the rows they are compared with must not move with differences
                     NeighbourContrast::Attr at = lists_of(x, x[0].rows());
                     at.others = x.constant(x[0].shape());
                     return neighbour_contrast(x[0], at);
                   },
               .edges = {{{1, 1}}, {{33, 31}}, {{530, 3}}},
               .refuses = {{{0, 4}}},
               .bench = {{{2000, 384}}}});
  c.push_back({.name = "neighbour_contrast.placed",
               .in = {{5, 4}},
               .op =
                   [](const Args& x) {
                     NeighbourContrast::Attr at = lists_of(x, 9);
                     at.owner = x.ids(5);
                     at.owner.assign(std::vector<int64_t>{4, 8, 0, -1, 2});
                     at.place = places_of(x.ctx(), at.owner, 9, x.type());
                     at.skip_last = true;
                     at.others = x.constant(x[0].shape());
                     return neighbour_contrast(x[0], at);
                   },
               .refuses = {{{6, 4}}}});
  return c;
}

}  // namespace parallax::testing

#include <parallax/autograd/op_basic.h>
#include <parallax/autograd/op_codes.h>
#include <parallax/autograd/op_shape.h>

#include "op_cases.h"

namespace parallax::testing {

std::vector<OpCase> cases_of_basic() {
  std::vector<OpCase> c;
  c.push_back({.name = "dropout",
               .in = {{6, 70}},
               .op =
                   [](const Args& x) {
                     return dropout(x[0], 0.4, {{.seed = 3, .tag = 1}, {.seed = 3, .tag = 2}});
                   },
               .edges = {{{2, 1}}, {{0, 4}}, {{32, 63}}, {{2, 64}}, {{2, 65}}},
               .refuses = {{{5, 4}}},
               .bench = {{{256, 2000}}}});
  c.push_back({.name = "softmax",
               .in = {{6, 5}},
               .op = [](const Args& x) { return softmax(x[0]); },
               .edges = {{{1, 1}}, {{0, 4}}, {{31, 32}}, {{32, 33}}, {{33, 31}}},
               .refuses = {{{3, 0}}},
               .bench = {{{2000, 128}}}});
  const auto draws = [] { return Small<AnyDraw>{{.seed = 3, .tag = 1}, {.seed = 3, .tag = 2}}; };
  c.push_back({.name = "softmax.dropped",
               .in = {{6, 70}},
               .op = [draws](const Args& x) { return softmax(x[0], 0.4, draws()); },
               .same_as = [draws](const Args& x) { return softmax(dropout(x[0], 0.4, draws())); },
               .edges = {{{2, 1}}, {{0, 4}}, {{32, 63}}, {{2, 64}}, {{2, 65}}},
               .refuses = {{{5, 4}}, {{4, 0}}},
               .bench = {{{2000, 128}}}});
  c.push_back(
      {.name = "softmax.dropped_and_read_twice",  // its gradient is added to what is there
       .in = {{4, 70}},
       .op = [draws](const Args& x) { return add_scaled(1, softmax(x[0], 0.4, draws()), -0.5, x[0]); },
       .same_as = [draws](const Args& x) { return add_scaled(1, softmax(dropout(x[0], 0.4, draws())), -0.5, x[0]); }});
  c.push_back({.name = "normalize",
               .in = {{6, 5}},
               .op = [](const Args& x) { return normalize(x[0]); },
               .edges = {{{1, 1}}, {{0, 4}}, {{31, 32}}, {{33, 33}}},
               .bench = {{{2000, 128}}}});
  c.push_back({.name = "normalize.side_by_side",
               .in = {{6, 5}},
               .op = [](const Args& x) { return normalize(x[0], 1e-8, 3); },
               .same_as = [](const Args& x) { return normalize(side_by_side(x[0], 3), 1e-8); },
               .edges = {{{3, 1}}, {{0, 4}}, {{93, 32}}, {{99, 33}}},
               .refuses = {{{5, 4}}},
               .bench = {{{6000, 64}}}});
  c.push_back({.name = "weighted_total", .in = {{1, 1}, {3, 1}, {2, 4}}, .op = [](const Args& x) {
                 const double w[] = {0.5, -2, 3};
                 return weighted_total(x.from(0), w);
               }});
  c.push_back({.name = "weighted_total.grouped", .in = {{1, 1}, {3, 1}, {2, 4}, {1, 1}}, .op = [](const Args& x) {
                 const double w[] = {0.5, -2, 3, 1.5};
                 const std::span<const double> all = w;
                 return grouped_total({{x.from(0).first(1), all.first(1)},
                                       {x.from(1).first(2), all.subspan(1, 2), -0.7},
                                       {x.from(3), all.last(1), 0.2}},
                                      Tensor::empty(x[0].tape->context(), x[0].dtype(), {3, 1}));
               }});
  c.push_back({.name = "weighted_total.twice",  // a term used twice adds its gradients
               .in = {{2, 1}},
               .op = [](const Args& x) {
                 return total({x[0], x[0]});
               }});
  c.push_back({.name = "add_scaled",
               .in = {{6, 5}, {6, 5}},
               .op = [](const Args& x) { return add_scaled(0.3, x[0], -2, x[1]); },
               .refuses = {{{6, 5}, {5, 5}}}});
  c.push_back({.name = "concat_cols",
               .in = {{6, 2}, {6, 5}, {6, 1}},
               .op = [](const Args& x) { return concat_cols(x.from(0)); },
               .refuses = {{{6, 2}, {5, 2}, {6, 1}}}});
  c.push_back({.name = "concat_rows",
               .in = {{2, 4}, {5, 4}, {1, 4}},
               .op = [](const Args& x) { return concat_rows(x.from(0)); },
               .refuses = {{{6, 2}, {6, 3}, {6, 2}}}});
  c.push_back({.name = "concat_rows.overlapping",  // one gradient row gets two contributions
               .in = {{6, 4}},
               .op = [](const Args& x) {
                 const Var parts[] = {row_range(x[0], 0, 4), row_range(x[0], 3, 2), x[0]};
                 return concat_rows(parts);
               }});
  c.push_back({.name = "row_range",
               .in = {{7, 3}},
               .op = [](const Args& x) { return add_scaled(1, row_range(x[0], 2, 3), 2, row_range(x[0], 3, 3)); },
               .refuses = {{{4, 3}}}});
  return c;
}

}  // namespace parallax::testing

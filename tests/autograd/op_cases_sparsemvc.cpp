#include <parallax/autograd/op_contrast.h>
#include <parallax/autograd/op_sparse.h>
#include <parallax/autograd/op_views.h>

#include "op_cases.h"

namespace parallax::testing {

std::vector<OpCase> cases_of_sparsemvc() {
  std::vector<OpCase> c;
  c.push_back({.name = "activation_entropy",
               .in = {{8, 5}},
               .op =
                   [](const Args& x) {
                     return activation_entropy(x[0], x.constant({2, 1}, 0.2, 1), 0.05, true);
                   },
               .low = 0.05,
               .high = 0.9,
               .edges = {{{2, 1}}, {{66, 65}}},
               .refuses = {{{7, 5}}}});
  c.push_back({.name = "activation_entropy.sum",
               .in = {{8, 5}},
               .op =
                   [](const Args& x) {
                     return activation_entropy(x[0], x.constant({2, 1}, 0.2, 1), 0.05, false);
                   },
               .low = 0.05,
               .high = 0.9});
  c.push_back({.name = "view_scores",
               .in = {{6, 5}, {6, 5}, {6, 5}},
               .op = [](const Args& x) { return view_scores(x[0], x.from(1), 0.7); },
               .edges = {{{1, 1}, {1, 1}, {1, 1}}, {{33, 31}, {33, 31}, {33, 31}}},
               .refuses = {{{6, 5}, {5, 5}, {6, 5}}, {{6, 4}, {6, 5}, {6, 5}}}});
  c.push_back({.name = "view_mix",
               .in = {{6, 2}, {6, 5}, {6, 5}},
               .op = [](const Args& x) { return view_mix(x[0], x.from(1)); },
               .edges = {{{1, 2}, {1, 1}, {1, 1}}, {{33, 2}, {33, 31}, {33, 31}}},
               .refuses = {{{6, 3}, {6, 5}, {6, 5}}}});
  c.push_back({.name = "view_mix.same_view_twice", .in = {{6, 3}, {6, 5}, {6, 5}}, .op = [](const Args& x) {
                 const Var z[] = {x[1], x[2], x[1]};
                 return view_mix(x[0], z);
               }});
  c.push_back({.name = "anchor_contrast",
               .in = {{6, 3}, {6, 3}, {6, 3}},
               .op = [](const Args& x) { return anchor_contrast(x[0], x.from(1), 0.5); },
               .edges = {{{2, 1}, {2, 1}, {2, 1}}, {{33, 31}, {33, 31}, {33, 31}}, {{530, 3}, {530, 3}, {530, 3}}},
               .refuses = {{{6, 3}, {5, 3}, {6, 3}}, {{1, 3}, {1, 3}, {1, 3}}},
               .bench = {{{256, 20}, {256, 20}, {256, 20}}, {{2000, 20}, {2000, 20}, {2000, 20}}}});
  return c;
}

}  // namespace parallax::testing

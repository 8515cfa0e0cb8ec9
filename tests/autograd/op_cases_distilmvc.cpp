#include <parallax/autograd/op_assign.h>
#include <parallax/autograd/op_basic.h>

#include "op_cases.h"

namespace parallax::testing {

std::vector<OpCase> cases_of_distilmvc() {
  std::vector<OpCase> c;
  c.push_back({.name = "balance",
               .in = {{12, 4}},
               .op =
                   [](const Args& x) {
                     return balance(x[0], Pairs{3, -1});
                   },
               .low = 0.05,
               .high = 1,
               .edges = {{{3, 1}}, {{99, 33}}},
               .refuses = {{{7, 4}}, {{0, 4}}}});
  const auto kl = [](double eps, double scale) {
    return [eps, scale](const Args& x) {
      return smoothed_kl(x[0], x.index({x[0].rows(), 1}, x[0].cols()), 2, eps, scale);
    };
  };
  c.push_back({.name = "smoothed_kl",
               .in = {{8, 4}},
               .op = kl(0.1, 0.25),
               .edges = {{{2, 1}}, {{66, 33}}},
               .refuses = {{{7, 4}}, {{0, 4}}},
               .bench = {{{5000, 10}}}});
  c.push_back({.name = "smoothed_kl.hard", .in = {{8, 4}}, .op = kl(0, 1)});
  return c;
}

}  // namespace parallax::testing

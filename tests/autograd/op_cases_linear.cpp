#include <parallax/autograd/op_basic.h>
#include <parallax/autograd/op_linear.h>
#include <parallax/autograd/op_shape.h>

#include "op_cases.h"

namespace parallax::testing {

namespace {
AnyDraw draw(uint32_t tag) { return {.seed = 5, .tag = tag}; }
LinearOptions with(Act act, double dropout = 0, int problems = 1) {
  LinearOptions o{.act = act, .slope = 0.2, .dropout = dropout};
  for (int g = 0; dropout > 0 && g < problems; ++g) o.draws.push_back(draw(100 + static_cast<uint32_t>(g)));
  return o;
}
}  // namespace

std::vector<OpCase> cases_of_linear() {
  std::vector<OpCase> c;
  c.push_back({.name = "linear",
               .in = {{6, 5}, {4, 5}, {1, 4}},
               .op = [](const Args& x) { return linear(x[0], x[1], x[2]); },
               .edges = {{{1, 1}, {1, 1}, {1, 1}},
                         {{0, 5}, {4, 5}, {1, 4}},
                         {{31, 32}, {33, 32}, {1, 33}},
                         {{33, 31}, {32, 31}, {1, 32}}},
               .refuses = {{{6, 5}, {4, 6}, {1, 4}}, {{6, 5}, {4, 5}, {1, 3}}},
               .bench = {{{256, 500}, {500, 500}, {1, 500}}, {{256, 500}, {2000, 500}, {1, 2000}}}});
  c.push_back({.name = "linear.relu",
               .in = {{7, 5}, {9, 5}, {1, 9}},
               .op = [](const Args& x) { return linear(x[0], x[1], x[2], with(Act::relu)); },
               .edges = {{{33, 300}, {70, 300}, {1, 70}}},
               .bench = {{{256, 500}, {500, 500}, {1, 500}}}});
  c.push_back({.name = "linear.leaky", .in = {{7, 5}, {9, 5}, {1, 9}}, .op = [](const Args& x) {
                 return linear(x[0], x[1], x[2], with(Act::leaky));
               }});
  c.push_back({.name = "linear.sigmoid", .in = {{7, 5}, {9, 5}, {1, 9}}, .op = [](const Args& x) {
                 return linear(x[0], x[1], x[2], with(Act::sigmoid));
               }});
  c.push_back({.name = "linear.tanh", .in = {{7, 5}, {9, 5}, {1, 9}}, .op = [](const Args& x) {
                 return linear(x[0], x[1], x[2], with(Act::tanh));
               }});
  c.push_back(
      {.name = "linear.relu_dropout",
       .in = {{7, 5}, {70, 5}, {1, 70}},
       .op = [](const Args& x) { return linear(x[0], x[1], x[2], with(Act::relu, 0.3)); },
       .same_as = [](const Args& x) { return dropout(linear(x[0], x[1], x[2], with(Act::relu)), 0.3, {draw(100)}); },
       .bench = {{{256, 500}, {2000, 500}, {1, 2000}}}});
  c.push_back({.name = "linear.stacked",
               .in = {{8, 5}, {3, 5}, {3, 5}, {1, 3}, {1, 3}},
               .op =
                   [](const Args& x) {
                     return linear(x.range(0, 1), x.range(1, 2), x.range(3, 2), 2, with(Act::relu, 0.2, 2));
                   },
               .same_as =
                   [](const Args& x) {
                     const Var a = dropout(linear(problem(x[0], 2, 0), x[1], x[3], with(Act::relu)), 0.2, {draw(100)});
                     const Var b = dropout(linear(problem(x[0], 2, 1), x[2], x[4], with(Act::relu)), 0.2, {draw(101)});
                     const Var both[] = {a, b};
                     return concat_rows(both);
                   },
               .refuses = {{{7, 5}, {3, 5}, {3, 5}, {1, 3}, {1, 3}}, {{8, 5}, {3, 5}, {4, 5}, {1, 3}, {1, 4}}}});
  c.push_back({.name = "linear.list", .in = {{4, 5}, {4, 2}, {3, 5}, {3, 2}, {1, 3}, {1, 3}}, .op = [](const Args& x) {
                 return linear(x.range(0, 2), x.range(2, 2), x.range(4, 2), 2, with(Act::tanh));
               }});
  c.push_back(
      {.name = "linear.shared_list",
       .in = {{4, 5}, {4, 5}, {3, 5}, {1, 3}},
       .op = [](const Args& x) { return linear(x.range(0, 2), x.range(2, 1), x.range(3, 1), 2, with(Act::tanh)); },
       .same_as = [](const Args& x) { return linear(concat_rows(x.range(0, 2)), x[2], x[3], with(Act::tanh)); }});
  c.push_back({.name = "linear.no_bias", .in = {{4, 5}, {3, 5}}, .op = [](const Args& x) {
                 return linear(x.range(0, 1), x.range(1, 1), {}, 1);
               }});
  c.push_back({.name = "linear_mse",
               .in = {{8, 5}, {3, 5}, {2, 5}, {1, 3}, {1, 2}},
               .op =
                   [](const Args& x) {
                     const int64_t n = x[0].rows() / 2;
                     const Tensor t[] = {x.constant({n, x[1].rows()}), x.constant({n, x[2].rows()}, -1, 1, 8)};
                     return linear_mse(x[0], x.range(1, 2), x.range(3, 2), t);
                   },
               .same_as =
                   [](const Args& x) {
                     const int64_t n = x[0].rows() / 2;
                     const Var a = mse(linear(problem(x[0], 2, 0), x[1], x[3]), x.constant({n, x[1].rows()}));
                     const Var b = mse(linear(problem(x[0], 2, 1), x[2], x[4]), x.constant({n, x[2].rows()}, -1, 1, 8));
                     const Var both[] = {a, b};
                     return concat_rows(both);
                   },
               .edges = {{{2, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, {{66, 31}, {33, 31}, {32, 31}, {1, 33}, {1, 32}}},
               .refuses = {{{7, 5}, {3, 5}, {2, 5}, {1, 3}, {1, 2}}},
               .bench = {{{512, 500}, {784, 500}, {784, 500}, {1, 784}, {1, 784}}}});
  // Where the result of a layer with ReLU has one reader, a device's product writes both gradients behind it at once;
  // where it has two, or where the layer is applied twice, it must not.
  c.push_back({.name = "linear.behind_relu",
               .in = {{6, 5}, {9, 5}, {1, 9}, {4, 9}, {1, 4}},
               .op = [](const Args& x) { return linear(linear(x[0], x[1], x[2], with(Act::relu)), x[3], x[4]); },
               .edges = {{{0, 5}, {9, 5}, {1, 9}, {4, 9}, {1, 4}},
                         {{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
                         {{31, 3}, {32, 3}, {1, 32}, {33, 32}, {1, 33}},
                         {{33, 3}, {130, 3}, {1, 130}, {31, 130}, {1, 31}}}});
  c.push_back({.name = "linear.behind_relu_stacked",
               .in = {{8, 5}, {7, 5}, {7, 5}, {1, 7}, {1, 7}, {3, 7}, {3, 7}, {1, 3}, {1, 3}},
               .op =
                   [](const Args& x) {
                     const Var y = linear(x.range(0, 1), x.range(1, 2), x.range(3, 2), 2, with(Act::relu));
                     return linear({&y, 1}, x.range(5, 2), x.range(7, 2), 2);
                   },
               .edges = {{{66, 5}, {33, 5}, {33, 5}, {1, 33}, {1, 33}, {32, 33}, {32, 33}, {1, 32}, {1, 32}}}});
  c.push_back({.name = "linear_mse.behind_relu",
               .in = {{8, 5}, {7, 5}, {7, 5}, {1, 7}, {1, 7}, {3, 7}, {2, 7}, {1, 3}, {1, 2}},
               .op = [](const Args& x) {
                 const Var y = linear(x.range(0, 1), x.range(1, 2), x.range(3, 2), 2, with(Act::relu));
                 const int64_t n = y.rows() / 2;
                 const Tensor t[] = {x.constant({n, x[5].rows()}), x.constant({n, x[6].rows()}, -1, 1, 8)};
                 return linear_mse(y, x.range(5, 2), x.range(7, 2), t);
               }});
  c.push_back(
      {.name = "linear.relu_read_twice", .in = {{6, 5}, {9, 5}, {1, 9}, {4, 9}, {1, 4}}, .op = [](const Args& x) {
         const Var y = linear(x[0], x[1], x[2], with(Act::relu));
         return add_scaled(1, linear(y, x[3], x[4]), 2, linear(y, x[3], x[4], with(Act::relu)));
       }});
  c.push_back({.name = "linear.relu_applied_twice",
               .in = {{6, 5}, {6, 5}, {9, 5}, {1, 9}, {4, 9}, {1, 4}},
               .op = [](const Args& x) {
                 const Var y = linear(x[0], x[2], x[3], with(Act::relu));
                 const Var z = linear(x[1], x[2], x[3], with(Act::relu));
                 return add_scaled(1, linear(y, x[4], x[5]), 2, linear(z, x[4], x[5]));
               }});
  c.push_back({.name = "mse",
               .in = {{6, 7}},
               .op = [](const Args& x) { return mse(x[0], x.constant(x[0].shape())); },
               .edges = {{{1, 1}}, {{33, 31}}}});
  return c;
}

}  // namespace parallax::testing

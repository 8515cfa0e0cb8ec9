#include <parallax/autograd/op_assign.h>
#include <parallax/autograd/op_basic.h>
#include <parallax/autograd/op_columns.h>
#include <parallax/autograd/op_ddc.h>
#include <parallax/autograd/op_linear.h>
#include <parallax/autograd/op_pairs.h>
#include <parallax/autograd/op_shape.h>

#include "op_cases.h"

namespace parallax::testing {

namespace {
BatchNorm::Attr evaluated(const Args& x, int problems, Act act) {
  BatchNorm::Attr at;
  at.training = false;
  at.act = act;
  at.slope = 0.2;
  for (int g = 0; g < problems; ++g) {
    at.running_mean.push_back(x.constant({1, x[0].cols()}, -0.3, 0.3, 20 + static_cast<uint32_t>(g)));
    at.running_var.push_back(x.constant({1, x[0].cols()}, 0.2, 2, 30 + static_cast<uint32_t>(g)));
  }
  return at;
}
BatchNorm::Attr trained(Act act) {
  BatchNorm::Attr at;
  at.act = act;
  at.slope = 0.2;
  return at;
}
std::vector<OpCase> norm_cases() {
  std::vector<OpCase> c;
  const auto edge = [](int64_t n, int64_t d) { return std::vector<Shape>{{n, d}, {1, d}, {1, d}, {1, d}, {1, d}}; };
  const auto two = [](const Args& x, const BatchNorm::Attr& at) {
    return batch_norm(x[0], x.range(1, 2), x.range(3, 2), 2, at);
  };
  c.push_back({.name = "batch_norm",
               .in = edge(8, 5),
               .op = [two](const Args& x) { return two(x, trained(Act::none)); },
               .edges = {edge(66, 65), edge(64, 1), edge(62, 64), edge(6, 130)},
               .refuses = {edge(7, 5), edge(2, 5), {{8, 5}, {1, 5}, {1, 4}, {1, 5}, {1, 5}}},
               .bench = {edge(200, 512)},
               .gradient_tolerance = 1e-6,
               .precision_tolerance = 1e-4});
  c.push_back({.name = "batch_norm.relu",
               .in = edge(12, 5),
               .op = [two](const Args& x) { return two(x, trained(Act::relu)); },
               .same_as =
                   [two](const Args& x) {
                     const Var y = two(x, trained(Act::none));
                     Tensor eye = Tensor::zeros(x.ctx(), x.type(), {5, 5});
                     for (int64_t i = 0; i < 5; ++i) eye.row_range(i, 1).col_range(i, 1).fill(1);
                     const Var w{eye, y.tape, -1};
                     return linear({&y, 1}, {&w, 1}, {}, 1, {.act = Act::relu});
                   },
               .gradient_tolerance = 1e-6,
               .precision_tolerance = 1e-4});
  c.push_back(
      {.name = "batch_norm.shared",
       .in = {{12, 5}, {1, 5}, {1, 5}},
       .op = [](const Args& x) { return batch_norm(x[0], x.range(1, 1), x.range(2, 1), 3, trained(Act::tanh)); },
       .same_as =
           [](const Args& x) {
             const Var parts[] = {batch_norm(problem(x[0], 3, 0), x.range(1, 1), x.range(2, 1), 1, trained(Act::tanh)),
                                  batch_norm(problem(x[0], 3, 1), x.range(1, 1), x.range(2, 1), 1, trained(Act::tanh)),
                                  batch_norm(problem(x[0], 3, 2), x.range(1, 1), x.range(2, 1), 1, trained(Act::tanh))};
             return concat_rows(parts);
           },
       .gradient_tolerance = 1e-6,
       .precision_tolerance = 1e-4});
  for (const Act act : {Act::leaky, Act::sigmoid})
    c.push_back({.name = str("batch_norm.evaluation", static_cast<int>(act)),
                 .in = edge(8, 5),
                 .op = [two, act](const Args& x) { return two(x, evaluated(x, 2, act)); },
                 .edges = {edge(2, 5), edge(66, 65)}});
  for (const bool train : {true, false})  // a bias of the layer in front; in training its gradient is exactly zero
    c.push_back({.name = str("batch_norm.bias", train),
                 .in = {{8, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}},
                 .op =
                     [train](const Args& x) {
                       return batch_norm(x[0], x.range(1, 2), x.range(3, 2), 2,
                                         train ? trained(Act::none) : evaluated(x, 2, Act::none), x.range(5, 2));
                     },
                 .gradient_tolerance = 1e-6,
                 .precision_tolerance = 1e-4});
  for (const bool train : {true, false}) {
    const auto attr = [train](const Args& x, Act act) {
      BatchNorm::Attr at = train ? trained(act) : evaluated(x, 2, act);
      at.rectified = true;
      return at;
    };
    c.push_back({.name = str("batch_norm.rectified", train),
                 .in = {{16, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}, {1, 5}},
                 .op =
                     [attr](const Args& x) {
                       return batch_norm(x[0], x.range(1, 2), x.range(3, 2), 2, attr(x, Act::tanh), x.range(5, 2));
                     },
                 .same_as =
                     [train](const Args& x) {
                       Tensor eye = Tensor::zeros(x.ctx(), x.type(), {5, 5});
                       for (int64_t i = 0; i < 5; ++i) eye.row_range(i, 1).col_range(i, 1).fill(1);
                       const Var w[] = {{eye, x[0].tape, -1}, {eye, x[0].tape, -1}};
                       const Var u = linear({&x[0], 1}, w, x.range(5, 2), 2, {.act = Act::relu});
                       return batch_norm(u, x.range(1, 2), x.range(3, 2), 2,
                                         train ? trained(Act::tanh) : evaluated(x, 2, Act::tanh));
                     },
                 .gradient_tolerance = 1e-5,
                 .precision_tolerance = 1e-4});
  }
  c.push_back({.name = "softmax_columns",
               .in = {{8, 5}},
               .op = [](const Args& x) { return softmax_columns(x[0], 2); },
               .same_as = [](const Args& x) { return transpose(softmax(transpose(x[0], 2)), 2); },
               .edges = {{{2, 1}}, {{62, 64}}, {{66, 65}}},
               .refuses = {{{7, 5}}, {{0, 5}}},
               .bench = {{{512, 512}}}});
  c.push_back({.name = "transpose",
               .in = {{6, 5}},
               .op = [](const Args& x) { return transpose(x[0], 2); },
               .edges = {{{2, 1}}, {{66, 31}}},
               .refuses = {{{7, 5}}}});
  return c;
}
}  // namespace

std::vector<OpCase> cases_of_ddmc() {
  std::vector<OpCase> c = norm_cases();
  // the width of the kernel is a constant of the gradient: fixed here, so that differences see it so
  for (const auto& [name, norm, second] :
       {std::tuple{"ddc", Ddc::pairs, Ddc::samples}, std::tuple{"ddc.clusters", Ddc::over_k, Ddc::clusters},
        std::tuple{"ddc.raw", Ddc::pairs, Ddc::clusters_raw}}) {
    Ddc::Attr at;
    at.norm = norm;
    at.second = second;
    at.fixed_width = 0.4;
    c.push_back({.name = name,
                 .in = {{7, 3}, {7, 4}},
                 .op = [at](const Args& x) { return ddc(x[0], x[1], at); },
                 .low = 0.05,
                 .high = 1,
                 .edges = {{{2, 1}, {2, 1}}, {{33, 2}, {33, 31}}},
                 .refuses = {{{7, 3}, {6, 4}}, {{1, 3}, {1, 4}}},
                 .gradient_tolerance = 1e-6,
                 .precision_tolerance = 1e-4});
  }
  c.push_back({.name = "ddc.median",  // the width from the rule: Q alone is differentiated
               .in = {{40, 3}},
               .op =
                   [](const Args& x) {
                     return ddc(softmax(x[0]), Var{x.constant({x[0].rows(), 4}), x[0].tape, -1});
                   },
               .edges = {{{2, 3}}, {{3, 3}}, {{100, 10}}},
               .gradient_tolerance = 1e-6,
               .precision_tolerance = 1e-4});
  c.push_back({.name = "gaussian_kl",
               .in = {{6, 8}},
               .op = [](const Args& x) { return gaussian_kl(x[0], 2); },
               .edges = {{{2, 2}}, {{66, 66}}},
               .refuses = {{{7, 8}}, {{6, 7}}, {{0, 8}}}});
  c.push_back(
      {.name = "gaussian_kl.sum", .in = {{6, 8}}, .op = [](const Args& x) { return gaussian_kl(x[0], 3, true); }});
  for (const UniformNll::Target t : {UniformNll::sinkhorn, UniformNll::marginal, UniformNll::per_sample})
    for (const bool twice : {false, true}) {
      if (twice && t != UniformNll::sinkhorn) continue;
      UniformNll::Attr at;
      at.problems = 2;
      at.target = t;
      at.double_softmax = twice;
      c.push_back({.name = str("uniform_nll.", static_cast<int>(t), twice ? ".double" : ""),
                   .in = {{14, 3}},  // seven rows do not split into three: no target is near a tie
                   .op = [at](const Args& x) { return uniform_nll(x[0], at); },
                   .low = 0.05,
                   .high = 1,
                   .edges = {{{2, 1}}, {{2, 5}}, {{66, 4}}},
                   .refuses = {{{7, 3}}, {{0, 3}}},
                   .bench = {{{200, 10}}}});
    }
  const Pairs star{3, 1}, all{3, -1};
  const auto contrast = [](const Pairs& p, bool own) {
    return [p, own](const Args& x) { return pair_contrast(normalize(x[0]), p, 0.4, own); };
  };
  for (const auto& [name, pairs, own] :
       {std::tuple{"pair_contrast", star, true}, std::tuple{"pair_contrast.cross", star, false},
        std::tuple{"pair_contrast.all", all, true}})
    c.push_back({.name = name,
                 .in = {{12, 5}},
                 .op = contrast(pairs, own),
                 .edges = {{{3, 2}}, {{99, 31}}, {{3 * 530, 3}}},
                 .refuses = {{{7, 5}}, {{0, 5}}},
                 .bench = {{{3 * 100, 256}}, {{3 * 256, 128}}},
                 .gradient_tolerance = 1e-6,
                 .precision_tolerance = 1e-4});
  c.push_back({.name = "pair_contrast.wide",  // many rows and columns: another launch shape on a device
               .in = {{6, 70}},
               .op = contrast(all, true),
               .edges = {{{3 * 683, 70}}},
               .gradient_tolerance = 1e-6,
               .precision_tolerance = 1e-4});
  for (const auto& [name, pairs_, k_, simplex_] :
       {std::tuple{"joint_information", star, 1.0, false}, std::tuple{"joint_information.simplex", star, 1.0, true},
        std::tuple{"joint_information.all", all, 10.0, false}})
    c.push_back({.name = name,
                 .in = {{12, 4}},
                 .op = [pairs = pairs_, k = k_,
                        simplex = simplex_](const Args& x) { return joint_information(x[0], pairs, k, simplex); },
                 .low = 0.1,
                 .high = 1,
                 .edges = {{{3, 1}}, {{99, 33}}},
                 .refuses = {{{7, 4}}, {{0, 4}}},
                 .bench = {{{3 * 100, 256}}, {{3 * 256, 512}}},
                 .precision_tolerance = 1e-4});
  return c;
}

}  // namespace parallax::testing

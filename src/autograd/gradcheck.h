// Gradients against central differences in double precision. Public: authors of ops and methods use it too.
#pragma once
#include <functional>
#include <string>

#include "tape.h"

namespace parallax {

struct GradCheck {
  double worst = 0;     // largest error relative to the largest gradient of that input (at least 1e-3)
  std::string where;    // input and entry of the worst
  int64_t checked = 0;  // derivatives compared
};
// `f` maps the inputs to one value of any shape; it is contracted with fixed random weights. All entries are checked
// where an input has fewer than 2,000, else 64 random directions. Inputs are f64.
GradCheck check_gradients(Context& ctx, const std::function<Var(std::span<const Var>)>& f,
                          std::span<const Tensor> inputs, double step = 1e-6);

}  // namespace parallax

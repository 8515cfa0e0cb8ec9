// What a case gives, and how two outcomes are compared; shared by the checks on the CPU and on a device.
#pragma once
#include "op_cases.h"

namespace parallax::testing {

struct Outcome {
  std::vector<double> value;
  std::vector<std::vector<double>> grads;
  int64_t nodes = 0;
};
using Form = std::function<Var(const Args&)>;

// Value, and gradients of its sum weighted by fixed numbers.
Outcome evaluate(Context& ctx, const Form& form, const std::vector<Tensor>& inputs, DType type, int backwards = 1);
std::vector<Tensor> inputs_of(Context& ctx, const OpCase& c, const std::vector<Shape>& shapes, DType type);
void expect_close(const Outcome& a, const Outcome& b, double tolerance, const std::string& what);
void expect_same_bits(const Outcome& a, const Outcome& b, const std::string& what);
std::vector<std::vector<Shape>> all_shapes(const OpCase& c);

}  // namespace parallax::testing

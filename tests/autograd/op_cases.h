// One table of op cases makes the gradient check, the precision check, fused against composed, repeatability, threads,
// instruction sets, guard words, edge sizes, refusals and the op bench.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include <parallax/autograd/tape.h>

namespace parallax::testing {

// What a case may use besides its inputs: constants that are not differentiated, equal in both precisions.
class Args {
 public:
  Args(Context& ctx, DType type, std::span<const Var> in) : ctx_(ctx), type_(type), in_(in) {}
  const Var& operator[](size_t i) const { return in_[i]; }
  size_t size() const { return in_.size(); }
  std::span<const Var> from(size_t i) const { return in_.subspan(i); }
  std::span<const Var> range(size_t i, size_t n) const { return in_.subspan(i, n); }
  Tensor constant(Shape s, double low = -1, double high = 1, uint32_t tag = 7) const;  // uniform in [low, high)
  Tensor ids(int64_t n) const;                                                         // 0..n-1, i64
  Tensor index(Shape s, int64_t below, uint32_t tag = 9) const;                        // i64 in [0, below)
  Context& ctx() const { return ctx_; }
  DType type() const { return type_; }

 private:
  Context& ctx_;
  DType type_;
  std::span<const Var> in_;
};

struct OpCase {
  std::string name;       // "op" or "op.variant"
  std::vector<Shape> in;  // shapes of the differentiable inputs
  std::function<Var(const Args&)> op;
  std::function<Var(const Args&)> same_as = {};  // composed form, where there is one
  double low = -1, high = 1;                     // range of the inputs
  double away = 0;                               // inputs keep at least this distance from 0 (kinks)
  std::vector<std::vector<Shape>> edges = {};    // further shapes that must work: 0 rows, 1, 31, 32, 33
  std::vector<std::vector<Shape>> refuses = {};  // shapes that must throw Error(shape) or Error(config)
  std::vector<std::vector<Shape>> bench = {};    // shapes for the bench
  double gradient_tolerance = 1e-7, precision_tolerance = 1e-5;
};
const std::vector<OpCase>& op_cases();
std::vector<OpCase> cases_of_linear();  // one function per family, defined in op_cases_*.cpp
std::vector<OpCase> cases_of_basic();
std::vector<OpCase> cases_of_sparsemvc();
std::vector<OpCase> cases_of_gmae();
std::vector<OpCase> cases_of_gdcn();
std::vector<OpCase> cases_of_ddmc();
std::vector<OpCase> cases_of_distilmvc();

Tensor random_tensor(Context& ctx, DType type, Shape s, double low, double high, double away, uint32_t tag);

}  // namespace parallax::testing

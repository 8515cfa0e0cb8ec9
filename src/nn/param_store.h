// Parameters, gradients and optimiser state as flat buffers owned outside the modules: one fused update, one block per
// checkpoint. A parameter is known by its published name ("encoders.0.encoder.3.weight"); modules hold handles.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "../autograd/tape.h"

namespace parallax {

struct Param {
  int index = -1;
  bool defined() const { return index >= 0; }
};

// How a parameter starts. Draws are addressed by the parameter's name: adding a layer does not change the others'
// start.
struct Init {
  enum Kind { constant, uniform, normal } kind = constant;
  double scale = 0;  // constant: the value; uniform: bound; normal: deviation
};
namespace init {
inline Init constant(double value) { return {Init::constant, value}; }
Init fan_in(int64_t inputs);  // PyTorch's Linear, weight and bias: U(-1/sqrt(fan_in), 1/sqrt(fan_in))
Init kaiming_normal(int64_t fan, double gain = 1.4142135623730951);  // N(0, gain^2 / fan)
}  // namespace init

class ParamStore {
 public:
  ParamStore(Context& ctx, DType type) : ctx_(&ctx), type_(type) {}

  // Declaration; throws Error(internal) on a name used twice. All before allocate().
  Param add(const std::string& name, Shape shape, Init init);
  // Named state that no gradient reaches (running statistics, schedules); saved and restored with the parameters.
  Param add_buffer(const std::string& name, Shape shape, double value);
  void allocate();    // flat buffers, initial values
  void initialise();  // the initial values again

  int count() const { return static_cast<int>(entries_.size()); }
  DType dtype() const { return type_; }
  Context& context() const { return *ctx_; }
  const std::string& name(Param p) const { return entries_[static_cast<size_t>(p.index)].name; }
  bool is_buffer(Param p) const { return entries_[static_cast<size_t>(p.index)].buffer; }
  Param find(std::string_view name) const;  // not defined() where there is none
  Tensor value(Param p) const { return entries_[static_cast<size_t>(p.index)].value; }
  Tensor grad(Param p) const { return entries_[static_cast<size_t>(p.index)].grad; }
  Tensor moment1(Param p) const { return entries_[static_cast<size_t>(p.index)].m; }
  Tensor moment2(Param p) const { return entries_[static_cast<size_t>(p.index)].v; }
  // Whether backward reached it in this step (a fact of the step's structure, known on the host), and how many updates
  // it had (device memory): a parameter without a gradient does not advance.
  bool* written(Param p) { return &written_[static_cast<size_t>(p.index)]; }
  int32_t* counter(Param p) { return updates_.ptr<int32_t>() + p.index; }
  int32_t updates(Param p) const { return updates_.to_vector<int32_t>()[static_cast<size_t>(p.index)]; }
  void begin_step();  // forgets what backward reached
  int64_t trainable_values() const { return total_; }
  // Indices of the trainable parameters that match one of the globs ("encoders.*", "*").
  std::vector<int> matching(const std::vector<std::string>& globs) const;

 private:
  struct Entry {
    std::string name;
    Shape shape;
    Init init;
    bool buffer = false;
    int64_t offset = 0;
    Tensor value, grad, m, v;
  };
  void fill_initial(Entry& e);
  Context* ctx_;
  DType type_;
  std::vector<Entry> entries_;
  std::unique_ptr<bool[]> written_;
  Tensor values_, grads_, m_, v_, updates_;
  int64_t total_ = 0;
  bool allocated_ = false;
};

bool glob_match(std::string_view pattern, std::string_view text);  // '*' is any run of characters

}  // namespace parallax

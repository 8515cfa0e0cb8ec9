// Reverse-mode differentiation. Ops append nodes to the tape as they run, so the order of the nodes is an order of
// evaluation and backward is one loop in reverse. A node keeps what its op saved and nothing else; a leaf's gradient
// lies where its owner wants it (a range of the flat gradient buffer). Nothing is lazy.
#pragma once
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../tensor/small.h"
#include "../tensor/tensor.h"

namespace parallax {

class Tape;

// A value in a computation. slot < 0: no gradient is wanted (data, constants, detached values).
struct Var {
  Tensor value;
  Tape* tape = nullptr;
  int32_t slot = -1;
  int64_t rows() const { return value.rows(); }
  int64_t cols() const { return value.cols(); }
  Shape shape() const { return value.shape(); }
  DType dtype() const { return value.dtype(); }
};
// The same value without a gradient.
inline Var detach(const Var& v) { return {v.value, v.tape, -1}; }

using In = std::span<const Tensor>;

// The gradient of one input, as an op's backward sees it.
class Grad {
 public:
  Grad() = default;
  Grad(Tape* tape, int32_t slot, Shape shape) : tape_(tape), slot_(slot), shape_(shape) {}
  Shape shape() const { return shape_; }  // of the input, also where no gradient is wanted
  explicit operator bool() const { return slot_ >= 0; }
  struct Open {
    Tensor tensor;
    double beta;  // 0 for the first writer, 1 for later ones: result = beta * tensor + contribution
  };
  Open open(Context& ctx) const;
  // For contributions that touch a part of the tensor only: zeroed on first use.
  Tensor open_zeroed(Context& ctx) const;
  bool written() const;  // by an earlier writer
  // What the op that made this input offers to whoever alone writes the gradient, if it has `blocks` biases; else null.
  // The caller then must do it.
  struct ReluOffer* take_offer(int blocks) const;

 private:
  Tape* tape_ = nullptr;
  int32_t slot_ = -1;
  Shape shape_;
};
using Grads = std::span<const Grad>;

// An op whose result went through ReLU offers that the product that writes its gradient applies the mask and writes the
// bias gradients, too (Product::relu_mask). Saved::offer of an op; the tape fills `bias`.
struct ReluOffer {
  Tensor mask = {};           // [rows, mask_ld / 8]; undefined: nothing is offered
  int first = 0, biases = 0;  // which inputs of the op are biases, one for each equal block of rows
  Small<Grad> bias = {};
  bool taken = false;
};

class Tape {
 public:
  explicit Tape(Context& ctx) : ctx_(&ctx) {}
  ~Tape() { clear(); }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Context& context() const { return *ctx_; }
  // A parameter: its gradient is written to `grad` (same shape). `written`, if given, is set when it was reached.
  Var leaf(const Tensor& value, const Tensor& grad, bool* written = nullptr);
  // An input whose gradient the tape keeps itself; read it with grad_of().
  Var input(const Tensor& value);
  Var constant(const Tensor& value) { return {value, this, -1}; }

  // Runs Op forward on the inputs and records it if any of them wants a gradient.
  template <class Op> Var record(const typename Op::Attr& attr, std::span<const Var> inputs);

  // Gradients of a [1, 1] value with respect to all leaves and inputs; adds to what an earlier call left there.
  void backward(const Var& loss);
  Tensor grad_of(const Var& v) const;
  void clear();  // forgets all nodes; keeps its memory for the next step
  int64_t nodes() const { return static_cast<int64_t>(nodes_.size()); }

 private:
  friend class Grad;
  struct Slot {
    Shape shape;
    DType type = DType::f32;
    Tensor grad;
    bool leaf = false, used = false;
    bool* written = nullptr;
    int32_t parent = -1;  // rows from `first` on of that slot: the gradient is a range of its gradient
    int64_t first = 0;
    int uses = 0;  // ops that take it as an input
    ReluOffer* offer = nullptr;
  };
  struct Node {
    int32_t out = -1;
    std::span<const int32_t> in;
    std::span<const Shape> shapes;
    virtual ~Node() = default;
    virtual void backward(Context& ctx, const Tensor& gy, Grads g) = 0;
    virtual std::string_view name() const = 0;
  };
  template <class Op> struct OpNode final : Node {
    typename Op::Attr attr;
    typename Op::Saved saved;
    void backward(Context& ctx, const Tensor& gy, Grads g) override { Op::backward(ctx, attr, saved, gy, g); }
    std::string_view name() const override { return Op::name; }
  };
  // Host memory of the nodes: bump only, reused step after step.
  void* take(size_t bytes);
  template <class T> std::span<T> take_list(size_t n) {
    T* p = static_cast<T*>(take(n * sizeof(T)));
    for (size_t i = 0; i < n; ++i) new (p + i) T();
    return {p, n};
  }
  struct Released {
    std::span<Tensor> tensors;
    ~Released() {
      for (Tensor& t : tensors) t = Tensor();
    }
  };
  int32_t add_slot(const Tensor& value);
  void make_offer(ReluOffer& offer, std::span<const int32_t> in, std::span<const Shape> shapes);

  Context* ctx_;
  std::vector<Slot> slots_;
  std::vector<Node*> nodes_;
  std::vector<Grad> grads_;
  Tensor one_;  // the gradient that a loss starts with
  std::vector<std::shared_ptr<void>> chunks_;
  size_t chunk_ = 0, used_ = 0;
};

template <class Op> Var Tape::record(const typename Op::Attr& attr, std::span<const Var> inputs) {
  const Breadcrumb crumb{Op::name};
  bool wanted = false;
  const std::span<Tensor> values = take_list<Tensor>(inputs.size());
  const Released release{values};  // also where forward throws: nothing destroys what lies in the tape's memory
  std::span<int32_t> slots = take_list<int32_t>(inputs.size());
  std::span<Shape> shapes = take_list<Shape>(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    PLX_CHECK(internal, inputs[i].tape == this || inputs[i].slot < 0, "op ", Op::name, ": input ", i,
              " is of another tape");
    values[i] = inputs[i].value;
    slots[i] = inputs[i].slot;
    shapes[i] = inputs[i].shape();
    wanted = wanted || slots[i] >= 0;
  }
  auto* node = new (take(sizeof(OpNode<Op>))) OpNode<Op>();
  node->attr = attr;
  node->in = slots;
  node->shapes = shapes;
  nodes_.push_back(node);  // owned from here on, whatever forward throws
  Var out{Op::forward(*ctx_, node->attr, node->saved, In(values.data(), values.size())), this, -1};
  if (wanted) node->out = out.slot = add_slot(out.value);
  if constexpr (requires { Op::first_row_of_input(attr); }) {
    if (wanted) slots_.back().parent = slots[0], slots_.back().first = Op::first_row_of_input(attr);
  }
  if constexpr (requires { node->saved.offer; }) {
    if (wanted) make_offer(node->saved.offer, slots, shapes);
  }
  for (const int32_t slot : slots)
    if (wanted && slot >= 0) ++slots_[static_cast<size_t>(slot)].uses;
  return out;
}

// An op that hands on rows of its only input as they lie says where they begin, `first_row_of_input(attr)`: who uses
// them then adds to those rows of the input's gradient, and the op's backward has nothing to do.

// The form in which ops are called: the tape is that of the first input that has one.
template <class Op> Var apply(const typename Op::Attr& attr, std::span<const Var> inputs) {
  for (const Var& v : inputs)
    if (v.tape) return v.tape->record<Op>(attr, inputs);
  PLX_FAIL(internal, "op ", Op::name, " has no input on a tape");
}
template <class Op> Var apply(const typename Op::Attr& attr, std::initializer_list<Var> inputs) {
  return apply<Op>(attr, std::span<const Var>(inputs.begin(), inputs.size()));
}

}  // namespace parallax

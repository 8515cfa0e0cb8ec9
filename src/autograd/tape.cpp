#include "tape.h"

#include "../tensor/elementwise.h"

namespace parallax {

namespace {
constexpr size_t kChunk = size_t{1} << 16;
}

void* Tape::take(size_t bytes) {
  const size_t need = (bytes + 63) / 64 * 64;
  PLX_CHECK(internal, need <= kChunk, "a tape node of ", bytes, " bytes");
  if (chunk_ < chunks_.size() && used_ + need > kChunk) {
    ++chunk_;
    used_ = 0;
  }
  if (chunk_ == chunks_.size()) {
    chunks_.push_back(allocate_block(kChunk));
    used_ = 0;
  }
  void* p = static_cast<std::byte*>(chunks_[chunk_].get()) + used_;
  used_ += need;
  return p;
}

int32_t Tape::add_slot(const Tensor& value) {
  Slot s;
  s.shape = value.shape();
  s.type = value.dtype();
  slots_.push_back(s);
  return static_cast<int32_t>(slots_.size() - 1);
}

void Tape::make_offer(ReluOffer& offer, std::span<const int32_t> in, std::span<const Shape> shapes) {
  if (!offer.mask.defined()) return;
  for (int i = 0; i < offer.biases; ++i) {
    const auto k = static_cast<size_t>(offer.first + i);
    if (in[k] < 0) return;
    offer.bias.push_back(Grad(this, in[k], shapes[k]));
  }
  slots_.back().offer = &offer;
}

bool Grad::written() const { return tape_->slots_[static_cast<size_t>(slot_)].used; }

ReluOffer* Grad::take_offer(int blocks) const {
  const Tape::Slot& s = tape_->slots_[static_cast<size_t>(slot_)];
  if (!s.offer || s.uses != 1 || s.used || s.offer->biases != blocks) return nullptr;
  for (const Grad& b : s.offer->bias)
    if (b.written()) return nullptr;  // the product would overwrite it
  s.offer->taken = true;
  return s.offer;
}

Var Tape::leaf(const Tensor& value, const Tensor& grad, bool* written) {
  PLX_CHECK(shape, value.shape() == grad.shape(), "a leaf of ", value.shape(), " with a gradient of ", grad.shape());
  const int32_t slot = add_slot(value);
  slots_.back().grad = grad;
  slots_.back().leaf = true;
  slots_.back().written = written;
  return {value, this, slot};
}

Var Tape::input(const Tensor& value) {
  const int32_t slot = add_slot(value);
  slots_.back().leaf = true;
  return {value, this, slot};
}

Tensor Tape::grad_of(const Var& v) const {
  PLX_CHECK(internal, v.slot >= 0 && v.slot < static_cast<int32_t>(slots_.size()), "no gradient was wanted there");
  return slots_[static_cast<size_t>(v.slot)].used ? slots_[static_cast<size_t>(v.slot)].grad : Tensor();
}

Grad::Open Grad::open(Context& ctx) const {
  Tape::Slot& s = tape_->slots_[static_cast<size_t>(slot_)];
  if (s.parent >= 0) {
    const Tape::Slot& parent = tape_->slots_[static_cast<size_t>(s.parent)];
    s.used = true;
    return {Grad(tape_, s.parent, parent.shape).open_zeroed(ctx).row_range(s.first, s.shape.rows), 1};
  }
  if (!s.grad.defined()) s.grad = Tensor::samples(ctx, s.type, s.shape);
  const double beta = s.used ? 1.0 : 0.0;
  s.used = true;
  if (s.written) *s.written = true;
  return {s.grad, beta};
}

Tensor Grad::open_zeroed(Context& ctx) const {
  const Open o = open(ctx);
  if (o.beta == 0) fill(ctx, o.tensor, 0);
  return o.tensor;
}

void Tape::backward(const Var& loss) {
  PLX_CHECK(shape, loss.shape() == (Shape{1, 1}), "backward needs a [1, 1] loss, not ", loss.shape());
  if (loss.slot < 0) return;
  for (Slot& s : slots_) {
    if (!s.leaf) s.used = false, s.grad = Tensor();
    if (s.offer) s.offer->taken = false;
  }
  Slot& last = slots_[static_cast<size_t>(loss.slot)];
  if (last.parent < 0 && !last.leaf) {
    if (!one_.defined() || one_.dtype() != last.type) {
      one_ = Tensor::persistent(*ctx_, last.type, {1, 1});
      one_.fill(1);
    }
    last.grad = one_;  // ops read the gradient of their result, they never write it
    last.used = true;
  } else {
    fill(*ctx_, Grad(this, loss.slot, loss.shape()).open(*ctx_).tensor, 1);
  }
  for (size_t i = nodes_.size(); i-- > 0;) {
    Node& node = *nodes_[i];
    if (node.out < 0 || !slots_[static_cast<size_t>(node.out)].used) continue;
    const Breadcrumb outer{"gradient of"}, crumb{node.name()};
    grads_.clear();
    for (size_t k = 0; k < node.in.size(); ++k) grads_.push_back(Grad(this, node.in[k], node.shapes[k]));
    node.backward(*ctx_, slots_[static_cast<size_t>(node.out)].grad, Grads(grads_.data(), grads_.size()));
  }
}

void Tape::clear() {
  for (Node* n : nodes_) n->~Node();
  nodes_.clear();
  slots_.clear();
  chunk_ = 0;
  used_ = 0;
}

}  // namespace parallax

#include "optimizer.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "optimizer_kernels.h"

namespace parallax {

namespace {
// Elements of a piece: one task of the CPU, one warp of a GPU.
int64_t piece_of(const Context& ctx) { return ctx.backend() ? 2048 : 16384; }
// Gradients of biases and norms are checked one by one: a bad number in front of a layer shows in its bias gradient, so
// the large weight gradients need no further reading.
constexpr int64_t kSmall = 4096, kSmallPiece = 256;

// A list of plain structs, as bytes where the kernels run.
template <class E> Tensor in_device_memory(Context& ctx, const std::vector<E>& list) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(list.data());
  const auto n = static_cast<int64_t>(list.size() * sizeof(E));
  Tensor t = Tensor::persistent(ctx, DType::u8, {1, n});
  t.assign(std::vector<uint8_t>(bytes, bytes + n));
  return t;
}
template <class E> E* list_of(const Tensor& t) { return reinterpret_cast<E*>(t.ptr<uint8_t>()); }
}  // namespace

Optimizer::Optimizer(ParamStore& store, OptimizerSpec spec, const std::vector<std::string>& globs)
    : store_(store), spec_(spec), params_(store.matching(globs)) {
  Context& ctx = store.context();
  PLX_CHECK(config, !params_.empty(), "no parameter matches the update's list");
  reached_.assign(params_.size(), 0);
  written_ = Tensor::persistent(ctx, DType::u8, {1, static_cast<int64_t>(params_.size())});
  std::vector<int32_t*> counters;
  for (const int i : params_) counters.push_back(store.counter(Param{i}));
  counters_ = in_device_memory(ctx, counters);
  by_float(store.dtype(), [&]<class T>(T) {
    std::vector<Piece<T>> pieces, small;
    for (size_t k = 0; k < params_.size(); ++k) {
      const Param p{params_[k]};
      const int64_t n = store.value(p).count();
      const auto cut = [&](std::vector<Piece<T>>& list, int64_t piece) {
        for (int64_t at = 0; at < n; at += piece)
          list.push_back({store.value(p).ptr<T>() + at, store.moment1(p).ptr<T>() + at, store.moment2(p).ptr<T>() + at,
                          store.grad(p).ptr<T>() + at, std::min(piece, n - at), store.counter(p),
                          written_.ptr<uint8_t>() + k});
      };
      cut(pieces, piece_of(ctx));
      if (n <= kSmall) cut(small, kSmallPiece);
    }
    pieces_ = in_device_memory(ctx, pieces);
    small_ = in_device_memory(ctx, small);
    n_pieces_ = static_cast<int64_t>(pieces.size());
    n_small_ = static_cast<int64_t>(small.size());
  });
  sums_ = Tensor::persistent(ctx, DType::f64, {n_pieces_, 1});
  lr_ = Tensor::persistent(ctx, store.dtype(), {1, 1});
  norm_ = Tensor::persistent(ctx, store.dtype(), {1, 1});
  clip_ = Tensor::persistent(ctx, store.dtype(), {1, 1});
  flag_ = Tensor::persistent(ctx, DType::i32, {1, 1});
  set_lr(spec.lr);
}

void Optimizer::step(const Tensor& loss) {
  Context& ctx = store_.context();
  // what backward reaches is the same in every step of a phase: sent when it changes
  bool changed = false;
  for (size_t k = 0; k < params_.size(); ++k) {
    const uint8_t now = *store_.written(Param{params_[k]}) ? 1 : 0;
    changed = changed || now != reached_[k];
    reached_[k] = now;
  }
  if (changed) written_.assign(reached_);
  by_float(store_.dtype(), [&]<class T>(T) {
    const auto* pieces = list_of<const Piece<T>>(pieces_);
    const int64_t n = n_pieces_;
    const bool clipped = spec_.clip_norm > 0;
    if (clipped) run(ctx, SquarePieces<T>{pieces, n, sums_.ptr<double>()});
    run(ctx,
        PrepareUpdate<T>{list_of<const Piece<T>>(small_), n_small_, clipped ? sums_.ptr<double>() : nullptr,
                         clipped ? n : 0, spec_.clip_norm, norm_.ptr<T>(), clip_.ptr<T>(),
                         loss.defined() ? loss.ptr<T>() : nullptr, flag_.ptr<int32_t>(), list_of<int32_t*>(counters_),
                         written_.ptr<uint8_t>(), static_cast<int64_t>(params_.size())});
    const T* clip = clipped ? clip_.ptr<T>() : nullptr;
    if (spec_.kind == OptimizerSpec::adam)
      run(ctx, AdamPieces<T>{pieces, n, lr_.ptr<T>(), clip, flag_.ptr<int32_t>(), spec_.beta1, spec_.beta2, spec_.eps,
                             spec_.weight_decay});
    else
      run(ctx, SgdPieces<T>{pieces, n, lr_.ptr<T>(), clip, flag_.ptr<int32_t>(), spec_.momentum, spec_.weight_decay});
  });
}

void Optimizer::set_lr(double lr) { lr_.fill(lr); }
double Optimizer::lr() const { return lr_.item(); }
bool Optimizer::nonfinite() const { return flag_.to_vector<int32_t>()[0] != 0; }
void Optimizer::clear_nonfinite() { flag_.assign(std::vector<int32_t>{0}); }

void ema_update(Context& ctx, const Tensor& target, const Tensor& source, double m) {
  axpby(ctx, 1 - m, source, m, target);
}

}  // namespace parallax

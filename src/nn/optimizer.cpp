#include "optimizer.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "optimizer_kernels.h"

namespace parallax {

namespace {
constexpr int64_t kPiece = 16384;
// Gradients of biases and norms are checked one by one: a bad number in front of a layer shows in its bias gradient, so
// the large weight gradients need no further reading.
constexpr int64_t kSmall = 4096;
}  // namespace

struct Optimizer::Lists {
  std::vector<uint32_t*> counters;
  std::vector<const bool*> written;
  std::vector<Piece<float>> f32;
  std::vector<Piece<double>> f64;
  template <class T> std::vector<Piece<T>>& pieces() {
    if constexpr (sizeof(T) == 4)
      return f32;
    else
      return f64;
  }
};

Optimizer::~Optimizer() = default;

Optimizer::Optimizer(ParamStore& store, OptimizerSpec spec, const std::vector<std::string>& globs)
    : store_(store), spec_(spec), lists_(std::make_unique<Lists>()) {
  Context& ctx = store.context();
  const std::vector<int> params = store.matching(globs);
  PLX_CHECK(config, !params.empty(), "no parameter matches the update's list");
  by_float(store.dtype(), [&]<class T>(T) {
    for (const int i : params) {
      const Param p{i};
      lists_->counters.push_back(store.updates(p));
      lists_->written.push_back(store.written(p));
      const int64_t n = store.value(p).count();
      for (int64_t at = 0; at < n; at += kPiece)
        lists_->pieces<T>().push_back({store.value(p).ptr<T>() + at, store.moment1(p).ptr<T>() + at,
                                       store.moment2(p).ptr<T>() + at, store.grad(p).ptr<T>() + at,
                                       std::min(kPiece, n - at), store.updates(p), store.written(p)});
    }
    sums_ = Tensor::persistent(ctx, DType::f64, {static_cast<int64_t>(lists_->pieces<T>().size()), 1});
  });
  lr_ = Tensor::persistent(ctx, store.dtype(), {1, 1});
  norm_ = Tensor::persistent(ctx, store.dtype(), {1, 1});
  clip_ = Tensor::persistent(ctx, store.dtype(), {1, 1});
  flag_ = Tensor::persistent(ctx, DType::i32, {1, 1});
  set_lr(spec.lr);
}

void Optimizer::step(const Tensor& loss) {
  Context& ctx = store_.context();
  by_float(store_.dtype(), [&]<class T>(T) {
    const auto& pieces = lists_->pieces<T>();
    const int64_t n = static_cast<int64_t>(pieces.size());
    const bool clipped = spec_.clip_norm > 0;
    if (clipped) run(ctx, SquarePieces<T>{pieces.data(), n, sums_.ptr<double>()});
    run(ctx, PrepareUpdate<T>{pieces.data(), n, clipped ? sums_.ptr<double>() : nullptr, spec_.clip_norm,
                              norm_.ptr<T>(), clip_.ptr<T>(), loss.defined() ? loss.ptr<T>() : nullptr,
                              flag_.ptr<int32_t>(), lists_->counters.data(), lists_->written.data(),
                              static_cast<int64_t>(lists_->counters.size()), kSmall});
    const T* clip = clipped ? clip_.ptr<T>() : nullptr;
    if (spec_.kind == OptimizerSpec::adam)
      run(ctx, AdamPieces<T>{pieces.data(), n, lr_.ptr<T>(), clip, flag_.ptr<int32_t>(), spec_.beta1, spec_.beta2,
                             spec_.eps, spec_.weight_decay});
    else
      run(ctx,
          SgdPieces<T>{pieces.data(), n, lr_.ptr<T>(), clip, flag_.ptr<int32_t>(), spec_.momentum, spec_.weight_decay});
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

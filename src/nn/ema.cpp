#include "ema.h"

#include <algorithm>

namespace parallax {

void moving_average(Context& ctx, std::span<const Tensor> targets, std::span<const Tensor> sources, const Tensor& table,
                    const Tensor& first) {
  PLX_CHECK(shape, targets.size() == sources.size() && targets.size() <= kMaxProblems && table.count() > 0,
            "moving averages of ", targets.size(), " tensors towards ", sources.size(), " with ", table.count(),
            " momenta");
  if (targets.empty()) return;
  by_float(targets[0].dtype(), [&]<class T>(T) {
    MovingAverage<T> k;
    k.table = table.ptr<double>();
    k.count = table.count();
    k.step = ctx.step_counter();
    k.first = first.ptr<int64_t>();
    for (size_t q = 0; q < targets.size(); ++q) {
      PLX_CHECK(shape, targets[q].shape() == sources[q].shape(), "moving average of ", targets[q].shape(), " towards ",
                sources[q].shape());
      k.target[q] = targets[q].mat<T>();
      k.source[q] = sources[q].mat<T>();
      k.end[q] = targets[q].rows() + k.rows();
      k.widest = std::max(k.widest, targets[q].cols());
      ++k.pairs;
    }
    run(ctx, k);
  });
}

}  // namespace parallax

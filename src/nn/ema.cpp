#include "ema.h"

namespace parallax {

void moving_average(Context& ctx, const Tensor& target, const Tensor& source, const Tensor& table,
                    const Tensor& first) {
  PLX_CHECK(shape, target.shape() == source.shape() && table.count() > 0, "moving average of ", target.shape(),
            " towards ", source.shape(), " with ", table.count(), " momenta");
  by_float(target.dtype(), [&]<class T>(T) {
    run(ctx, MovingAverage<T>{target.mat<T>(), source.mat<T>(), table.ptr<double>(), table.count(), ctx.step_counter(),
                              first.ptr<int64_t>()});
  });
}

}  // namespace parallax

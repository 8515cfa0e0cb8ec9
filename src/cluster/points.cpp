#include "points.h"

#include <algorithm>
#include <cmath>

namespace parallax::cluster_detail {
namespace {

// Sums the partial sums of the blocks in order.
template <class T> std::vector<double> columns(Context& ctx, Mat<const T> x, const double* mean) {
  const int64_t blocks = (x.rows + kSumRows - 1) / kSumRows;
  const Tensor partial = Tensor::empty(ctx, DType::f64, {blocks, x.cols});
  run(ctx, ColumnSums<T>{x, mean, partial.ptr<double>()});
  const std::vector<double> sums = partial.to_vector<double>();
  std::vector<double> total(static_cast<size_t>(x.cols), 0.0);
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t j = 0; j < x.cols; ++j) total[static_cast<size_t>(j)] += sums[static_cast<size_t>(b * x.cols + j)];
  return total;
}

template <class T> void refuse_non_finite(Mat<T> x, const char* what) {
  for (int64_t i = 0; i < x.rows; ++i)
    for (int64_t j = 0; j < x.cols; ++j)
      PLX_CHECK(numeric, std::isfinite(x.row(i)[j]), what, ": row ", i, ", column ", j, " is ", x.row(i)[j],
                "; only finite numbers can be clustered");
  PLX_FAIL(numeric, what, ": the sum of a column overflows double precision");
}

}  // namespace

void check_input(Context& ctx, const Tensor& x, const char* what) {
  PLX_CHECK(device, x.device() == ctx.backend(), what, ": the matrix and the context are of different devices");
  PLX_CHECK(dtype, x.dtype() == DType::f32 || x.dtype() == DType::f64, what,
            ": a floating-point matrix is needed, not ", name_of(x.dtype()));
  PLX_CHECK(shape, x.rows() > 0 && x.cols() > 0, what, ": a matrix of ", x.shape(), " holds nothing to cluster");
}

template <class T> Points<T> pack_points(Context& ctx, const Tensor& tensor, const char* what, bool with_rows) {
  const Mat<const T> x = tensor.mat<T>();
  Points<T> p;
  p.x = x;
  p.n = x.rows;
  p.d = x.cols;
  const double n = static_cast<double>(p.n);
  p.mean = columns(ctx, x, nullptr);
  for (double& m : p.mean) {
    if (!std::isfinite(m)) refuse_non_finite(tensor.on_host().mat<T>(), what);
    m /= n;
  }
  p.means = Tensor::from(ctx, p.mean, {1, p.d});
  const std::vector<double> squares = columns(ctx, x, p.means.template ptr<double>());
  double total = 0;
  for (const double s : squares) total += s / n;
  PLX_CHECK(numeric, std::isfinite(total), what, ": the variance of the data overflows double precision");
  p.mean_variance = total / static_cast<double>(p.d);
  // the typical row gets a norm near 1; a power of two, so that scaling is exact
  p.scale = total > 0 ? std::ldexp(1.0, std::clamp(-std::ilogb(total) / 2, -1000, 1000)) : 1.0;
  const int64_t strips = p.strip_count();
  p.strips = Tensor::empty(ctx, dtype_of<T>(), {strips, p.d * kStripPoints});
  p.norms = Tensor::empty(ctx, dtype_of<T>(), {strips, kStripPoints});
  if (with_rows) p.rows = Tensor::empty(ctx, dtype_of<T>(), {p.n, p.d});
  run(ctx, PackStrips<T>{x, p.means.template ptr<double>(), p.scale, p.strips.template ptr<T>(),
                         p.norms.template ptr<T>(), with_rows ? p.rows.template ptr<T>() : nullptr});
  for (const T norm : p.norms.template to_vector<T>()) p.max_norm = std::max(p.max_norm, static_cast<double>(norm));
  return p;
}
template Points<float> pack_points(Context&, const Tensor&, const char*, bool);
template Points<double> pack_points(Context&, const Tensor&, const char*, bool);

Tensor as_double(Context& ctx, const Tensor& x) {
  if (x.dtype() == DType::f64) return x;
  Tensor copy = Tensor::empty(ctx, DType::f64, x.shape());
  by_float(x.dtype(), [&]<class T>(T) {
    const Mat<const T> from = x.mat<T>();
    const Mat<double> to = copy.mat<double>();
    ctx.parallel((from.rows + kSumRows - 1) / kSumRows, [&](int64_t b) {
      for (int64_t i = b * kSumRows; i < std::min(from.rows, (b + 1) * kSumRows); ++i)
        for (int64_t j = 0; j < from.cols; ++j) to.row(i)[j] = static_cast<double>(from.row(i)[j]);
    });
  });
  return copy;
}

}  // namespace parallax::cluster_detail

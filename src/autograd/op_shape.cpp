#include "op_shape.h"

#include "../tensor/elementwise.h"

namespace parallax {

namespace {
constexpr int kParts = 4 * kMaxProblems;
}

Tensor ConcatCols::forward(Context& ctx, const Attr&, Saved&, In x) {
  int64_t cols = 0;
  for (const Tensor& t : x) {
    PLX_CHECK(shape, t.rows() == x[0].rows(), "concat_cols: ", t.rows(), " rows beside ", x[0].rows());
    cols += t.cols();
  }
  Tensor y = Tensor::samples(ctx, x[0].dtype(), {x[0].rows(), cols});
  int64_t at = 0;
  Small<AxpbyPart, kParts> parts;
  for (const Tensor& t : x) {
    parts.push_back({1, t, 0, y.col_range(at, t.cols())});
    at += t.cols();
  }
  axpby(ctx, parts.span());
  return y;
}
void ConcatCols::backward(Context& ctx, const Attr&, const Saved&, const Tensor& gy, Grads g) {
  int64_t at = 0;
  Small<AxpbyPart, kParts> parts;
  for (const Grad& part : g) {
    const int64_t cols = part.shape().cols;
    if (part) {
      const Grad::Open o = part.open(ctx);
      parts.push_back({1, gy.col_range(at, cols), o.beta, o.tensor});
    }
    at += cols;
  }
  axpby(ctx, parts.span());
}
Var concat_cols(std::span<const Var> x) { return x.size() == 1 ? x[0] : parallax::apply<ConcatCols>({}, x); }

Tensor ConcatRows::forward(Context& ctx, const Attr&, Saved&, In x) {
  int64_t rows = 0;
  for (const Tensor& t : x) {
    PLX_CHECK(shape, t.cols() == x[0].cols(), "concat_rows: ", t.cols(), " columns above ", x[0].cols());
    rows += t.rows();
  }
  Tensor y = Tensor::samples(ctx, x[0].dtype(), {rows, x[0].cols()});
  int64_t at = 0;
  Small<AxpbyPart, kParts> parts;
  for (const Tensor& t : x) {
    parts.push_back({1, t, 0, y.row_range(at, t.rows())});
    at += t.rows();
  }
  axpby(ctx, parts.span());
  return y;
}
void ConcatRows::backward(Context& ctx, const Attr&, const Saved&, const Tensor& gy, Grads g) {
  int64_t at = 0;
  Small<AxpbyPart, kParts> parts;
  for (const Grad& part : g) {
    const int64_t rows = part.shape().rows;
    if (part) {
      const Grad::Open o = part.open(ctx);
      parts.push_back({1, gy.row_range(at, rows), o.beta, o.tensor});
    }
    at += rows;
  }
  axpby(ctx, parts.span());
}
Var concat_rows(std::span<const Var> x) { return x.size() == 1 ? x[0] : parallax::apply<ConcatRows>({}, x); }

Tensor RowRange::forward(Context&, const Attr& at, Saved&, In x) { return x[0].row_range(at.first, at.n); }
void RowRange::backward(Context&, const Attr&, const Saved&, const Tensor&, Grads) {}
Var row_range(const Var& x, int64_t first, int64_t n) {
  return first == 0 && n == x.rows() ? x : apply<RowRange>({first, n}, {x});
}

}  // namespace parallax

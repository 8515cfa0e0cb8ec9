// Side by side, one above the other, and parts.
#pragma once
#include "tape.h"

namespace parallax {

struct ConcatCols {
  static constexpr std::string_view name = "concat_cols";
  struct Attr {};
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var concat_cols(std::span<const Var> x);

struct ConcatRows {
  static constexpr std::string_view name = "concat_rows";
  struct Attr {};
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var concat_rows(std::span<const Var> x);

// rows first .. first + n of x: a view, no copy; neither is its gradient
struct RowRange {
  static constexpr std::string_view name = "row_range";
  struct Attr {
    int64_t first = 0, n = 0;
  };
  static int64_t first_row_of_input(const Attr& at) { return at.first; }
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var row_range(const Var& x, int64_t first, int64_t n);
// Problem g of G stacked ones
inline Var problem(const Var& x, int problems, int g) {
  const int64_t n = x.rows() / problems;
  return row_range(x, g * n, n);
}

}  // namespace parallax

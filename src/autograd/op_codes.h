// Stacked codes laid out for the layers behind them: the common code beside every view's own, or all codes side by
// side.
#pragma once
#include "tape.h"

namespace parallax {

// z = [S; P_0; ..; P_{V-1}] stacked, [(V + 1) n, d]; result stacked [V n, 2 d]: rows [S_i | P_v,i] (GMAE 3.1)
struct JoinCommon {
  static constexpr std::string_view name = "join_common";
  struct Attr {
    int views = 1;
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var join_common(const Var& z, int views);

// z stacked [G n, d]; result [n, G d]: the G codes of a sample in one row
struct SideBySide {
  static constexpr std::string_view name = "side_by_side";
  struct Attr {
    int problems = 1;
  };
  struct Saved {};
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var side_by_side(const Var& z, int problems);

}  // namespace parallax

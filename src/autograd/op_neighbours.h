// GMAE's contrast on lists of neighbours that stay the same throughout training (its page 4.4, 11.5).
#pragma once
#include "tape.h"

namespace parallax {

// Lists as the kernel reads them: the distinct members of each, how often each is a positive and how often a negative.
// One sample may be listed through several views, and be positive through one and negative through another.
struct NeighbourTable {
  Tensor index;      // [lists, listed] i32
  Tensor near, far;  // [lists, listed] u8
  Tensor lengths;    // [lists, 1] i32: entries in use
  int64_t lists() const { return index.rows(); }
};
// positives [lists, P], negatives [lists, Q]: i64, members in [0, members). Persistent.
NeighbourTable neighbour_table(Context& ctx, const Tensor& positives, const Tensor& negatives, int64_t members);

// x: rows of unit length, [n, q]. With c_ij = <x_i, x_j>, for anchors i:
//   l = (1/n) sum_i [ -sum_{p in Pos(i)} c_ip + |Pos(i)| ln sum_{m in Neg(i)} exp c_im ],  [1, 1]
// Positives and negatives are taken as constants: only anchors get a gradient.
struct NeighbourContrast {
  static constexpr std::string_view name = "neighbour_contrast";
  struct Attr {
    NeighbourTable table;
    Tensor owner = {};  // [n, 1] i64: the list of row i; undefined: i; negative or past the end: row i is no anchor
    Tensor place = {};  // [members, 1] i64: the row of member j; undefined: j; -1: not in this batch, left out
    bool skip_last = false;  // the last list has no anchor (published code)
    Tensor others = {};      // [rows, q]: what members are looked up in; undefined: the values of x
  };
  struct Saved {
    Tensor dx;                // on a device, which computes the cosines again in backward, instead of it the inputs and
    Tensor x, others, level;  // a number per row
  };
  static Tensor forward(Context& ctx, const Attr& at, Saved& s, In x);
  static void backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g);
};
Var neighbour_contrast(const Var& x, const NeighbourContrast::Attr& lists);

// The inverse of `ids` [n, 1]: the row of every one of `members` samples, -1 where it is not in the batch; [members,
// 1].
Tensor places_of(Context& ctx, const Tensor& ids, int64_t members, DType type);

}  // namespace parallax

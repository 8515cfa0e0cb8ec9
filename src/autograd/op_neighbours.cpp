#include "op_neighbours.h"

#include <algorithm>

#include "../tensor/elementwise.h"
#include "../tensor/gemm.h"
#include "neighbours_kernels.h"

namespace parallax {

NeighbourTable neighbour_table(Context& ctx, const Tensor& positives, const Tensor& negatives, int64_t members) {
  PLX_CHECK(shape, positives.rows() == negatives.rows() && positives.rows() > 0, "neighbour lists: ", positives.rows(),
            " rows of positives, ", negatives.rows(), " of negatives");
  const int64_t n = positives.rows();
  const auto near = positives.to_vector<int64_t>(), far = negatives.to_vector<int64_t>();
  // a list's members in order, each as 2 j (positive) or 2 j + 1 (negative)
  std::vector<int64_t> list;
  const auto read = [&](int64_t i) {
    list.clear();
    for (int64_t k = 0; k < positives.cols(); ++k)
      list.push_back(2 * near[static_cast<size_t>(i * positives.cols() + k)]);
    for (int64_t k = 0; k < negatives.cols(); ++k)
      list.push_back(2 * far[static_cast<size_t>(i * negatives.cols() + k)] + 1);
    std::sort(list.begin(), list.end());
    for (const int64_t e : {list.front(), list.back()})
      PLX_CHECK(data, e >= 0 && e / 2 < members, "neighbour lists: sample ", i, " lists ", e / 2, ", there are ",
                members, " samples");
  };
  std::vector<int32_t> lengths(static_cast<size_t>(n), 0);
  PLX_CHECK(shape, positives.cols() + negatives.cols() > 0, "neighbour lists without entries");
  for (int64_t i = 0; i < n; ++i) {
    read(i);
    for (size_t k = 0; k < list.size(); ++k)
      lengths[static_cast<size_t>(i)] += k == 0 || list[k] / 2 != list[k - 1] / 2;
  }
  const size_t longest = static_cast<size_t>(*std::max_element(lengths.begin(), lengths.end()));
  std::vector<int32_t> index(static_cast<size_t>(n) * longest, 0);
  std::vector<uint8_t> p(index.size()), q(index.size());
  for (int64_t i = 0; i < n; ++i) {
    read(i);
    size_t at = static_cast<size_t>(i) * longest;
    for (size_t k = 0; k < list.size(); ++k) {
      if (k > 0 && list[k] / 2 != list[k - 1] / 2) ++at;
      index[at] = static_cast<int32_t>(list[k] / 2);
      uint8_t& c = list[k] % 2 ? q[at] : p[at];
      PLX_CHECK(data, c < 255, "neighbour lists: sample ", i, " lists ", list[k] / 2, " over 255 times");
      ++c;
    }
  }
  const Shape shape{n, static_cast<int64_t>(longest)};
  NeighbourTable t{Tensor::persistent(ctx, DType::i32, shape), Tensor::persistent(ctx, DType::u8, shape),
                   Tensor::persistent(ctx, DType::u8, shape), Tensor::persistent(ctx, DType::i32, {n, 1})};
  t.index.assign(index);
  t.near.assign(p);
  t.far.assign(q);
  t.lengths.assign(lengths);
  return t;
}

namespace {
NeighbourLists lists_of(const NeighbourContrast::Attr& at, const Tensor& x, const Tensor& others) {
  return {x.mat<float>(),
          others.mat<float>(),
          at.table.index.ptr<int32_t>(),
          at.table.near.ptr<uint8_t>(),
          at.table.far.ptr<uint8_t>(),
          at.table.lengths.ptr<int32_t>(),
          at.owner.defined() ? at.owner.ptr<int64_t>() : nullptr,
          at.place.defined() ? at.place.ptr<int64_t>() : nullptr,
          at.table.lists(),
          at.table.index.cols(),
          at.skip_last};
}
}  // namespace

Tensor NeighbourContrast::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = x[0].rows(), listed = at.table.index.cols();
  PLX_CHECK(shape, n > 0 && (at.owner.defined() ? at.owner.count() == n : at.table.lists() >= n),
            "neighbour_contrast: ", n, " rows, ", at.owner.defined() ? at.owner.count() : at.table.lists(), " lists");
  const Tensor& others = at.others.defined() ? at.others : x[0];
  PLX_CHECK(shape, others.cols() == x[0].cols(), "neighbour_contrast: anchors ", x[0].shape(), " and others ",
            others.shape());
  PLX_CHECK(shape, at.place.defined() ? at.place.count() >= at.table.lists() : at.table.lists() <= others.rows(),
            "neighbour_contrast: lists of ", at.table.lists(), " samples, ",
            at.place.defined() ? at.place.count() : others.rows(), " rows are known");
  Tensor rows = Tensor::empty(ctx, x[0].dtype(), {n, 1});
  const double weight = 1 / static_cast<double>(n);
  if (tiled(ctx, x[0].dtype())) {
    s.x = x[0];
    s.others = others;
    s.level = Tensor::empty(ctx, DType::f32, {n, 1});
    run_device(ctx, NeighbourLosses{lists_of(at, s.x, s.others), rows.ptr<float>(), s.level.ptr<float>()});
    return sum_rows(ctx, rows, 1, weight);
  }
  s.dx = Tensor::samples(ctx, x[0].dtype(), x[0].shape());
  Tensor sim = Tensor::samples(ctx, x[0].dtype(), {std::min(n, kAnchorTile), others.rows()});
  Tensor part = Tensor::samples(ctx, x[0].dtype(), {std::min(n, kAnchorTile), listed});
  by_float(rows.dtype(), [&]<class T>(T) {
    for (int64_t first = 0; first < n; first += kAnchorTile) {
      const int64_t m = std::min(kAnchorTile, n - first);
      const Tensor tile = sim.row_range(0, m);
      gemm(ctx, x[0].row_range(first, m), others, tile, {.tb = true});
      run(ctx, NeighbourRows<T>{tile.mat<T>(), part.mat<T>(), at.table.index.ptr<int32_t>(),
                                at.table.near.ptr<uint8_t>(), at.table.far.ptr<uint8_t>(),
                                at.table.lengths.ptr<int32_t>(), at.owner.defined() ? at.owner.ptr<int64_t>() : nullptr,
                                at.place.defined() ? at.place.ptr<int64_t>() : nullptr, rows.ptr<T>() + first,
                                at.table.lists(), first, static_cast<T>(weight), at.skip_last});
      gemm(ctx, tile, others, s.dx.row_range(first, m));
    }
  });
  return sum_rows(ctx, rows, 1, weight);
}
void NeighbourContrast::backward(Context& ctx, const Attr& at, const Saved& s, const Tensor& gy, Grads g) {
  if (s.level.defined()) {
    run_device(ctx, NeighbourGrads{lists_of(at, s.x, s.others), s.level.ptr<float>(), gy.ptr<float>(),
                                   static_cast<float>(1 / static_cast<double>(s.x.rows())), tiled_grad(ctx, g[0])});
    return;
  }
  const Grad::Open o = g[0].open(ctx);
  axpby(ctx, 1, s.dx, o.beta, o.tensor, gy);
}
Var neighbour_contrast(const Var& x, const NeighbourContrast::Attr& lists) {
  return apply<NeighbourContrast>(lists, {x});
}

Tensor places_of(Context& ctx, const Tensor& ids, int64_t members, DType type) {
  Tensor place = Tensor::empty(ctx, DType::i64, {members, 1});
  by_float(type, [&]<class T>(T) {
    run(ctx, PlaceRows<T>{ids.ptr<int64_t>(), place.ptr<int64_t>(), ids.count(), members});
  });
  return place;
}

}  // namespace parallax

#include "op_neighbours.h"

#include <algorithm>
#include <map>

#include "../tensor/elementwise.h"
#include "../tensor/gemm.h"
#include "neighbours_kernels.h"

namespace parallax {

namespace {
constexpr int64_t kTile = 512;  // anchors at a time
}

NeighbourTable neighbour_table(Context& ctx, const Tensor& positives, const Tensor& negatives, int64_t members) {
  PLX_CHECK(shape, positives.rows() == negatives.rows() && positives.rows() > 0, "neighbour lists: ", positives.rows(),
            " rows of positives, ", negatives.rows(), " of negatives");
  const int64_t n = positives.rows();
  const auto near = positives.to_vector<int64_t>(), far = negatives.to_vector<int64_t>();
  std::vector<std::map<int64_t, std::pair<int, int>>> lists(static_cast<size_t>(n));
  size_t longest = 1;
  for (int64_t i = 0; i < n; ++i) {
    auto& list = lists[static_cast<size_t>(i)];
    const auto count = [&](const std::vector<int64_t>& from, int64_t each, bool negative) {
      for (int64_t k = 0; k < each; ++k) {
        const int64_t j = from[static_cast<size_t>(i * each + k)];
        PLX_CHECK(data, j >= 0 && j < members, "neighbour lists: sample ", i, " lists ", j, ", there are ", members, " samples");
        auto& c = list[j];
        PLX_CHECK(data, ++(negative ? c.second : c.first) < 256, "neighbour lists: sample ", i, " lists ", j, " over 255 times");
      }
    };
    count(near, positives.cols(), false);
    count(far, negatives.cols(), true);
    longest = std::max(longest, list.size());
  }
  std::vector<int32_t> index(static_cast<size_t>(n) * longest, -1);
  std::vector<uint8_t> p(index.size()), q(index.size());
  for (size_t i = 0; i < lists.size(); ++i) {
    size_t k = i * longest;
    for (const auto& [j, c] : lists[i]) {
      index[k] = static_cast<int32_t>(j);
      p[k] = static_cast<uint8_t>(c.first);
      q[k++] = static_cast<uint8_t>(c.second);
    }
  }
  const Shape shape{n, static_cast<int64_t>(longest)};
  NeighbourTable t{Tensor::persistent(ctx, DType::i32, shape), Tensor::persistent(ctx, DType::u8, shape),
                   Tensor::persistent(ctx, DType::u8, shape)};
  t.index.assign(index);
  t.near.assign(p);
  t.far.assign(q);
  return t;
}

Tensor NeighbourContrast::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const int64_t n = x[0].rows(), listed = at.table.index.cols();
  PLX_CHECK(shape, n > 0 && (at.owner.defined() ? at.owner.count() == n : at.table.lists() >= n), "neighbour_contrast: ", n,
            " rows, ", at.owner.defined() ? at.owner.count() : at.table.lists(), " lists");
  const Tensor& others = at.others.defined() ? at.others : x[0];
  PLX_CHECK(shape, others.cols() == x[0].cols(), "neighbour_contrast: anchors ", x[0].shape(), " and others ", others.shape());
  PLX_CHECK(shape, at.place.defined() ? at.place.count() >= at.table.lists() : at.table.lists() <= others.rows(),
            "neighbour_contrast: lists of ", at.table.lists(), " samples, ", at.place.defined() ? at.place.count() : others.rows(),
            " rows are known");
  s.dx = Tensor::empty(ctx, x[0].dtype(), x[0].shape());
  Tensor rows = Tensor::empty(ctx, x[0].dtype(), {n, 1});
  Tensor sim = Tensor::empty(ctx, x[0].dtype(), {std::min(n, kTile), others.rows()});
  Tensor part = Tensor::empty(ctx, x[0].dtype(), {std::min(n, kTile), listed});
  const double weight = 1 / static_cast<double>(n);
  by_float(rows.dtype(), [&]<class T>(T) {
    for (int64_t first = 0; first < n; first += kTile) {
      const int64_t m = std::min(kTile, n - first);
      const Tensor tile = sim.row_range(0, m);
      gemm(ctx, x[0].row_range(first, m), others, tile, {.tb = true});
      run(ctx, NeighbourRows<T>{tile.mat<T>(), part.mat<T>(), at.table.index.ptr<int32_t>(), at.table.near.ptr<uint8_t>(),
                                at.table.far.ptr<uint8_t>(), at.owner.defined() ? at.owner.ptr<int64_t>() : nullptr,
                                at.place.defined() ? at.place.ptr<int64_t>() : nullptr, rows.ptr<T>() + first, at.table.lists(),
                                first, static_cast<T>(weight), at.skip_last});
      gemm(ctx, tile, others, s.dx.row_range(first, m));
    }
  });
  return sum_rows(ctx, rows, 1, weight);
}
void NeighbourContrast::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  const Grad::Open o = g[0].open(ctx);
  axpby(ctx, 1, s.dx, o.beta, o.tensor, gy);
}
Var neighbour_contrast(const Var& x, const NeighbourContrast::Attr& lists) { return apply<NeighbourContrast>(lists, {x}); }

Tensor places_of(Context& ctx, const Tensor& ids, int64_t members, DType type) {
  Tensor place = Tensor::empty(ctx, DType::i64, {members, 1});
  by_float(type, [&]<class T>(T) { run(ctx, PlaceRows<T>{ids.ptr<int64_t>(), place.ptr<int64_t>(), ids.count(), members}); });
  return place;
}

}  // namespace parallax

#include "knn.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "device_kernels.h"
#include "pairs_kernels.h"

namespace parallax {
namespace {
using namespace cluster_detail;

constexpr int64_t kBlock = 32, kTileStrips = 32;

// Candidates of one query, in no order.
template <class T> struct Candidates {
  std::vector<T> values;
  std::vector<int32_t> index;
  int64_t count = 0;
  T cutoff = std::numeric_limits<T>::infinity();

  void reserve_for(int64_t more) {
    if (static_cast<int64_t>(values.size()) < count + more) {
      values.resize(size_t(count + more + count / 2));
      index.resize(values.size());
    }
  }
  // Keeps all that may be among the k nearest: two approximate values order rightly if they differ by more than
  // `slack`.
  void cut(int64_t k, double slack, std::vector<T>& scratch) {
    if (count <= k) return;
    scratch.assign(values.begin(), values.begin() + count);
    std::nth_element(scratch.begin(), scratch.begin() + (k - 1), scratch.end());
    cutoff = std::nextafter(static_cast<T>(double(scratch[size_t(k - 1)]) + slack), std::numeric_limits<T>::infinity());
    int64_t kept = 0;
    for (int64_t m = 0; m < count; ++m)
      if (values[size_t(m)] <= cutoff) {
        values[size_t(kept)] = values[size_t(m)];
        index[size_t(kept++)] = index[size_t(m)];
      }
    count = kept;
  }
};

template <class T> Neighbours search(Context& ctx, const Tensor& x, int64_t k, Self self) {
  const ScratchScope scope(ctx);
  const Points<T> p = pack_points<T>(ctx, x, "nearest neighbours", true);
  const T *rows = p.rows.template ptr<T>(), *strips = p.strips.template ptr<T>(), *norms = p.norms.template ptr<T>();
  const int64_t n = p.n, others = self == Self::first ? k - 1 : k, n_strips = p.strip_count();
  Neighbours result;
  result.n = n;
  result.k = k;
  result.index.resize(size_t(n * k));
  result.squared.resize(size_t(n * k));
  ctx.parallel((n + kBlock - 1) / kBlock, [&](int64_t b) {
    const int64_t q0 = b * kBlock, q1 = std::min(n, q0 + kBlock), queries = q1 - q0;
    std::vector<Candidates<T>> lists(static_cast<size_t>(queries));
    std::vector<double> slack, exact;
    std::vector<T> scratch, cutoffs(static_cast<size_t>(queries));
    std::vector<T*> values(static_cast<size_t>(queries));
    std::vector<int32_t*> index(static_cast<size_t>(queries));
    std::vector<int64_t> counts(static_cast<size_t>(queries), 0), order;
    for (int64_t q = 0; q < queries; ++q) {
      // twice the rounding bound of |x|^2 + |y|^2 - 2 x y: products of d terms, rounded inputs and norms
      const double reach = double(norms[q0 + q]) + p.max_norm;
      slack.push_back(2 * unit_roundoff<T>() * (static_cast<double>(p.d) + 16) * reach * reach);
    }
    for (int64_t s = 0; s < n_strips && others > 0; s += kTileStrips) {
      const int64_t s1 = std::min(n_strips, s + kTileStrips);
      for (size_t q = 0; q < lists.size(); ++q) {
        Candidates<T>& c = lists[q];
        c.reserve_for((s1 - s) * kStripPoints);
        cutoffs[q] = c.cutoff;
        values[q] = c.values.data();
        index[q] = c.index.data();
        counts[q] = c.count;
      }
      cpu_twin(ctx, FilterNear<T>{rows, strips, norms, n, p.d, q0, q1, s, s1, cutoffs.data(), values.data(),
                                  index.data(), counts.data()});
      for (size_t q = 0; q < lists.size(); ++q) {
        lists[q].count = counts[q];
        if (counts[q] > others + std::max<int64_t>(others, 256) || s1 == n_strips)
          lists[q].cut(others, slack[q], scratch);
      }
    }
    for (int64_t q = 0; q < queries; ++q) {
      const Candidates<T>& c = lists[size_t(q)];
      exact.resize(size_t(c.count));
      cpu_twin(ctx, ExactDistances<T>{p.x, q0 + q, c.index.data(), c.count, exact.data()});
      order.resize(size_t(c.count));
      std::iota(order.begin(), order.end(), 0);
      std::sort(order.begin(), order.end(), [&](int64_t u, int64_t v) {
        const double a = exact[size_t(u)], e = exact[size_t(v)];
        return a != e ? a < e : c.index[size_t(u)] < c.index[size_t(v)];
      });
      int32_t* to = result.index.data() + (q0 + q) * k;
      double* squared = result.squared.data() + (q0 + q) * k;
      if (self == Self::first) {
        *to++ = static_cast<int32_t>(q0 + q);
        *squared++ = 0;
      }
      for (int64_t m = 0; m < others; ++m) {
        to[m] = c.index[size_t(order[size_t(m)])];
        squared[m] = exact[size_t(order[size_t(m)])];
      }
    }
  });
  return result;
}

template <class T> Neighbours search_on_device(Context& ctx, const Tensor& x, int64_t k, Self self) {
  const ScratchScope scope(ctx);
  const Points<T> p = pack_points<T>(ctx, x, "nearest neighbours");
  const Tensor index = Tensor::empty(ctx, DType::i32, {p.n, k}), squared = Tensor::empty(ctx, DType::f64, {p.n, k});
  const int64_t skip = self == Self::first ? 1 : 0;
  for (int64_t from = skip; from < k; from += 32)
    run_device(ctx,
               NearOnDevice<T>{on_device(p), p.max_norm, k, from, skip, index.ptr<int32_t>(), squared.ptr<double>()});
  Neighbours result{p.n, k, index.to_vector<int32_t>(), squared.to_vector<double>()};
  for (int64_t i = 0; i < p.n && skip; ++i) {
    result.index[size_t(i * k)] = static_cast<int32_t>(i);
    result.squared[size_t(i * k)] = 0;
  }
  return result;
}

}  // namespace

Neighbours nearest_neighbours(Context& ctx, const Tensor& x, int64_t k, Self self) {
  check_input(ctx, x, "nearest neighbours");
  const int64_t most = self == Self::first ? x.rows() : x.rows() - 1;
  PLX_CHECK(config, k >= 1 && k <= most, "nearest neighbours: ", k, " of ", x.rows(), " rows were asked for; 1 to ",
            most, " are possible");
  PLX_CHECK(config, x.rows() < (int64_t{1} << 31), "nearest neighbours: ", x.rows(), " rows are more than 2^31");
  return by_float(x.dtype(), [&]<class T>(T) {
    return x.device() ? search_on_device<T>(ctx, x, k, self) : search<T>(ctx, x, k, self);
  });
}

}  // namespace parallax

#include "contingency.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "../tensor/error.h"

namespace parallax {
namespace {

template <class T> Grouping by_value(const std::vector<T>& labels) {
  PLX_CHECK(data, labels.size() < (size_t{1} << 31), "scores: ", labels.size(), " labels are more than 2^31");
  std::vector<T> values(labels);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  Grouping g;
  g.groups = static_cast<int64_t>(values.size());
  g.ids.resize(labels.size());
  for (size_t i = 0; i < labels.size(); ++i)
    g.ids[i] = static_cast<int32_t>(std::lower_bound(values.begin(), values.end(), labels[i]) - values.begin());
  return g;
}

// Integers that lie close together are numbered by a table instead of by sorting.
template <class T> Grouping by_number(const std::vector<T>& labels) {
  if (labels.empty()) return {};
  const auto [low, high] = std::minmax_element(labels.begin(), labels.end());
  const int64_t first = *low;
  const uint64_t range = static_cast<uint64_t>(int64_t{*high}) - static_cast<uint64_t>(first);
  if (range >= labels.size() + 65536) return by_value(labels);
  PLX_CHECK(data, labels.size() < (size_t{1} << 31), "scores: ", labels.size(), " labels are more than 2^31");
  std::vector<int32_t> id(range + 1, 0);
  for (const T l : labels) id[static_cast<uint64_t>(int64_t{l}) - static_cast<uint64_t>(first)] = 1;
  Grouping g;
  for (int32_t& i : id) i = i ? static_cast<int32_t>(g.groups++) : -1;
  g.ids.resize(labels.size());
  for (size_t i = 0; i < labels.size(); ++i)
    g.ids[i] = id[static_cast<uint64_t>(int64_t{labels[i]}) - static_cast<uint64_t>(first)];
  return g;
}

}  // namespace

Grouping group_by_value(const std::vector<int64_t>& labels) { return by_number(labels); }
Grouping group_by_value(const std::vector<int32_t>& labels) { return by_number(labels); }
Grouping group_by_value(const std::vector<std::string>& labels) { return by_value(labels); }

namespace cluster_detail {

Contingency contingency(const Grouping& truth, const Grouping& predicted) {
  PLX_CHECK(data, truth.ids.size() == predicted.ids.size(), "scores: ", truth.ids.size(), " true and ",
            predicted.ids.size(), " predicted labels");
  PLX_CHECK(data, !truth.ids.empty(), "scores: there are no labels");
  Contingency t;
  t.n = static_cast<int64_t>(truth.ids.size());
  t.rows.assign(size_t(truth.groups), 0);
  t.cols.assign(size_t(predicted.groups), 0);
  const auto clusters = static_cast<uint64_t>(predicted.groups), all = static_cast<uint64_t>(truth.groups) * clusters;
  for (size_t i = 0; i < truth.ids.size(); ++i) {
    ++t.rows[size_t(truth.ids[i])];
    ++t.cols[size_t(predicted.ids[i])];
  }
  const auto key = [&](size_t i) {
    return static_cast<uint64_t>(truth.ids[i]) * clusters + static_cast<uint64_t>(predicted.ids[i]);
  };
  const auto add = [&](uint64_t k, int64_t count) {
    if (count) t.cells.push_back({static_cast<int64_t>(k / clusters), static_cast<int64_t>(k % clusters), count});
  };
  if (all <= 4 * truth.ids.size() + 65536) {
    std::vector<int64_t> counts(all, 0);
    for (size_t i = 0; i < truth.ids.size(); ++i) ++counts[key(i)];
    for (uint64_t k = 0; k < all; ++k) add(k, counts[k]);
  } else {
    std::vector<uint64_t> keys(truth.ids.size());
    for (size_t i = 0; i < keys.size(); ++i) keys[i] = key(i);
    std::sort(keys.begin(), keys.end());
    for (size_t i = 0, j = 0; i < keys.size(); i = j) {
      while (j < keys.size() && keys[j] == keys[i]) ++j;
      add(keys[i], static_cast<int64_t>(j - i));
    }
  }
  return t;
}

namespace {

// E[(m / n) ln(n m / (a b))] for the overlap m of two random sets of sizes a and b among n: hypergeometric weights by
// their ratios outwards from the most frequent value, where they are largest, and divided by their sum. So there are no
// logarithms of factorials, whose rounding grows with n.
double expected_term(double a, double b, double n) {
  const double low = std::max(0.0, a + b - n), high = std::min(a, b);
  const double mode = std::clamp(std::floor((a + 1) * (b + 1) / (n + 2)), low, high);
  double weights = 0, sum = 0;
  const auto take = [&](double m, double w) {
    weights += w;
    if (m > 0) sum += w * (m / n) * std::log(n * m / (a * b));
  };
  take(mode, 1);
  double w = 1;
  for (double m = mode; m < high && w > 1e-25; ++m) {
    w *= (a - m) * (b - m) / ((m + 1) * (n - a - b + m + 1));
    take(m + 1, w);
  }
  w = 1;
  for (double m = mode; m > low && w > 1e-25; --m) {
    w *= m * (n - a - b + m) / ((a - m + 1) * (b - m + 1));
    take(m - 1, w);
  }
  return sum / weights;
}

}  // namespace

double expected_mutual_information(const Contingency& t) {
  std::map<int64_t, int64_t> rows, cols;  // size -> how many groups have it
  for (const int64_t a : t.rows) ++rows[a];
  for (const int64_t b : t.cols) ++cols[b];
  double total = 0;
  for (const auto& [a, times_a] : rows)
    for (const auto& [b, times_b] : cols)
      total += static_cast<double>(times_a) * static_cast<double>(times_b) *
               expected_term(static_cast<double>(a), static_cast<double>(b), static_cast<double>(t.n));
  return total;
}

}  // namespace cluster_detail
}  // namespace parallax

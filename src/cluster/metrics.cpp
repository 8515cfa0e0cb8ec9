#include "metrics.h"

#include <algorithm>
#include <cmath>

#include "../tensor/error.h"
#include "contingency.h"

namespace parallax {
namespace {
using namespace cluster_detail;
using Wide = __int128;

// -sum p ln p with p = count / n, from the counts: ln n - (1/n) sum c ln c loses digits, this form does not.
double entropy(const std::vector<int64_t>& counts, double n) {
  double h = 0;
  for (const int64_t c : counts)
    if (c > 0) h -= static_cast<double>(c) / n * std::log(static_cast<double>(c) / n);
  return std::max(h, 0.0);
}

// sum p_ij ln(p_ij / (p_i p_j))
double mutual_information(const Contingency& t) {
  const auto n = static_cast<double>(t.n);
  double sum = 0;
  for (const Cell& c : t.cells) {
    const auto m = static_cast<double>(c.count), a = static_cast<double>(t.rows[size_t(c.row)]),
               b = static_cast<double>(t.cols[size_t(c.col)]);
    sum += m / n * std::log((m / a) * (n / b));
  }
  return std::max(sum, 0.0);
}

Wide pairs(int64_t c) { return static_cast<Wide>(c) * (c - 1) / 2; }
Wide pairs(const std::vector<int64_t>& counts) {
  Wide sum = 0;
  for (const int64_t c : counts) sum += pairs(c);
  return sum;
}

void pair_scores(const Contingency& t, Scores& s) {
  Wide both = 0;
  for (const Cell& c : t.cells) both += pairs(c.count);
  const Wide same_class = pairs(t.rows), same_cluster = pairs(t.cols), all = pairs(t.n);
  const auto share = [&](Wide of, Wide other) {
    return of > 0 ? static_cast<double>(both) / static_cast<double>(of) : (other > 0 ? 0.0 : 1.0);
  };
  s.precision = share(same_cluster, same_class);
  s.recall = share(same_class, same_cluster);
  s.f = s.precision + s.recall > 0 ? 2 * s.precision * s.recall / (s.precision + s.recall) : 0.0;
  // ari = 2 (tp tn - fp fn) / ((tp + fn)(fn + tn) + (tp + fp)(fp + tn)), numerator exact in integers
  const Wide fp = same_cluster - both, fn = same_class - both, tn = all - both - fp - fn;
  const auto real = [](Wide w) { return static_cast<double>(w); };
  s.ari = fp == 0 && fn == 0
              ? 1.0
              : 2 * real(both * tn - fp * fn) / (real(same_class) * real(fn + tn) + real(same_cluster) * real(fp + tn));
}

void information_scores(const Contingency& t, Scores& s) {
  const auto n = static_cast<double>(t.n);
  const bool one_class = t.rows.size() == 1, one_cluster = t.cols.size() == 1;
  if (t.cells.size() == t.rows.size() && t.cells.size() == t.cols.size()) {  // equal partitions
    s.nmi = s.nmi_geometric = s.ami = s.homogeneity = s.completeness = s.v_measure = 1;
    return;
  }
  const double h_class = entropy(t.rows, n), h_cluster = entropy(t.cols, n), mi = mutual_information(t);
  s.homogeneity = one_class ? 1.0 : std::min(1.0, mi / h_class);
  s.completeness = one_cluster ? 1.0 : std::min(1.0, mi / h_cluster);
  s.nmi = s.v_measure = std::clamp(2 * mi / (h_class + h_cluster), 0.0, 1.0);
  if (one_class || one_cluster) return;  // the rest is 0
  s.nmi_geometric = std::clamp(mi / std::sqrt(h_class * h_cluster), 0.0, 1.0);
  const double expected = expected_mutual_information(t), range = (h_class + h_cluster) / 2 - expected;
  // the range vanishes only where both partitions are (nearly) all singletons, as does the numerator
  s.ami = (mi - expected) / (range < 0 ? std::min(range, -2.2e-16) : std::max(range, 2.2e-16));
}

}  // namespace

Scores score(const Grouping& truth, const Grouping& predicted) {
  const Contingency t = contingency(truth, predicted);
  Scores s;
  s.classes = truth.groups;
  s.clusters = predicted.groups;
  s.matching = match(t.cells, s.classes, s.clusters);
  int64_t agree = 0, pure = 0;
  std::vector<int64_t> most(t.cols.size(), 0);
  for (const Cell& c : t.cells) {
    if (s.matching[size_t(c.col)] == c.row) agree += c.count;
    most[size_t(c.col)] = std::max(most[size_t(c.col)], c.count);
  }
  for (const int64_t m : most) pure += m;
  s.acc = static_cast<double>(agree) / static_cast<double>(t.n);
  s.purity = static_cast<double>(pure) / static_cast<double>(t.n);
  pair_scores(t, s);
  information_scores(t, s);
  if (s.classes <= kMostCells / s.clusters) {
    s.confusion.assign(size_t(s.classes * s.clusters), 0);
    for (const Cell& c : t.cells) s.confusion[size_t(c.row * s.clusters + c.col)] = c.count;
  }
  return s;
}

GmaeCodedScores score_gmae_coded(const std::vector<int64_t>& truth, const std::vector<int64_t>& predicted) {
  const Grouping classes = group_by_value(truth), clusters = group_by_value(predicted);
  const Contingency t = contingency(classes, clusters);
  const auto n = static_cast<double>(t.n);
  // counts by label value, zeros where a value does not occur
  const auto by_value = [](const std::vector<int64_t>& labels) {
    const auto [low, high] = std::minmax_element(labels.begin(), labels.end());
    PLX_CHECK(data, *low >= 0 && *high < (int64_t{1} << 24), "coded GMAE scores: labels run from ", *low, " to ", *high,
              "; they use the values and need 0 .. 2^24 - 1");
    std::vector<int64_t> counts(static_cast<size_t>(*high) + 1, 0);
    for (const int64_t l : labels) ++counts[size_t(l)];
    return counts;
  };
  const std::vector<int64_t> a = by_value(truth), b = by_value(predicted);
  GmaeCodedScores s;
  s.acc = s.recall = score(classes, clusters).acc;
  // every marginal probability, those of absent values too, is raised by 1e-9; geometric mean
  const auto raised = [&](int64_t count) { return static_cast<double>(count) / n + 1e-9; };
  const auto raised_entropy = [&](const std::vector<int64_t>& counts) {
    double h = 0;
    for (const int64_t c : counts) h -= raised(c) * std::log(raised(c));
    return h;
  };
  double mi = 0;
  for (const Cell& c : t.cells) {
    const double p = static_cast<double>(c.count) / n;
    mi += p * std::log(p / (raised(t.rows[size_t(c.row)]) * raised(t.cols[size_t(c.col)])));
  }
  s.nmi = mi / std::sqrt(raised_entropy(a) * raised_entropy(b));
  // sums of squares as they are; row and column of the same label value are multiplied
  double cells = 0, rows = 0, cols = 0, crossed = 0;
  for (const Cell& c : t.cells) cells += static_cast<double>(c.count) * static_cast<double>(c.count);
  for (const int64_t c : a) rows += static_cast<double>(c) * static_cast<double>(c);
  for (const int64_t c : b) cols += static_cast<double>(c) * static_cast<double>(c);
  for (size_t v = 0; v < std::min(a.size(), b.size()); ++v)
    crossed += static_cast<double>(a[v]) * static_cast<double>(b[v]) / n;
  s.ari = (cells - crossed) / ((rows + cols) / 2 - crossed);
  // clusters 0 .. (number of clusters - 1) by value; class number j = cluster number j by rank
  std::vector<int64_t> value(t.cols.size(), 0), most(t.cols.size(), 0);
  for (size_t i = 0; i < predicted.size(); ++i) value[size_t(clusters.ids[i])] = predicted[i];
  for (const Cell& c : t.cells) {
    most[size_t(c.col)] = std::max(most[size_t(c.col)], c.count);
    if (c.row == c.col) s.precision += static_cast<double>(c.count) / static_cast<double>(t.cols[size_t(c.col)]);
  }
  for (size_t c = 0; c < most.size(); ++c)
    if (value[c] < static_cast<int64_t>(most.size())) s.purity += static_cast<double>(most[c]) / n;
  s.precision /= static_cast<double>(t.cols.size());
  s.f = s.precision + s.recall > 0 ? 2 * s.precision * s.recall / (s.precision + s.recall) : 0.0;
  return s;
}

ClassificationScores score_classification(const std::vector<int64_t>& truth, const std::vector<int64_t>& predicted) {
  PLX_CHECK(data, truth.size() == predicted.size() && !truth.empty(), "scores: ", truth.size(), " true and ",
            predicted.size(), " predicted labels");
  std::vector<int64_t> both(truth);
  both.insert(both.end(), predicted.begin(), predicted.end());
  const Grouping g = group_by_value(both);
  const size_t n = truth.size(), k = static_cast<size_t>(g.groups);
  std::vector<int64_t> hit(k, 0), real(k, 0), said(k, 0);
  for (size_t i = 0; i < n; ++i) {
    const auto t = size_t(g.ids[i]), p = size_t(g.ids[n + i]);
    ++real[t];
    ++said[p];
    if (t == p) ++hit[t];
  }
  ClassificationScores s;
  const auto ratio = [](int64_t a, int64_t b) { return b > 0 ? static_cast<double>(a) / static_cast<double>(b) : 0.0; };
  int64_t right = 0;
  for (size_t c = 0; c < k; ++c) {
    right += hit[c];
    s.precision += ratio(hit[c], said[c]) / static_cast<double>(k);
    s.recall += ratio(hit[c], real[c]) / static_cast<double>(k);
    s.f += ratio(2 * hit[c], said[c] + real[c]) / static_cast<double>(k);
  }
  s.accuracy = ratio(right, static_cast<int64_t>(n));
  return s;
}

}  // namespace parallax

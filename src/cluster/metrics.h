// Scores of a partition against true classes. Labels may be any integers or strings; only equality of labels matters,
// they are numbered by sorted value. Counts are exact 64-bit integers (products 128-bit), entropies double with natural
// logarithms. Memory is that of the occupied cells of the contingency table: never samples x samples.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "hungarian.h"

namespace parallax {

// Labels numbered 0 .. groups-1 by sorted value.
struct Grouping {
  std::vector<int32_t> ids;  // [n]
  int64_t groups = 0;
};
Grouping group_by_value(const std::vector<int64_t>& labels);
Grouping group_by_value(const std::vector<int32_t>& labels);
Grouping group_by_value(const std::vector<std::string>& labels);

struct Scores {
  double acc = 0;                           // agreeing samples under the best one-to-one matching / n
  double nmi = 0;                           // mutual information / arithmetic mean of the entropies; equals v_measure
  double nmi_geometric = 0;                 // ... / geometric mean
  double ami = 0;                           // adjusted for chance, arithmetic mean (Vinh et al. 2010)
  double ari = 0;                           // Hubert and Arabie 1985
  double purity = 0;                        // sum over clusters of the largest class / n
  double f = 0, precision = 0, recall = 0;  // of pairs of samples: in one cluster = positive, in one class = true
  double homogeneity = 0, completeness = 0, v_measure = 0;  // I / H(classes), I / H(clusters), harmonic mean
  int64_t classes = 0, clusters = 0;
  std::vector<int64_t> confusion;  // [classes, clusters]; empty above kMostCells cells
  std::vector<int64_t> matching;   // [clusters] class given to the cluster, or -1
};
inline constexpr int64_t kMostCells = int64_t{1} << 24;

// Conventions: 0/0 of precision or recall is 1 when the other denominator is 0 too, else 0; f is 0 when both are 0.
// Both partitions constant: nmi, ami, ari = 1; exactly one: 0. Equal partitions score 1 throughout, all singletons
// included
Scores score(const Grouping& truth, const Grouping& predicted);
template <class A, class B> Scores score(const std::vector<A>& truth, const std::vector<B>& predicted) {
  return score(group_by_value(truth), group_by_value(predicted));
}

// The routines of the published GMAE program as they are; for comparison with its tables only. They use label values,
// not just equality: ari pairs the sums of equal values and hardly corrects for chance, precision compares cluster
// number j with class number j unmatched, purity looks at the values 0 .. (number of clusters - 1) only. Labels >= 0,
// below 2^24.
struct GmaeCodedScores {
  double acc = 0, nmi = 0, purity = 0, ari = 0, f = 0, precision = 0, recall = 0;
};
GmaeCodedScores score_gmae_coded(const std::vector<int64_t>& truth, const std::vector<int64_t>& predicted);

// Supervised classification: predicted labels are class labels. Macro averages over the values that occur in either
// list; a class never predicted has precision 0, one without samples recall 0, and f 0 where both are 0.
struct ClassificationScores {
  double accuracy = 0, precision = 0, recall = 0, f = 0;
};
ClassificationScores score_classification(const std::vector<int64_t>& truth, const std::vector<int64_t>& predicted);

}  // namespace parallax

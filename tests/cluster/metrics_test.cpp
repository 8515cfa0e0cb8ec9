// Scores against known answers: the vectors of the method pages, hand-worked tables, values of scikit-learn 1.9.
#include "parallax/cluster/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "parallax/tensor/error.h"

using namespace parallax;
namespace {

using Labels = std::vector<int64_t>;
constexpr double kTight = 1e-12;

void expect_in_bounds(const Scores& s) {
  for (const double v :
       {s.acc, s.nmi, s.nmi_geometric, s.purity, s.f, s.precision, s.recall, s.homogeneity, s.completeness}) {
    EXPECT_GE(v, 0.0);
    EXPECT_LE(v, 1.0);
  }
  EXPECT_LE(s.ari, 1.0);
  EXPECT_LE(s.ami, 1.0 + 1e-9);
  EXPECT_LE(s.acc, s.purity + 1e-15);
  EXPECT_EQ(s.nmi, s.v_measure);
}

const Labels page_truth{0, 0, 0, 1, 1, 1, 2, 2, 2, 2}, page_predicted{1, 1, 0, 0, 0, 0, 2, 2, 2, 1};

TEST(Metrics, PageExample) {
  const Scores s = score(page_truth, page_predicted);
  EXPECT_DOUBLE_EQ(s.acc, 0.8);
  EXPECT_NEAR(s.nmi, .6180656462921542, kTight);
  EXPECT_NEAR(s.nmi_geometric, .6180656462921542, kTight);
  EXPECT_NEAR(s.ami, .47728999000145694, kTight);
  EXPECT_NEAR(s.ari, .4318181818181818, kTight);
  EXPECT_DOUBLE_EQ(s.purity, .8);
  EXPECT_NEAR(s.precision, 7.0 / 12, kTight);
  EXPECT_NEAR(s.recall, 7.0 / 12, kTight);
  EXPECT_NEAR(s.f, 7.0 / 12, kTight);
  EXPECT_EQ(s.matching, (Labels{1, 0, 2}));
  EXPECT_EQ(s.confusion, (Labels{1, 2, 0, 3, 0, 0, 0, 1, 3}));
}

TEST(Metrics, RectangularAgainstScikitLearn) {
  Labels truth, predicted;
  const auto fill = [&](int64_t n) {
    truth.clear(), predicted.clear();
    for (int64_t i = 0; i < n; ++i) {
      truth.push_back(i * i / 7 % 5);
      predicted.push_back((i * i / 7 + (i % 3 == 0 ? i / 11 : 0)) % 8);
    }
  };
  fill(1000);
  Scores s = score(truth, predicted);
  EXPECT_NEAR(s.nmi, 0.06523560585749998, kTight);
  EXPECT_NEAR(s.nmi_geometric, 0.06573206652605963, kTight);
  EXPECT_NEAR(s.ami, 0.05779598889071199, 1e-11);
  EXPECT_NEAR(s.ari, 0.031062109147657547, kTight);
  EXPECT_NEAR(s.homogeneity, 0.07435718743479403, kTight);
  EXPECT_NEAR(s.completeness, 0.058107423355345175, kTight);
  EXPECT_DOUBLE_EQ(s.acc, 0.227);
  EXPECT_DOUBLE_EQ(s.purity, 0.332);
  EXPECT_NEAR(s.precision, 34542.0 / (34542 + 106644), kTight);
  EXPECT_NEAR(s.recall, 34542.0 / (34542 + 177628), kTight);
  EXPECT_EQ(s.confusion.size(), 40u);
  fill(200000);
  s = score(truth, predicted);
  EXPECT_NEAR(s.ami, 0.059948331186442674, 1e-10);
  EXPECT_NEAR(s.ari, 0.0344021938209663, kTight);
  expect_in_bounds(s);
  // classes and clusters change places: symmetric scores stay, the others change places too
  const Scores turned = score(predicted, truth);
  EXPECT_NEAR(turned.nmi, s.nmi, kTight);
  EXPECT_NEAR(turned.ami, s.ami, 1e-11);
  EXPECT_NEAR(turned.ari, s.ari, kTight);
  EXPECT_DOUBLE_EQ(turned.acc, s.acc);
  EXPECT_DOUBLE_EQ(turned.precision, s.recall);
  EXPECT_NEAR(turned.homogeneity, s.completeness, kTight);
}

TEST(Metrics, ConstantAndSingletonPartitions) {
  Scores s = score(Labels{1, 1, 1, 1}, Labels{7, 7, 7, 7});
  for (const double v : {s.acc, s.nmi, s.nmi_geometric, s.ami, s.ari, s.purity, s.f, s.precision, s.recall})
    EXPECT_EQ(v, 1.0);
  s = score(Labels{0, 1, 2, 0, 1}, Labels{0, 0, 0, 0, 0});
  EXPECT_EQ(s.nmi, 0.0);
  EXPECT_EQ(s.nmi_geometric, 0.0);
  EXPECT_EQ(s.ami, 0.0);
  EXPECT_EQ(s.ari, 0.0);
  EXPECT_DOUBLE_EQ(s.precision, 0.2);
  EXPECT_DOUBLE_EQ(s.recall, 1.0);
  s = score(Labels{0, 1, 0, 1, 2},
            Labels{0, 1, 2, 3, 4});  // no pair in one cluster: 0/0, the other denominator is not 0
  EXPECT_EQ(s.precision, 0.0);
  EXPECT_EQ(s.recall, 0.0);
  EXPECT_EQ(s.f, 0.0);
  EXPECT_EQ(s.purity, 1.0);
  EXPECT_DOUBLE_EQ(s.acc, 0.6);
  EXPECT_NEAR(s.nmi, 0.7918756684685216, kTight);
  s = score(Labels{0, 1, 2, 3}, Labels{3, 2, 1, 0});  // neither has pairs
  EXPECT_EQ(s.precision, 1.0);
  EXPECT_EQ(s.ari, 1.0);
  EXPECT_EQ(s.ami, 1.0);
  s = score(Labels{5}, Labels{0});
  EXPECT_EQ(s.ari, 1.0);
  EXPECT_THROW(score(Labels{}, Labels{}), Error);
  EXPECT_THROW(score(Labels{1}, Labels{1, 2}), Error);
}

TEST(Metrics, OnlyEqualityOfLabelsMatters) {
  std::mt19937 random(5);
  Labels truth, predicted;
  for (int i = 0; i < 500; ++i) {
    truth.push_back(static_cast<int64_t>(random() % 6));
    predicted.push_back(random() % 2 ? truth.back() : static_cast<int64_t>(random() % 9));
  }
  const Scores s = score(truth, predicted);
  expect_in_bounds(s);
  Labels far = predicted;
  std::vector<std::string> names;
  for (int64_t& l : far) l = (l * 7 % 9) * 1'000'000'007'000 - 3;
  for (const int64_t l : truth) names.push_back("class " + std::to_string(9 - l));
  const Scores other = score(names, far);
  EXPECT_DOUBLE_EQ(other.acc, s.acc);
  EXPECT_NEAR(other.nmi, s.nmi, kTight);
  EXPECT_NEAR(other.ami, s.ami, 1e-11);
  EXPECT_NEAR(other.ari, s.ari, kTight);
  EXPECT_NEAR(other.f, s.f, kTight);
  std::vector<size_t> order(truth.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  Labels a, b;
  for (const size_t i : order) a.push_back(truth[i]), b.push_back(predicted[i]);
  EXPECT_EQ(score(a, b).confusion, s.confusion);
  EXPECT_EQ(score(a, b).ami, s.ami);
  EXPECT_EQ(group_by_value(std::vector<std::string>{"b", "a", "b"}).ids, (std::vector<int32_t>{1, 0, 1}));
  EXPECT_EQ(group_by_value(Labels{50, INT64_MIN, INT64_MAX, 50}).ids, (std::vector<int32_t>{1, 0, 2, 1}));
}

TEST(Metrics, AllDistinctLabelsNeedNoSquareTable) {
  Labels truth, predicted;
  for (int64_t i = 0; i < 300000; ++i) truth.push_back(i % 10), predicted.push_back(i);
  Scores s = score(truth, predicted);
  EXPECT_DOUBLE_EQ(s.acc, 10.0 / 300000);
  EXPECT_EQ(s.purity, 1.0);
  EXPECT_EQ(s.matching[3], 3);
  EXPECT_EQ(s.matching[13], -1);
  s = score(predicted, predicted);
  EXPECT_EQ(s.acc, 1.0);
  EXPECT_TRUE(s.confusion.empty());
}

TEST(Metrics, TenMillionRows) {
  std::vector<int32_t> truth(10'000'000), predicted(10'000'000);
  for (size_t i = 0; i < truth.size(); ++i)
    truth[i] = static_cast<int32_t>(i & 1), predicted[i] = static_cast<int32_t>(i >> 1 & 1);
  predicted[0] = 1;  // breaks the exact independence
  const Scores s = score(truth, predicted);
  const double half = 5e6, pairs = half * (half - 1);  // pairs in one class
  EXPECT_NEAR(s.recall, (4 * 2.5e6 * (2.5e6 - 1) / 2) / pairs, 1e-9);
  EXPECT_NEAR(s.ari, -1e-7, 1e-8);
  EXPECT_NEAR(s.ami, -1.0 / 1e7 / 2 / std::log(2.0), 2e-9);  // E[I] = 1 / (2n) with one degree of freedom
}

TEST(Metrics, GmaeCoded) {
  const GmaeCodedScores s = score_gmae_coded(page_truth, page_predicted);
  EXPECT_NEAR(s.acc, .8, kTight);
  EXPECT_NEAR(s.nmi, .6180656405979676, kTight);
  EXPECT_NEAR(s.purity, .8, kTight);
  EXPECT_NEAR(s.ari, .6742671009771987, kTight);
  EXPECT_NEAR(s.precision, .4166666666666667, kTight);
  EXPECT_NEAR(s.recall, .8, kTight);
  EXPECT_NEAR(s.f, .547945205479452, kTight);
  // labels 0, 3, 5: purity sees cluster 0 only, absent values enter the entropies
  const GmaeCodedScores gaps = score_gmae_coded({0, 1, 2, 0, 1, 2, 2}, {5, 0, 3, 5, 0, 3, 3});
  EXPECT_NEAR(gaps.purity, 2.0 / 7, kTight);
  EXPECT_NEAR(gaps.nmi, 0.999999965303066, kTight);
  EXPECT_EQ(gaps.precision, 0.0);
  EXPECT_EQ(gaps.f, 0.0);
  EXPECT_THROW(score_gmae_coded({-1, 0}, {0, 0}), Error);
}

TEST(Metrics, Classification) {
  const ClassificationScores s = score_classification({0, 0, 1, 1, 2, 2, 2, 5}, {0, 1, 1, 1, 2, 0, 2, 3});
  EXPECT_DOUBLE_EQ(s.accuracy, 0.625);
  EXPECT_NEAR(s.precision, 0.43333333333333335, kTight);
  EXPECT_NEAR(s.recall, 0.43333333333333335, kTight);
  EXPECT_NEAR(s.f, 0.42, kTight);
}

double total(const std::vector<double>& cost, int64_t cols, const Labels& column) {
  double sum = 0;
  for (size_t i = 0; i < column.size(); ++i)
    if (column[i] >= 0) sum += cost[i * static_cast<size_t>(cols) + static_cast<size_t>(column[i])];
  return sum;
}

TEST(Hungarian, EqualsExhaustiveSearch) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const int64_t rows = 1 + static_cast<int64_t>(random() % 6), cols = 1 + static_cast<int64_t>(random() % 6);
    std::vector<double> cost(static_cast<size_t>(rows * cols));
    for (double& c : cost) c = static_cast<double>(random() % 12) - 5;  // ties and negative costs
    const Labels column = assign_min_cost(cost, rows, cols);
    Labels seen;
    for (const int64_t c : column)
      if (c >= 0) seen.push_back(c);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
    EXPECT_EQ(static_cast<int64_t>(seen.size()), std::min(rows, cols));
    // all placements of the larger side
    Labels order(static_cast<size_t>(std::max(rows, cols)));
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
    double best = 1e9;
    do {
      double sum = 0;
      for (int64_t i = 0; i < std::min(rows, cols); ++i) {
        const int64_t other = order[static_cast<size_t>(i)];
        sum += rows <= cols ? cost[static_cast<size_t>(i * cols + other)] : cost[static_cast<size_t>(other * cols + i)];
      }
      best = std::min(best, sum);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(total(cost, cols, column), best) << "round " << round << ", " << rows << " x " << cols;
  }
}

TEST(Hungarian, TablesAndTies) {
  EXPECT_EQ(match(Labels{5, 5, 5, 5}, 2, 2), (Labels{0, 1}));  // ties: the first
  EXPECT_EQ(match(Labels{0, 9, 0, 0}, 2, 2), (Labels{1, 0}));  // cluster 0 agrees with nobody and takes what is free
  EXPECT_EQ(match(Labels{3, 4, 0, 0, 0, 7}, 2, 3), (Labels{-1, 0, 1}));
  EXPECT_EQ(match(Labels{3, 0, 4, 1, 0, 7}, 3, 2), (Labels{1, 2}));
  EXPECT_THROW(match(Labels{1, 2, 3}, 2, 2), Error);
  EXPECT_THROW(assign_min_cost({0, std::nan("")}, 1, 2), Error);
}

}  // namespace

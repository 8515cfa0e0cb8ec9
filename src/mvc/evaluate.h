// Labels and scores of representations. The one place that reads true labels, and only to score.
#pragma once
#include "../cluster/kmeans.h"
#include "../cluster/metrics.h"
#include "method.h"

namespace parallax {

struct FeatureScores {
  std::string feature;  // view0, concat, global, fused
  Scores scores;
};

struct LabelFree {  // of the clustered representation; NaN where undefined (K = 1)
  double silhouette = 0, davies_bouldin = 0, calinski_harabasz = 0, inertia = 0;
};

struct EvaluateOptions {
  int clusters = 0;
  int restarts = 100;
  uint64_t seed = 0;
  Labelling labelling = Labelling::kmeans;
};

// Labels of "fused": k-means, or the arg-max of "probabilities".
struct Partition {
  std::vector<int32_t> labels;    // [N]
  std::vector<float> confidence;  // [N], see confidence_of
  std::vector<double> centres;    // [K, d]; empty for arg-max
  double inertia = 0;
};
Partition partition(Context& ctx, const Features& f, const EvaluateOptions& o);
// Labels and confidences of rows by given centres or by their probabilities: a function of each row alone.
// Confidence: the largest probability, or (d2 - d1) / d2 of the distances to the nearest and second nearest centre.
void label_rows(Context& ctx, const Features& f, const std::vector<double>& centres, std::vector<int32_t>& labels,
                std::vector<float>& confidence);

// Scores of every feature (each clustered on its own, fused by `p`), views side by side as "concat".
std::vector<FeatureScores> score_features(Context& ctx, const Features& f, const Partition& p,
                                          const std::vector<int32_t>& truth, const EvaluateOptions& o);
LabelFree label_free(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels, double inertia);

// Names and values of the scores in the order of the run folder's files.
std::vector<std::pair<std::string, double>> named_scores(const Scores& s);

}  // namespace parallax

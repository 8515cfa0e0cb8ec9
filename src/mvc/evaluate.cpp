#include "evaluate.h"

#include <cmath>
#include <limits>

#include "../cluster/label_free.h"
#include "../tensor/elementwise.h"

namespace parallax {

namespace {
KMeansOptions kmeans_options(const EvaluateOptions& o, const std::string& feature) {
  KMeansOptions k;
  k.k = o.clusters;
  k.restarts = o.restarts;
  k.seed = o.seed;
  k.tag = tag_of("kmeans." + feature);
  return k;
}
const Tensor& need(const Features& f, const std::string& name) {
  const Tensor* t = f.find(name);
  PLX_CHECK(internal, t, "the method puts out no '", name, "'");
  return *t;
}
}  // namespace

void label_rows(Context& ctx, const Features& f, const std::vector<double>& centres, std::vector<int32_t>& labels,
                std::vector<float>& confidence) {
  if (centres.empty()) {
    const Tensor& p = need(f, "probabilities");
    const std::vector<double> v = p.to_vector<double>();
    labels.assign(static_cast<size_t>(p.rows()), 0);
    confidence.assign(static_cast<size_t>(p.rows()), 0);
    for (int64_t i = 0; i < p.rows(); ++i) {
      const double* row = v.data() + i * p.cols();
      int64_t best = 0;
      for (int64_t c = 1; c < p.cols(); ++c)
        if (row[c] > row[best]) best = c;
      labels[static_cast<size_t>(i)] = static_cast<int32_t>(best);
      confidence[static_cast<size_t>(i)] = static_cast<float>(row[best]);
    }
    return;
  }
  const Tensor& x = need(f, "fused");
  labels = assign(ctx, x, centres);
  confidence.assign(labels.size(), 1);
  const std::vector<double> v = x.to_vector<double>();
  const int64_t d = x.cols(), k = static_cast<int64_t>(centres.size()) / d;
  for (size_t i = 0; i < labels.size() && k > 1; ++i) {
    double first = std::numeric_limits<double>::infinity(), second = first;
    for (int64_t c = 0; c < k; ++c) {
      double s = 0;
      for (int64_t j = 0; j < d; ++j) {
        const double e =
            v[i * static_cast<size_t>(d) + static_cast<size_t>(j)] - centres[static_cast<size_t>(c * d + j)];
        s += e * e;
      }
      if (s < first)
        second = first, first = s;
      else if (s < second)
        second = s;
    }
    confidence[i] = second > 0 ? static_cast<float>(1 - std::sqrt(first / second)) : 0.0f;
  }
}

Partition partition(Context& ctx, const Features& f, const EvaluateOptions& o) {
  Partition p;
  if (o.labelling == Labelling::kmeans) {
    const KMeansResult k = kmeans(ctx, need(f, "fused"), kmeans_options(o, "fused"));
    p.centres = k.centres;
    p.inertia = k.inertia;
  }
  label_rows(ctx, f, p.centres, p.labels, p.confidence);
  return p;
}

std::vector<FeatureScores> score_features(Context& ctx, const Features& f, const Partition& p,
                                          const std::vector<int32_t>& truth, const EvaluateOptions& o) {
  std::vector<FeatureScores> result;
  const Grouping classes = group_by_value(truth);
  const auto by_kmeans = [&](const std::string& name, const Tensor& x) {
    result.push_back({name, score(classes, group_by_value(kmeans(ctx, x, kmeans_options(o, name)).labels))});
  };
  std::vector<const Tensor*> views;
  for (const auto& [name, t] : f.list)
    if (name.rfind("view", 0) == 0) {
      by_kmeans(name, t);
      views.push_back(&t);
    }
  if (views.size() > 1) {
    int64_t cols = 0;
    for (const Tensor* t : views) cols += t->cols();
    Tensor side = Tensor::samples(ctx, views[0]->dtype(), {views[0]->rows(), cols});
    int64_t at = 0;
    for (const Tensor* t : views) {
      axpby(ctx, 1, *t, 0, side.col_range(at, t->cols()));
      at += t->cols();
    }
    by_kmeans("concat", side);
  }
  if (const Tensor* g = f.find("global")) by_kmeans("global", *g);
  result.push_back({"fused", score(classes, group_by_value(p.labels))});
  return result;
}

LabelFree label_free(Context& ctx, const Tensor& x, const std::vector<int32_t>& labels, double inertia) {
  return {silhouette(ctx, x, labels).mean, davies_bouldin(ctx, x, labels), calinski_harabasz(ctx, x, labels), inertia};
}

std::vector<std::pair<std::string, double>> named_scores(const Scores& s) {
  return {{"acc", s.acc},
          {"nmi", s.nmi},
          {"nmi_geometric", s.nmi_geometric},
          {"ami", s.ami},
          {"ari", s.ari},
          {"purity", s.purity},
          {"f", s.f},
          {"precision", s.precision},
          {"recall", s.recall},
          {"homogeneity", s.homogeneity},
          {"completeness", s.completeness},
          {"v_measure", s.v_measure}};
}

}  // namespace parallax

// parallax kmeans, parallax ncuts: what needs no network, on the chosen views side by side and on each alone
#include <parallax/cluster/kmeans.h>
#include <parallax/cluster/spectral.h>
#include <parallax/io/files.h>
#include <parallax/io/npy.h>
#include <parallax/mvc/evaluate.h>
#include <parallax/mvc/run_files.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "data_options.h"

namespace parallax::cli {
namespace {

using Json = nlohmann::ordered_json;
using Views = std::vector<std::vector<double>>;

struct Baseline {
  const char *name, *title;
  int64_t restarts;
};
struct Clustering {
  std::vector<int32_t> labels;
  std::vector<double> centres;  // of k-means
  Json document;                // what the algorithm tells about itself
  std::string line;
};

Clustering cluster(Context& ctx, const Baseline& b, const Tensor& x, int k, const Arguments& a) {
  const int64_t restarts = a.integer("restarts", b.restarts, 1, 1000000);
  const auto seed = static_cast<uint64_t>(a.integer("seed", 0, 0, int64_t{1} << 53));
  Clustering c;
  char text[160];
  if (b.name == std::string("kmeans")) {
    const KMeansResult r = parallax::kmeans(ctx, x, {.k = k, .restarts = restarts, .seed = seed});
    c.document = {{"inertia", r.inertia}, {"iterations", r.iterations}, {"restart_inertias", r.restart_inertias}};
    std::snprintf(text, sizeof text, "inertia %.6g, %lld iterations, %lld restarts", r.inertia,
                  static_cast<long long>(r.iterations), static_cast<long long>(restarts));
    c.labels = r.labels;
    c.centres = r.centres;
  } else {
    const SpectralResult r = spectral_clustering(
        ctx, x, {.k = k, .neighbours = a.integer("neighbours", 10, 1, 1000000), .restarts = restarts, .seed = seed});
    c.document = {{"eigenvalues", r.eigenvalues}, {"components", r.components}};
    std::snprintf(text, sizeof text, "%lld components of the graph, eigenvalues down to %.6g",
                  static_cast<long long>(r.components), r.eigenvalues.back());
    c.labels = r.labels;
  }
  c.line = text;
  return c;
}

Tensor side_by_side(Context& ctx, const Views& views, const std::vector<int64_t>& dims, int64_t n) {
  int64_t d = 0, at = 0;
  for (const int64_t w : dims) d += w;
  std::vector<double> x(static_cast<size_t>(n * d));
  for (size_t v = 0; v < views.size(); at += dims[v++])
    for (int64_t i = 0; i < n; ++i)
      for (int64_t c = 0; c < dims[v]; ++c)
        x[static_cast<size_t>(i * d + at + c)] = views[v][static_cast<size_t>(i * dims[v] + c)];
  Tensor t = Tensor::persistent(ctx, DType::f32, {n, d});
  t.assign(x);
  return t;
}

Json scores_json(const Scores& s) {
  Json j;
  for (const auto& [name, value] : named_scores(s)) j[name] = value;
  return j;
}

// Clusters each view alone and adds the concatenation. Which view is best has two answers: the one with the highest
// mean silhouette, which needs no labels, and the one with the highest accuracy, which does.
Json each_view(Context& ctx, const Baseline& b, const Views& views, const MultiView& data, int k, const Arguments& a,
               const Tensor& all, const Clustering& of_all, std::vector<std::string>& lines) {
  Json j;
  std::vector<FeatureScores> table;
  std::vector<double> silhouettes;
  const auto add = [&](const std::string& feature, const Tensor& x, const Clustering& c) {
    silhouettes.push_back(label_free(ctx, x, c.labels, 0).silhouette);
    Json& f = j["features"][feature] = Json::object();
    if (data.has_labels()) {
      table.push_back({feature, score(data.labels.values, c.labels)});
      f = scores_json(table.back().scores);
    }
    f["silhouette"] = std::isfinite(silhouettes.back()) ? Json(silhouettes.back()) : Json(nullptr);
  };
  for (size_t v = 0; v < views.size(); ++v) {
    const Tensor x = side_by_side(ctx, {views[v]}, {data.dims()[v]}, data.samples);
    add("view" + std::to_string(v), x, cluster(ctx, b, x, k, a));
  }
  add("concat", all, of_all);

  lines = score_table(table);
  if (lines.empty()) {
    lines.emplace_back("feature");
    for (size_t i = 0; i < silhouettes.size(); ++i)
      lines.push_back(i < views.size() ? "view" + std::to_string(i) : std::string("concat"));
    for (std::string& l : lines) l.resize(8, ' ');
  }
  size_t by_silhouette = 0, by_acc = 0;
  for (size_t i = 0; i < silhouettes.size(); ++i) {
    char cell[32];
    std::snprintf(cell, sizeof cell, "%12.4f", silhouettes[i]);
    lines[i + 1] += cell;
    if (i >= views.size()) continue;
    if (silhouettes[i] > silhouettes[by_silhouette]) by_silhouette = i;
    if (!table.empty() && table[i].scores.acc > table[by_acc].scores.acc) by_acc = i;
  }
  lines[0] += "  silhouette";
  j["best_view"]["silhouette"] = "view" + std::to_string(by_silhouette);
  lines.push_back("best view by silhouette: view" + std::to_string(by_silhouette));
  if (!table.empty()) {
    j["best_view"]["oracle_acc"] = "view" + std::to_string(by_acc);
    lines.back() += "; by accuracy (oracle: reads the labels): view" + std::to_string(by_acc);
  }
  return j;
}

int run_baseline(const Baseline& b, int argc, char** argv) {
  const std::string name = b.name;
  std::vector<Option> options = data_options();
  options.insert(options.end(), {{"seed", "N", "seed (default 0)"},
                                 {"restarts", "R", "restarts of k-means (default " + std::to_string(b.restarts) + ")"},
                                 {"each-view", "", "also cluster each view alone"},
                                 {"block-weights", "", "divide each view by the root of its width"},
                                 {"out", "DIR", "also write labels.npy there, and centres.npy of k-means"}});
  if (name == "ncuts") options.push_back({"neighbours", "K", "neighbours in the graph (default 10)"});
  const Arguments a = parse(name, options, argc, argv, 0);
  if (a.has("help")) {
    std::printf("%s", help("usage: parallax " + name + " --data PATH [options]", options).c_str());
    return 0;
  }
  RunOptions o;
  read_data_options(a, o);
  PLX_CHECK(config, !o.data.empty(), "--data PATH is needed (parallax ", name, " --help)");
  const MultiView data = load(o.data, o.load);
  if (!a.has("quiet"))
    for (const std::string& note : data.notes) std::fprintf(stderr, "%s\n", note.c_str());
  const int k = o.fit.clusters ? o.fit.clusters : data.labels.classes();
  PLX_CHECK(config, k > 0, data.name, " has no labels, so the number of clusters must be given (--clusters K)");
  Context ctx({.device = device_of(a), .threads = threads_of(a)});
  Views views;
  for (const View& v : data.views)
    views.push_back(apply_scale_f64(fit_scale(v, parse_scale(o.fit.scale.empty() ? "minmax" : o.fit.scale)), v));
  if (o.fit.corrupt.any())
    corrupt(views, data.dims(), data.samples, data.labels.values, data.labels.classes(), o.fit.corrupt);
  if (a.has("block-weights"))
    for (size_t v = 0; v < views.size(); ++v)
      for (double& x : views[v]) x /= std::sqrt(static_cast<double>(data.dims()[v]));

  const Tensor x = side_by_side(ctx, views, data.dims(), data.samples);
  const auto start = std::chrono::steady_clock::now();
  const Clustering c = cluster(ctx, b, x, k, a);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Json j = c.document;
  if (data.has_labels()) j["scores"] = scores_json(score(data.labels.values, c.labels));
  j["seconds"] = seconds;
  std::vector<std::string> lines;
  if (a.has("each-view")) j.update(each_view(ctx, b, views, data, k, a, x, c, lines));
  if (a.has("out")) {
    const std::string out = a.get("out");
    make_dirs(out);
    write_npy(out + "/labels.npy", std::span<const int32_t>(c.labels));
    if (!c.centres.empty())
      write_npy(out + "/centres.npy", std::span<const double>(c.centres), static_cast<uint64_t>(k),
                c.centres.size() / static_cast<uint64_t>(k));
  }
  if (a.has("json")) {
    std::printf("%s\n", j.dump(2).c_str());
    return 0;
  }
  std::printf("%s, %s: %d clusters, %s, %.3f s\n", data.name.c_str(), b.title, k, c.line.c_str(), seconds);
  for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  if (lines.empty() && j.contains("scores"))
    for (const char* score : {"acc", "nmi", "ari", "purity", "f", "precision", "recall"})
      std::printf("  %-10s %.4f\n", score, j["scores"][score].get<double>());
  return 0;
}

}  // namespace

int kmeans(int argc, char** argv) { return run_baseline({"kmeans", "k-means", 100}, argc, argv); }
int ncuts(int argc, char** argv) { return run_baseline({"ncuts", "normalised cut", 10}, argc, argv); }

}  // namespace parallax::cli

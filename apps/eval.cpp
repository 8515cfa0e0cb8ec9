// parallax eval
#include <parallax/cluster/label_free.h>
#include <parallax/io/npy.h>
#include <parallax/mvc/evaluate.h>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "data_options.h"

namespace parallax::cli {

int eval(int argc, char** argv) {
  const std::vector<Option> options{
      {"labels", "FILE", "the labelling: npy, text with one label a line, or a data file (its labels)"},
      {"truth", "FILE", "the true classes, likewise"},
      {"embedding", "FILE", "npy matrix; adds the scores that need no classes"}};
  const Arguments a = parse("eval", options, argc, argv, 0);
  if (a.has("help")) {
    std::printf("%s", help("usage: parallax eval --labels A --truth B [--embedding E]", options).c_str());
    return 0;
  }
  PLX_CHECK(config, a.has("labels") && a.has("truth"), "--labels and --truth are needed (parallax eval --help)");
  const Labels labels = load_labels(a.get("labels")), truth = load_labels(a.get("truth"));
  PLX_CHECK(data, labels.values.size() == truth.values.size(), a.get("labels"), " has ", labels.values.size(),
            " labels, ", a.get("truth"), " has ", truth.values.size());
  const Scores s = score(truth.values, labels.values);
  nlohmann::ordered_json j;
  for (const auto& [name, v] : named_scores(s)) j["scores"][name] = v;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (int64_t r = 0; r < s.classes && !s.confusion.empty(); ++r)
    rows.push_back(
        std::vector<int64_t>(s.confusion.begin() + r * s.clusters, s.confusion.begin() + (r + 1) * s.clusters));
  j["confusion"] = rows;
  j["matching"] = s.matching;
  if (a.has("embedding")) {
    uint64_t n = 0, d = 0;
    const std::vector<double> x = read_npy_matrix(a.get("embedding"), n, d);
    PLX_CHECK(data, n == labels.values.size(), a.get("embedding"), " has ", n, " rows for ", labels.values.size(),
              " labels");
    Context ctx({.threads = threads_of(a)});
    Tensor t = Tensor::persistent(ctx, DType::f64, {static_cast<int64_t>(n), static_cast<int64_t>(d)});
    t.assign(x);
    const auto put = [&](const char* name, double v) {
      j["label_free"][name] = std::isfinite(v) ? nlohmann::ordered_json(v) : nlohmann::ordered_json(nullptr);
    };
    put("silhouette", silhouette(ctx, t, labels.values).mean);
    put("davies_bouldin", davies_bouldin(ctx, t, labels.values));
    put("calinski_harabasz", calinski_harabasz(ctx, t, labels.values));
  }
  if (a.has("json")) {
    std::printf("%s\n", j.dump(2).c_str());
    return 0;
  }
  for (const char* part : {"scores", "label_free"})
    if (j.contains(part))
      for (const auto& [name, v] : j[part].items())
        std::printf("%-18s %s\n", name.c_str(), v.is_null() ? "undefined" : str(v.get<double>()).c_str());
  return 0;
}

}  // namespace parallax::cli

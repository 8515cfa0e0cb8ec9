// parallax kmeans: on the concatenation of the chosen views
#include <parallax/cluster/kmeans.h>
#include <parallax/io/files.h>
#include <parallax/io/npy.h>
#include <parallax/mvc/evaluate.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "data_options.h"

namespace parallax::cli {

int kmeans(int argc, char** argv) {
  std::vector<Option> options = data_options();
  options.insert(options.end(), {{"seed", "N", "seed (default 0)"},
                                 {"restarts", "R", "restarts (default 100)"},
                                 {"out", "DIR", "also write labels.npy and centres.npy there"}});
  const Arguments a = parse("kmeans", options, argc, argv, 0);
  if (a.has("help")) {
    std::printf("%s", help("usage: parallax kmeans --data PATH [options]", options).c_str());
    return 0;
  }
  RunOptions o;
  read_data_options(a, o);
  PLX_CHECK(config, !o.data.empty(), "--data PATH is needed (parallax kmeans --help)");
  const MultiView data = load(o.data, o.load);
  if (!a.has("quiet"))
    for (const std::string& note : data.notes) std::fprintf(stderr, "%s\n", note.c_str());
  const int k = o.fit.clusters ? o.fit.clusters : data.labels.classes();
  PLX_CHECK(config, k > 0, data.name, " has no labels, so the number of clusters must be given (--clusters K)");
  Context ctx({.device = device_of(a), .threads = threads_of(a)});
  int64_t d = 0;
  for (const int64_t w : data.dims()) d += w;
  std::vector<std::vector<double>> views;
  for (const View& v : data.views)
    views.push_back(apply_scale_f64(fit_scale(v, parse_scale(o.fit.scale.empty() ? "minmax" : o.fit.scale)), v));
  if (o.fit.corrupt.any())
    corrupt(views, data.dims(), data.samples, data.labels.values, data.labels.classes(), o.fit.corrupt);
  std::vector<double> x(static_cast<size_t>(data.samples * d));
  int64_t at = 0;
  for (size_t v = 0; v < views.size(); ++v) {
    const int64_t w = data.views[v].cols;
    for (int64_t i = 0; i < data.samples; ++i)
      for (int64_t c = 0; c < w; ++c) x[static_cast<size_t>(i * d + at + c)] = views[v][static_cast<size_t>(i * w + c)];
    at += w;
  }
  Tensor t = Tensor::persistent(ctx, DType::f32, {data.samples, d});
  t.assign(x);
  KMeansOptions options_k;
  options_k.k = k;
  options_k.restarts = a.integer("restarts", 100, 1, 1000000);
  options_k.seed = static_cast<uint64_t>(a.integer("seed", 0, 0, int64_t{1} << 53));
  const auto start = std::chrono::steady_clock::now();
  const KMeansResult r = parallax::kmeans(ctx, t, options_k);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  nlohmann::ordered_json j;
  j["inertia"] = r.inertia;
  j["iterations"] = r.iterations;
  j["restart_inertias"] = r.restart_inertias;
  if (data.has_labels())
    for (const auto& [name, v] : named_scores(score(data.labels.values, r.labels))) j["scores"][name] = v;
  j["seconds"] = seconds;
  if (a.has("out")) {
    const std::string out = a.get("out");
    make_dirs(out);
    write_npy(out + "/labels.npy", std::span<const int32_t>(r.labels));
    write_npy(out + "/centres.npy", std::span<const double>(r.centres), static_cast<uint64_t>(k),
              static_cast<uint64_t>(d));
  }
  if (a.has("json")) {
    std::printf("%s\n", j.dump(2).c_str());
    return 0;
  }
  std::printf("%s: %d clusters, inertia %.6g, %lld iterations, %lld restarts, %.3f s\n", data.name.c_str(), k,
              r.inertia, static_cast<long long>(r.iterations), static_cast<long long>(r.restart_inertias.size()),
              seconds);
  if (j.contains("scores"))
    for (const char* name : {"acc", "nmi", "ari", "purity", "f", "precision", "recall"})
      std::printf("  %-10s %.4f\n", name, j["scores"][name].get<double>());
  return 0;
}

}  // namespace parallax::cli

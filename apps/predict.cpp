// parallax predict
#include <parallax/io/files.h>
#include <parallax/io/npy.h>
#include <parallax/mvc/model.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data_options.h"

namespace parallax::cli {

int predict(int argc, char** argv) {
  std::vector<Option> options{{"model", "RUN", "a run folder or its model.h5"},
                              {"out", "DIR", "where to write (default RUN/predict-<data>)"},
                              {"force", "", "overwrite an existing prediction"}};
  for (const Option& o : data_options())
    if (o.name == "data" || o.name == "views" || o.name == "labels" || o.name == "transpose") options.push_back(o);
  const Arguments a = parse("predict", options, argc, argv, 0);
  if (a.has("help")) {
    std::printf("%s", help("usage: parallax predict --model RUN --data PATH [--out DIR]", options).c_str());
    return 0;
  }
  RunOptions o;
  read_data_options(a, o);
  PLX_CHECK(config, a.has("model") && !o.data.empty(),
            "--model RUN and --data PATH are needed (parallax predict --help)");
  namespace fs = std::filesystem;
  Context ctx({.device = device_of(a), .threads = threads_of(a)});
  const Predictor predictor(ctx, a.get("model"));
  o.load.relax_classes = true;
  o.load.expected_dims = predictor.model().spec.dims;
  o.load.allow_one_view = predictor.model().spec.views() == 1;
  const MultiView data = load(o.data, o.load);
  const fs::path run =
      fs::is_directory(a.get("model")) ? fs::path(a.get("model")) : fs::path(a.get("model")).parent_path();
  const std::string out = a.get("out", (run / ("predict-" + data.name)).string());
  PLX_CHECK(config, a.has("force") || !fs::exists(out) || fs::is_empty(out), out,
            " exists already; choose another --out, or --force to overwrite");
  const Prediction p = predictor.predict(data);
  make_dirs(out);
  write_npy(out + "/labels.npy", std::span<const int32_t>(p.labels));
  write_npy(out + "/confidence.npy", std::span<const float>(p.confidence));
  write_npy(out + "/embedding.npy", std::span<const float>(p.embedding), p.labels.size(), static_cast<uint64_t>(p.dim));
  nlohmann::ordered_json j;
  j["model"] = a.get("model");
  j["method"] = predictor.model().method;
  j["data"] = data.name;
  j["samples"] = data.samples;
  j["clusters"] = predictor.model().spec.clusters;
  if (data.has_labels()) {
    for (const auto& [name, v] : named_scores(score(data.labels.values, p.labels))) j["scores"][name] = v;
    write_file(out + "/metrics.json", j.dump(2) + "\n");
  }
  j["out"] = out;
  if (a.has("json"))
    std::printf("%s\n", j.dump(2).c_str());
  else if (data.has_labels())
    std::printf("%s: %lld samples  acc %.4f  nmi %.4f  %s\n", data.name.c_str(), static_cast<long long>(data.samples),
                j["scores"]["acc"].get<double>(), j["scores"]["nmi"].get<double>(), out.c_str());
  else
    std::printf("%s: %lld samples  %s\n", data.name.c_str(), static_cast<long long>(data.samples), out.c_str());
  return 0;
}

}  // namespace parallax::cli

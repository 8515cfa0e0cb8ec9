// parallax classify: the supervised protocol of a method with a classifier head
#include <parallax/io/csv.h>
#include <parallax/io/files.h>
#include <parallax/mvc/classify.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "data_options.h"

namespace parallax::cli {

int classify(int argc, char** argv) {
  std::vector<Option> options = data_options();
  options.insert(options.end(), {{"method", "NAME", "a method with a classifier head (default gmae)"},
                                 {"seed", "N", "seed of the first repeat (default 0)"},
                                 {"repeats", "R", "repeats, each with its own split (default 5; profile=reference: 1)"},
                                 {"train-share", "F", "share of rows to train on (default 0.8)"},
                                 {"set", "KEY=VALUE", "a hyper-parameter, or profile=sound|reference; repeatable"},
                                 {"config", "FILE", "JSON, comments allowed"},
                                 {"out", "DIR", "where to write (default runs/<data>-<method>-classify-seed<k>)"},
                                 {"force", "", "overwrite an existing run"}});
  const Arguments a = parse("classify", options, argc, argv, 0);
  if (a.has("help")) {
    std::printf("%s", help("usage: parallax classify --data PATH --method gmae [options]", options).c_str());
    return 0;
  }
  RunOptions o;
  add_method_options(a, o);
  if (o.fit.method.empty()) o.fit.method = "gmae";
  PLX_CHECK(config, !o.data.empty(), "--data PATH is needed (parallax classify --help)");
  const MultiView data = load(o.data, o.load);
  PLX_CHECK(data, data.has_labels(), o.data, ": classification needs labels");
  const std::string out =
      a.get("out", "runs/" + data.name + "-" + o.fit.method + "-classify-seed" + std::to_string(o.seed_from));
  namespace fs = std::filesystem;
  PLX_CHECK(config, o.force || !fs::exists(out) || fs::is_empty(out), out,
            " exists already; choose another --out, or --force to overwrite");
  const bool quiet = a.has("quiet");
  ClassifyOptions c;
  c.method = o.fit.method;
  c.reference = o.fit.profile == "reference";
  c.set = o.fit.set;
  c.repeats = static_cast<int>(a.integer("repeats", c.reference ? 1 : 5, 1, 10000));
  if (a.has("train-share")) {
    char* end = nullptr;
    c.train_share = std::strtod(a.get("train-share").c_str(), &end);
    PLX_CHECK(config, end && *end == 0 && c.train_share > 0 && c.train_share < 1,
              "--train-share must lie between 0 and 1, not '", a.get("train-share"), "'");
  }
  if (!o.fit.scale.empty()) c.scale = parse_scale(o.fit.scale);
  if (o.fit.corrupt.any())
    c.corrupt = [&](std::vector<std::vector<double>>& views, const std::vector<int32_t>& labels, uint64_t) {
      CorruptSpec s = o.fit.corrupt;
      if (s.reference) s.order = {"missing", "conflict", "noise"};  // the order of the published program
      corrupt(views, data.dims(), data.samples, labels, data.labels.classes(), s);
    };
  catch_signals();
  c.log = [quiet](const std::string& line) {
    if (!quiet) std::fprintf(stderr, "%s\n", line.c_str());
  };
  c.progress = [&](int repeat, const EpochRow& row) {
    if (!quiet && row.epoch % 50 == 0)
      std::fprintf(stderr, "repeat %d  epoch %lld  loss %.5g\n", repeat, static_cast<long long>(row.epoch),
                   row.losses.empty() ? 0.0 : row.losses[0].second);
    return !stop;
  };
  const auto start = std::chrono::steady_clock::now();
  Context ctx({.device = device_of(a), .seed = o.seed_from, .threads = threads_of(a)});
  const ClassifyResult r = parallax::classify(c, data, ctx);
  nlohmann::ordered_json j;
  j["method"] = c.method;
  j["profile"] = o.fit.profile;
  j["data"] = data.name;
  j["seed"] = o.seed_from;
  j["samples"] = data.samples;
  j["views"] = data.views.size();
  j["repeats"] = c.repeats;
  j["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const auto value = [](const ClassifyValue& v) {
    return nlohmann::ordered_json{{"mean", v.mean},
                                  {"std", v.n > 1 ? nlohmann::ordered_json(v.std) : nlohmann::ordered_json(nullptr)},
                                  {"n", v.n}};
  };
  std::string csv = csv_line({"rows", "labelling", "score", "mean", "std", "n"});
  for (const ClassifyRow& row : r.table)
    for (const ClassifyValue& v : row.values) {
      csv += csv_line({row.rows, row.labelling, v.name, number_text(v.mean), number_text(v.std), std::to_string(v.n)});
      j["table"][row.rows + "." + row.labelling][v.name] = value(v);
    }
  if (const ClassifyRow* test = r.find("test", "classifier"))
    for (const char* name : {"accuracy", "precision", "recall", "f", "nmi", "ari"})
      if (const ClassifyValue* v = test->find(name)) j["scores"][name] = value(*v);
  make_dirs(out);
  write_file(out + "/results.csv", csv);
  write_file(out + "/metrics.json", j.dump(2) + "\n");
  if (a.has("json")) {
    std::printf("%s\n", j.dump(2).c_str());
    return 0;
  }
  std::printf("%s: %d repeats, test rows, classifier\n", data.name.c_str(), c.repeats);
  for (const auto& [name, v] : j["scores"].items())
    std::printf("  %-10s %.4f%s\n", name.c_str(), v["mean"].get<double>(),
                v["std"].is_null() ? "" : str("  +- ", v["std"].get<double>()).c_str());
  std::printf("%s\n", out.c_str());
  return 0;
}

}  // namespace parallax::cli

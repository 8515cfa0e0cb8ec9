#include "run_files.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "../io/csv.h"
#include "../io/files.h"
#include "../io/npy.h"
#include "../io/plot.h"

namespace parallax {

using Json = nlohmann::ordered_json;

namespace {
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }
Json scores_json(const Scores& s) {
  Json j = Json::object();
  for (const auto& [name, value] : named_scores(s)) j[name] = number(value);
  return j;
}
std::string format(const char* f, double x) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, f, x);
  return buffer;
}
// text of a setting as JSON where it is a number, list or truth value
Json setting_json(const std::string& text) {
  const Json j = Json::parse(text, nullptr, false);
  return j.is_discarded() || j.is_object() || j.is_null() ? Json(text) : j;
}
}  // namespace

std::string progress_line(const HistoryRow& row, int64_t epochs) {
  std::string s = row.epoch.phase + " " + std::to_string(row.epoch.epoch) + "/" + std::to_string(epochs);
  for (const auto& [name, value] : row.epoch.losses)
    if (name == "total") s += "  loss " + format("%.6g", value);
  for (const FeatureScores& f : row.scores)
    if (f.feature == "fused")
      s += "  acc " + format("%.4f", f.scores.acc) + "  nmi " + format("%.4f", f.scores.nmi) + "  ari " +
           format("%.4f", f.scores.ari);
  return s + "  " + format("%.1f", row.epoch.seconds) + " s";
}

std::vector<std::string> score_table(const std::vector<FeatureScores>& s) {
  if (s.empty()) return {};
  static const std::vector<std::string> columns{"acc", "nmi", "ari", "purity", "f", "precision", "recall"};
  size_t width = 7;
  for (const FeatureScores& f : s) width = std::max(width, f.feature.size());
  std::vector<std::string> lines;
  std::string head = "feature" + std::string(width - 7, ' ');
  for (const std::string& c : columns) head += std::string(11 - c.size(), ' ') + c;
  lines.push_back(head);
  for (const FeatureScores& f : s) {
    std::string line = f.feature + std::string(width - f.feature.size(), ' ');
    for (const std::string& c : columns)
      for (const auto& [name, value] : named_scores(f.scores))
        if (name == c) line += format("%11.4f", value);
    lines.push_back(line);
  }
  return lines;
}

std::string history_csv(const std::vector<HistoryRow>& rows) {
  std::vector<std::string> losses, scores;
  const auto note = [](std::vector<std::string>& list, const std::string& name) {
    if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  };
  for (const HistoryRow& r : rows) {
    for (const auto& [name, value] : r.epoch.losses) note(losses, name);
    for (const FeatureScores& f : r.scores)
      for (const auto& [name, value] : named_scores(f.scores)) note(scores, f.feature + "." + name);
  }
  std::vector<std::string> head{"phase", "epoch", "step", "seconds"};
  head.insert(head.end(), losses.begin(), losses.end());
  head.insert(head.end(), scores.begin(), scores.end());
  std::string csv = csv_line(head);
  for (const HistoryRow& r : rows) {
    std::vector<std::string> line{r.epoch.phase, std::to_string(r.epoch.epoch), std::to_string(r.epoch.step),
                                  format("%.3f", r.epoch.seconds)};
    std::map<std::string, std::string> cells;
    for (const auto& [name, value] : r.epoch.losses) cells[name] = number_text(value);
    for (const FeatureScores& f : r.scores)
      for (const auto& [name, value] : named_scores(f.scores)) cells[f.feature + "." + name] = number_text(value);
    for (size_t i = 4; i < head.size(); ++i) line.push_back(cells.count(head[i]) ? cells[head[i]] : "");
    csv += csv_line(line);
  }
  return csv;
}

std::string metrics_json(const RunOptions& o, const MultiView& data, const FitResult& r, uint64_t seed) {
  Json j;
  j["method"] = o.fit.method;
  j["profile"] = o.fit.profile;
  j["data"] = data.name;
  j["seed"] = seed;
  j["clusters"] = r.model.spec.clusters;
  j["samples"] = data.samples;
  j["views"] = data.views.size();
  j["device"] = name_of(o.device);
  j["seconds"] = r.seconds;
  j["epochs"] = r.epochs;
  if (!r.scores.empty()) {
    for (const FeatureScores& f : r.scores)
      if (f.feature == "fused") j["scores"] = scores_json(f.scores);
    j["features"] = Json::object();
    for (const FeatureScores& f : r.scores) j["features"][f.feature] = scores_json(f.scores);
  }
  j["label_free"] = {{"silhouette", number(r.label_free.silhouette)},
                     {"davies_bouldin", number(r.label_free.davies_bouldin)},
                     {"calinski_harabasz", number(r.label_free.calinski_harabasz)},
                     {"inertia", number(r.label_free.inertia)}};
  j["peak_bytes"] = r.peak_bytes;
  return j.dump(2) + "\n";
}

std::string config_json(const RunOptions& o, const MultiView& data, const FitResult& r, uint64_t seed) {
  Json j;
  j["parallax"] = version_text();
  if (!version_commit().empty()) j["commit"] = version_commit();
  j["data"] = std::filesystem::absolute(data.path).string();
  j["sha256"] = data.sha256;
  Json views = Json::array();
  for (const View& v : data.views) views.push_back({{"name", v.name}, {"dim", v.cols}, {"transposed", v.transposed}});
  j["loaded"] = {{"format", data.format},
                 {"samples", data.samples},
                 {"views", views},
                 {"labels", data.has_labels() ? Json(data.labels.name) : Json(nullptr)}};
  if (!o.load.views.empty()) j["views"] = o.load.views;
  if (!o.load.labels.empty()) j["labels"] = o.load.labels;
  if (!o.load.transpose.empty()) j["transpose"] = o.load.transpose;
  j["method"] = o.fit.method;
  j["profile"] = o.fit.profile;
  j["scale"] = r.scale;
  j["clusters"] = r.model.spec.clusters;
  j["seed"] = seed;
  if (o.fit.corrupt.any()) j["corrupt"] = to_text(o.fit.corrupt);
  if (o.fit.eval_every) j["eval_every"] = o.fit.eval_every;
  if (o.fit.restarts) j["restarts"] = o.fit.restarts;
  j["device"] = name_of(o.device);
  Json set = Json::object();
  for (const auto& [k, v] : r.model.settings) set[k] = setting_json(v);
  j["set"] = set;
  return j.dump(2) + "\n";
}

void read_config(const std::string& path, RunOptions& o) {
  const std::string text = read_text(path);
  Json j;
  try {
    j = Json::parse(text, nullptr, true, true);
  } catch (const nlohmann::json::parse_error& e) {
    PLX_FAIL(config, path, ": ", e.what());
  }
  PLX_CHECK(config, j.is_object(), path, ": a JSON object is needed");
  static const std::vector<std::string> known{
      "parallax", "commit",   "data", "sha256",  "loaded",     "views",    "labels", "transpose", "method", "profile",
      "scale",    "clusters", "seed", "corrupt", "eval_every", "restarts", "device", "set",       "threads"};
  std::string problems;
  const auto problem = [&](const std::string& p) { problems += (problems.empty() ? "" : "; ") + p; };
  for (const auto& [key, v] : j.items()) {
    try {
      if (key == "data")
        o.data = v.get<std::string>();
      else if (key == "sha256")
        o.expected_sha256 = v.get<std::string>();
      else if (key == "views")
        o.load.views = v.get<std::vector<int>>();
      else if (key == "labels")
        o.load.labels = v.get<std::string>();
      else if (key == "transpose")
        o.load.transpose = v.get<std::vector<int>>();
      else if (key == "method")
        o.fit.method = v.get<std::string>();
      else if (key == "profile")
        o.fit.profile = v.get<std::string>();
      else if (key == "scale")
        o.fit.scale = v.get<std::string>();
      else if (key == "clusters")
        o.fit.clusters = v.get<int>();
      else if (key == "seed")
        o.seed_from = o.seed_to = v.get<uint64_t>();
      else if (key == "corrupt")
        o.fit.corrupt = parse_corrupt(v.get<std::string>());
      else if (key == "eval_every")
        o.fit.eval_every = v.get<int64_t>();
      else if (key == "restarts")
        o.fit.restarts = v.get<int>();
      else if (key == "threads")
        o.threads = v.get<int>();
      else if (key == "device")
        o.wanted_device = v.get<std::string>();
      else if (key == "set") {
        for (const auto& [k, value] : v.items())
          o.fit.set.emplace_back(k, value.is_string() ? value.get<std::string>() : value.dump());
      } else if (std::find(known.begin(), known.end(), key) == known.end()) {
        const std::string near = nearest(key, known);
        problem("no key '" + key + "'" + (near.empty() ? "" : ", did you mean '" + near + "'?"));
      }
    } catch (const nlohmann::json::exception&) {
      problem("'" + key + "' is of the wrong kind: " + v.dump());
    }
  }
  PLX_CHECK(config, problems.empty(), path, ": ", problems);
}

namespace {
void draw_curves(const std::string& folder, const MultiView& data, const RunOptions& o, const FitResult& r,
                 std::string& log) {
  Plot plot;
  plot.title = o.fit.method + " on " + data.name;
  PlotPanel losses{"loss", true, {}}, scores{"score", false, {}};
  std::vector<std::string> names;
  for (const HistoryRow& row : r.history) {
    if (plot.phases.empty() || plot.phases.back().name != row.epoch.phase)
      plot.phases.push_back({row.epoch.phase, static_cast<double>(row.epoch.epoch)});
    for (const auto& [name, v] : row.epoch.losses) {
      // one line per family (rec, sparse, con, ...): the sum over views
      const std::string family = name.substr(0, name.find('.'));
      auto s = std::find_if(losses.series.begin(), losses.series.end(),
                            [&](const PlotSeries& q) { return q.name == family; });
      if (s == losses.series.end()) {
        losses.series.push_back({family, {}, {}});
        s = losses.series.end() - 1;
      }
      const auto x = static_cast<double>(row.epoch.epoch);
      if (!s->x.empty() && s->x.back() == x)
        s->y.back() += v;
      else
        s->x.push_back(x), s->y.push_back(v);
    }
    for (const FeatureScores& f : row.scores)
      if (f.feature == "fused")
        for (const auto& [name, v] : named_scores(f.scores))
          if (name == "acc" || name == "nmi" || name == "ari" || name == "purity") {
            auto s = std::find_if(scores.series.begin(), scores.series.end(),
                                  [&, n = name](const PlotSeries& q) { return q.name == n; });
            if (s == scores.series.end()) {
              scores.series.push_back({name, {}, {}});
              s = scores.series.end() - 1;
            }
            s->x.push_back(static_cast<double>(row.epoch.epoch));
            s->y.push_back(v);
          }
  }
  // zero or negative terms have no place on a logarithmic axis
  for (const PlotSeries& s : losses.series)
    for (const double y : s.y) losses.log_y = losses.log_y && y > 0;
  std::erase_if(losses.series, [](const PlotSeries& s) {
    return std::all_of(s.y.begin(), s.y.end(), [](double y) { return y == 0; });
  });
  plot.panels.push_back(losses);
  if (!scores.series.empty()) plot.panels.push_back(scores);
  const std::string note = draw(plot, folder + "/curves");
  if (!note.empty()) {
    log += note + "\n";
    if (o.say) o.say("", note);
  }
}
}  // namespace

void write_run_folder(const std::string& folder, const RunOptions& o, const MultiView& data, const FitResult& r,
                      uint64_t seed, const std::string& given) {
  std::string log = given;
  write_file(folder + "/config.json", config_json(o, data, r, seed));
  write_file(folder + "/history.csv", history_csv(r.history));
  write_npy(folder + "/labels.npy", std::span<const int32_t>(r.labels));
  write_npy(folder + "/embedding.npy", std::span<const float>(r.embedding), r.labels.size(),
            static_cast<uint64_t>(r.dim));
  if (!r.masks.list.empty()) write_masks(folder + "/masks.h5", r.masks.list);
  draw_curves(folder, data, o, r, log);
  write_file(folder + "/log.txt", log);
  write_file(folder + "/metrics.json", metrics_json(o, data, r, seed));  // last: a folder with it is complete
}

std::string results_csv(const RunOptions& o, const std::vector<RunOutcome>& runs) {
  std::vector<std::string> head{"data", "method", "profile", "seed", "status", "seconds"};
  for (const auto& [name, v] : named_scores(Scores{})) head.push_back(name);
  std::string csv = csv_line(head);
  for (const RunOutcome& r : runs) {
    std::vector<std::string> line{
        r.data, o.fit.method, o.fit.profile, std::to_string(r.seed), r.status, format("%.3f", r.seconds)};
    const auto fused = std::find_if(r.result.scores.begin(), r.result.scores.end(),
                                    [](const FeatureScores& f) { return f.feature == "fused"; });
    for (const auto& [name, v] : named_scores(fused == r.result.scores.end() ? Scores{} : fused->scores))
      line.push_back(fused == r.result.scores.end() || r.exit_code ? "" : number_text(v));
    csv += csv_line(line);
  }
  return csv;
}

std::string summary_json(const std::vector<RunOutcome>& runs, bool by_data) {
  std::map<std::string, std::map<std::string, std::vector<double>>> values;
  for (const RunOutcome& r : runs)
    for (const FeatureScores& f : r.result.scores)
      if (f.feature == "fused" && !r.exit_code)
        for (const auto& [name, v] : named_scores(f.scores)) values[r.data][name].push_back(v);
  Json all = Json::object();
  for (const auto& [data, scores] : values) {
    Json one = Json::object();
    for (const auto& [name, unused] : named_scores(Scores{})) {
      const std::vector<double>& v = scores.at(name);
      double mean = 0, square = 0;
      for (const double x : v) mean += x / static_cast<double>(v.size());
      for (const double x : v) square += (x - mean) * (x - mean);
      one[name] = {
          {"mean", mean},
          {"std", v.size() > 1 ? number(std::sqrt(square / static_cast<double>(v.size() - 1))) : Json(nullptr)},
          {"n", v.size()}};
    }
    all[data] = one;
  }
  return (by_data || all.empty() ? all : *all.begin()).dump(2) + "\n";
}

}  // namespace parallax

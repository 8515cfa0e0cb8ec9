#include "run.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <thread>

#include "../io/csv.h"
#include "../io/files.h"
#include "run_files.h"

namespace parallax {

namespace fs = std::filesystem;

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::config: return 2;
    case ErrorKind::data: return 3;
    case ErrorKind::numeric: return 4;
    case ErrorKind::memory: return 5;
    case ErrorKind::interrupted: return 130;
    default: return 1;
  }
}

std::string sentence_of(const Error& e) {
  const bool bug = e.kind == ErrorKind::internal || e.kind == ErrorKind::shape || e.kind == ErrorKind::dtype;
  return bug ? e.what() : e.message;
}

namespace {
// One run with everything it needs; errors become its status.
RunOutcome one_run(const RunOptions& o, const MultiView& data, uint64_t seed, const std::string& folder,
                   const std::string& label, int threads) {
  RunOutcome out;
  out.data = data.name;
  out.folder = folder;
  out.seed = seed;
  std::string log;
  const auto line = [&](const std::string& text) {
    log += text + "\n";
    if (o.say) o.say(label, text);
  };
  const auto fail = [&](int code, const std::string& what) {
    out.status = what;
    out.exit_code = code;
  };
  try {
    PLX_CHECK(config, o.force || !fs::exists(folder) || fs::is_empty(folder), folder,
              " exists already; choose another --out, or --force to overwrite");
    make_dirs(folder);
    Context ctx({.device = o.device, .seed = seed, .threads = threads});
    FitOptions f = o.fit;
    f.log = line;
    std::vector<HistoryRow> rows;
    f.progress = [&](const HistoryRow& row, int64_t epochs) {
      const std::string text = progress_line(row, epochs);
      if (!row.scores.empty() || row.epoch.epoch == 1 || row.epoch.epoch == epochs) log += text + "\n";
      if (o.progress) o.progress(label, row, epochs);
      return !(o.stop && *o.stop);
    };
    out.result = fit(f, data, ctx, folder + "/model.h5");
    out.seconds = out.result.seconds;
    for (const std::string& text : score_table(out.result.scores)) line(text);
    out.metrics_json = metrics_json(o, data, out.result, seed);
    write_run_folder(folder, o, data, out.result, seed, log);
  } catch (const Error& e) {
    fail(exit_code_of(e.kind), sentence_of(e));
  } catch (const std::bad_alloc&) {
    fail(5, "out of memory");
  } catch (const std::exception& e) {
    fail(1, e.what());
  }
  std::error_code ignored;
  if (out.exit_code) fs::remove(folder, ignored);  // only where nothing is in it
  return out;
}

struct Source {
  std::string path;
  std::optional<MultiView> data;
  std::string problem;
  int exit_code = 0;
};

// The data sets of a path: one, or the entries of a folder that load.
std::vector<Source> sources_of(const RunOptions& o, bool& folder) {
  folder = false;
  std::vector<Source> list;
  if (fs::is_directory(o.data)) {
    try {
      list.push_back({o.data, load(o.data, o.load), "", 0});
      return list;
    } catch (const Error& e) {
      if (e.kind != ErrorKind::data) throw;
      const std::vector<std::string> entries = data_set_candidates(o.data);
      if (entries.empty()) throw;
      folder = true;
      for (const std::string& entry : entries) {
        Source s;
        s.path = entry;
        try {
          s.data = load(entry, o.load);
        } catch (const Error& why) {
          s.problem = sentence_of(why);
          s.exit_code = exit_code_of(why.kind);
        }
        list.push_back(std::move(s));
      }
      PLX_CHECK(data, std::any_of(list.begin(), list.end(), [](const Source& s) { return s.data.has_value(); }), o.data,
                ": no entry of this folder could be loaded as a data set; the first says: ", list[0].problem);
      return list;
    }
  }
  list.push_back({o.data, load(o.data, o.load), "", 0});
  return list;
}
}  // namespace

std::vector<RunOutcome> run(const RunOptions& o) {
  configured_method(o.fit);  // settings are checked before data is touched
  PLX_CHECK(config, o.seed_from <= o.seed_to, "--seeds ", o.seed_from, "..", o.seed_to, ": the range is empty");
  bool folder = false;
  std::vector<Source> sources = sources_of(o, folder);
  if (!o.expected_sha256.empty())
    PLX_CHECK(data, sources[0].data->sha256 == o.expected_sha256, o.data,
              " has changed since the configuration was written (SHA-256 ", sources[0].data->sha256, ", ",
              o.expected_sha256, " is expected)");
  for (const Source& s : sources) {
    if (!s.data) {
      if (o.say) o.say(fs::path(s.path).filename().string(), "refused: " + s.problem);
      continue;
    }
    for (const std::string& note : s.data->notes)
      if (o.say) o.say(folder ? s.data->name : "", s.data->name + ": " + note);
  }

  struct Task {
    const MultiView* data;
    uint64_t seed;
    std::string folder, label;
  };
  std::vector<Task> tasks;
  const bool many = folder || o.several_seeds;
  const std::string base =
      !o.out.empty() ? o.out
      : folder       ? "runs/" + o.fit.method
      : many         ? "runs/" + sources[0].data->name + "-" + o.fit.method
                     : "runs/" + sources[0].data->name + "-" + o.fit.method + "-seed" + std::to_string(o.seed_from);
  if (many)
    PLX_CHECK(config, o.force || !fs::exists(base) || fs::is_empty(base), base,
              " exists already; choose another --out, or --force to overwrite");
  for (const Source& s : sources)
    for (uint64_t seed = o.seed_from; s.data && seed <= o.seed_to; ++seed) {
      const std::string label = many ? (folder ? s.data->name + "/" : "") + "seed-" + std::to_string(seed) : "";
      tasks.push_back({&*s.data, seed, many ? base + "/" + label : base, label});
    }

  std::vector<RunOutcome> outcomes(tasks.size());
  const int jobs = std::max(1, std::min<int>(o.jobs, static_cast<int>(tasks.size())));
  const int threads = std::max(1, (o.threads > 0 ? o.threads : available_cores()) / jobs);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < tasks.size(); i = next++) {
      if (o.stop && *o.stop) {
        outcomes[i].data = tasks[i].data->name;
        outcomes[i].seed = tasks[i].seed;
        outcomes[i].status = "not started";
        outcomes[i].exit_code = 130;
        continue;
      }
      outcomes[i] = one_run(o, *tasks[i].data, tasks[i].seed, tasks[i].folder, tasks[i].label, threads);
    }
  };
  if (jobs == 1) {
    work();
  } else {
    std::vector<std::thread> pool;
    pool.reserve(static_cast<size_t>(jobs));
    for (int j = 0; j < jobs; ++j) pool.emplace_back(work);
    for (std::thread& t : pool) t.join();
  }
  for (RunOutcome& r : outcomes) r.in_folder = folder;
  if (many) {
    write_file(base + "/results.csv", results_csv(o, outcomes));
    write_file(base + "/summary.json", summary_json(outcomes, folder));
    if (folder) {
      std::string csv = csv_line({"data", "samples", "views", "dims", "classes", "format", "sha256", "status"});
      for (const Source& s : sources) {
        if (!s.data) {
          csv += csv_line({fs::path(s.path).stem().string(), "", "", "", "", "", "", "refused: " + s.problem});
          continue;
        }
        std::string dims;
        for (const int64_t d : s.data->dims()) dims += (dims.empty() ? "" : " ") + std::to_string(d);
        csv += csv_line({s.data->name, std::to_string(s.data->samples), std::to_string(s.data->views.size()), dims,
                         std::to_string(s.data->labels.classes()), s.data->format, s.data->sha256, "ok"});
      }
      write_file(base + "/datasets.csv", csv);
    }
  }
  return outcomes;
}

}  // namespace parallax

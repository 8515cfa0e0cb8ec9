// parallax train
#include <cstdio>
#include <mutex>

#include <parallax/mvc/run.h>
#include <parallax/mvc/run_files.h>

#include "cli.h"
#include "data_options.h"

namespace parallax::cli {

namespace {
const std::vector<Option> own{{"method", "NAME", "the method (parallax info lists them; --help NAME shows its keys)"},
                              {"seed", "N", "one run with this seed (default 0)"},
                              {"seeds", "A..B", "one run per seed, both ends included"},
                              {"jobs", "N", "runs side by side; the threads are divided among them (default 1)"},
                              {"set", "KEY=VALUE", "a hyper-parameter, or profile=sound|reference; repeatable"},
                              {"config", "FILE", "JSON, comments allowed, as a run writes it; --set and options win"},
                              {"eval-every", "E", "score every E epochs (default: the method's own)"},
                              {"restarts", "R", "restarts of k-means at evaluation (default: the method's own)"},
                              {"out", "DIR", "where to write (default runs/<data>-<method>-seed<k>)"},
                              {"force", "", "overwrite an existing run"}};
}  // namespace

void add_method_options(const Arguments& a, RunOptions& o) {
  if (a.has("config")) read_config(a.get("config"), o);
  read_data_options(a, o);
  o.fit.method = a.get("method", o.fit.method);
  for (const std::string& s : a.all("set")) {
    const size_t eq = s.find('=');
    PLX_CHECK(config, eq != std::string::npos && eq > 0, "--set needs KEY=VALUE, not '", s, "'");
    const std::string key = s.substr(0, eq), value = s.substr(eq + 1);
    if (key == "profile")
      o.fit.profile = value;
    else
      o.fit.set.emplace_back(key, value);
  }
  PLX_CHECK(config, !(a.has("seed") && a.has("seeds")), "--seed and --seeds exclude each other");
  constexpr int64_t kMost = int64_t{1} << 53;
  if (a.has("seed")) o.seed_from = o.seed_to = static_cast<uint64_t>(a.integer("seed", 0, 0, kMost));
  if (a.has("seeds")) {
    const std::string s = a.get("seeds");
    unsigned long long from = 0, to = 0;
    int used = 0;
    PLX_CHECK(config,
              std::sscanf(s.c_str(), "%llu..%llu%n", &from, &to, &used) == 2 && used == static_cast<int>(s.size()) &&
                  from <= to && to - from < 100000,
              "--seeds needs A..B with A <= B, not '", s, "'");
    o.seed_from = from;
    o.seed_to = to;
    o.several_seeds = true;
  }
  o.jobs = static_cast<int>(a.integer("jobs", 1, 1, 1024));
  o.fit.eval_every = a.integer("eval-every", o.fit.eval_every, 1, int64_t{1} << 40);
  if (a.has("restarts")) o.fit.restarts = static_cast<int>(a.integer("restarts", 0, 1, 100000));
  o.out = a.get("out");
  o.force = a.has("force");
  o.threads = threads_of(a);
  o.device = device_of(a, o.wanted_device);
  o.stop = &stop;
}

// Progress: one line that is rewritten on a terminal, a line per evaluation in a pipe.
void show_progress(const Arguments& a, RunOptions& o) {
  if (a.has("quiet")) return;
  static std::mutex mutex;
  static bool open_line = false;
  const bool live = on_terminal();
  o.say = [live](const std::string& run, const std::string& line) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (live && open_line) std::fprintf(stderr, "\r\033[K");
    open_line = false;
    std::fprintf(stderr, "%s%s%s\n", run.c_str(), run.empty() ? "" : ": ", line.c_str());
  };
  o.progress = [live](const std::string& run, const HistoryRow& row, int64_t epochs) {
    const std::lock_guard<std::mutex> lock(mutex);
    const std::string line = (run.empty() ? "" : run + ": ") + progress_line(row, epochs);
    if (live) {
      std::fprintf(stderr, "\r\033[K%s", line.c_str());
      open_line = !row.scores.empty() || row.epoch.epoch == epochs ? (std::fputc('\n', stderr), false) : true;
      std::fflush(stderr);
    } else if (!row.scores.empty() || row.epoch.epoch == 1 || row.epoch.epoch == epochs || row.epoch.epoch % 100 == 0) {
      std::fprintf(stderr, "%s\n", line.c_str());
    }
  };
}

int train(int argc, char** argv) {
  std::vector<Option> options = data_options();
  options.insert(options.end(), own.begin(), own.end());
  const Arguments a = parse("train", options, argc, argv, 1);
  if (a.has("help")) {
    if (a.words().empty()) {
      std::printf("%s", help("usage: parallax train --data PATH --method NAME [options]\n       parallax train --help "
                             "NAME    the method's hyper-parameters",
                             options)
                            .c_str());
      return 0;
    }
    const std::unique_ptr<Method> m = make_method(a.words()[0]);
    m->profile(false);
    Visitor v;
    m->params(v);
    std::printf("%s: hyper-parameters for --set KEY=VALUE, with the defaults of profile=sound (scaling %s)\n\n%s",
                m->name().c_str(), m->default_scale().c_str(), help_text(v).c_str());
    const std::unique_ptr<Method> reference = make_method(a.words()[0]);
    reference->profile(true);
    Visitor r;
    reference->params(r);
    std::string changes;
    for (size_t i = 0; i < v.keys.size(); ++i)
      if (v.keys[i].text() != r.keys[i].text())
        changes += (changes.empty() ? "" : ", ") + r.keys[i].name + "=" + r.keys[i].text();
    std::printf("\nprofile=reference (what the published program computes) sets %s\n",
                changes.empty() ? "the same" : changes.c_str());
    return 0;
  }
  PLX_CHECK(config, a.words().empty(), "unexpected argument '", a.words().empty() ? "" : a.words()[0],
            "' (parallax train --help)");
  RunOptions o;
  add_method_options(a, o);
  PLX_CHECK(config, !o.data.empty(), "--data PATH is needed (parallax train --help)");
  PLX_CHECK(config, !o.fit.method.empty(), "--method NAME is needed (parallax train --help)");
  show_progress(a, o);
  catch_signals();
  const std::vector<RunOutcome> runs = run(o);
  const bool many = runs.size() > 1 || o.several_seeds;
  int code = 0;
  for (const RunOutcome& r : runs) {
    if (r.exit_code) {
      std::fprintf(stderr, "parallax train: %s%s\n",
                   many ? (r.data + " seed " + std::to_string(r.seed) + ": ").c_str() : "", r.status.c_str());
      code = many ? 1 : r.exit_code;
    }
  }
  if (stop) code = 128 + stop_signal;
  if (a.has("json")) {
    if (!many)
      std::printf("%s", runs[0].metrics_json.c_str());
    else
      std::printf("%s", summary_json(runs, runs[0].in_folder).c_str());
  } else {
    for (const RunOutcome& r : runs)
      if (!r.exit_code) {
        std::string scores;
        for (const FeatureScores& f : r.result.scores)
          if (f.feature == "fused") {
            char line[128];
            std::snprintf(line, sizeof line, "  acc %.4f  nmi %.4f  ari %.4f  purity %.4f", f.scores.acc, f.scores.nmi,
                          f.scores.ari, f.scores.purity);
            scores = line;
          }
        std::printf("%s  seed %llu%s  %s\n", r.data.c_str(), static_cast<unsigned long long>(r.seed), scores.c_str(),
                    r.folder.c_str());
      }
  }
  return code;
}

}  // namespace parallax::cli

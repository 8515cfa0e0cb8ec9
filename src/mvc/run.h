// A run: data from a path, training, and the run folder of docs/cli.md. What the command line's `train` calls, for one
// run or for many (data sets x seeds), side by side or one after the other with the same results.
#pragma once
#include <atomic>
#include <functional>
#include <optional>

#include "../io/load.h"
#include "fit.h"

namespace parallax {

struct RunOptions {
  FitOptions fit;
  LoadOptions load;
  std::string data;             // path
  std::string expected_sha256;  // from a configuration: other data is refused
  std::string out;              // empty: runs/<data>-<method>-seed<k> and the like
  uint64_t seed_from = 0, seed_to = 0;
  bool several_seeds = false;  // --seeds was given (one line per seed even for one)
  int jobs = 1;
  int threads = 1;
  std::string wanted_device = "auto";  // as --device and a configuration name it
  Device device;                       // where it runs
  bool force = false;
  const std::atomic<bool>* stop = nullptr;  // set by a signal: runs end after their epoch
  // Lines for the terminal; `run` is the folder's name where there are several, else empty. Called from several
  // threads.
  std::function<void(const std::string& run, const std::string& line)> say = {};
  std::function<void(const std::string& run, const HistoryRow&, int64_t epochs)> progress = {};
};

struct RunOutcome {
  std::string data, folder;
  uint64_t seed = 0;
  std::string status = "ok";  // or the error
  int exit_code = 0;
  double seconds = 0;
  FitResult result;          // without history rows of failed runs
  std::string metrics_json;  // as written
  bool in_folder = false;    // of a folder of data sets
};

// Throws Error for what is wrong with the request as a whole; a failed run among several is an outcome.
std::vector<RunOutcome> run(const RunOptions& options);
// The files of one run, written when it is complete.
void write_run_folder(const std::string& folder, const RunOptions& o, const MultiView& data, const FitResult& r,
                      uint64_t seed, const std::string& log);
std::string metrics_json(const RunOptions& o, const MultiView& data, const FitResult& r, uint64_t seed);
std::string config_json(const RunOptions& o, const MultiView& data, const FitResult& r, uint64_t seed);
// Fills options from a configuration file (JSON with comments): everything that determines a run.
void read_config(const std::string& path, RunOptions& o);

std::string version_text();    // "0.1.0"
std::string version_commit();  // short hash, or "" outside of a checkout
std::string version_build();   // "Release, GNU 12.2.0"
int exit_code_of(ErrorKind kind);
// What a person is told: the sentence; with the place in the source where it is a bug of ours.
std::string sentence_of(const Error& e);

}  // namespace parallax

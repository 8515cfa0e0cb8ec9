// What every command shares: options, errors, signals. Results go to standard output, everything else to standard
// error.
#pragma once
#include <atomic>
#include <string>
#include <vector>

#include <parallax/tensor/context.h>

namespace parallax::cli {

struct Option {
  std::string name;
  std::string value;  // "" for a flag, else what stands for its value in the help
  std::string help;
};

class Arguments {
 public:
  bool has(const std::string& name) const;
  std::string get(const std::string& name, const std::string& fallback = "") const;  // the last one given
  std::vector<std::string> all(const std::string& name) const;
  int64_t integer(const std::string& name, int64_t fallback, int64_t low, int64_t high) const;
  const std::vector<std::string>& words() const { return words_; }  // what is no option

 private:
  friend Arguments parse(const std::string&, const std::vector<Option>&, int, char**, size_t);
  std::vector<std::pair<std::string, std::string>> given_;
  std::vector<std::string> words_;
};

// Options of the command and the shared ones (--help --json --quiet --threads --device). Unknown ones name the nearest.
Arguments parse(const std::string& command, const std::vector<Option>& options, int argc, char** argv,
                size_t most_words);
std::string help(const std::string& usage, const std::vector<Option>& options, const std::string& after = "");
int threads_of(const Arguments& a);  // --threads, default all cores this process may use
// --device, or what a configuration wants. A CUDA device that was chosen is named on standard error.
Device device_of(const Arguments& a, const std::string& otherwise = "auto");
std::vector<int> int_list(const std::string& option, const std::string& text);  // "0,2"

// Set by SIGINT or SIGTERM; a second signal ends the process at once.
extern std::atomic<bool> stop;
extern std::atomic<int> stop_signal;
void catch_signals();
bool on_terminal();  // standard error is a terminal

int train(int argc, char** argv);
int classify(int argc, char** argv);
int predict(int argc, char** argv);
int kmeans(int argc, char** argv);
int ncuts(int argc, char** argv);
int eval(int argc, char** argv);
int inspect(int argc, char** argv);
int corrupt(int argc, char** argv);
int info(int argc, char** argv);

}  // namespace parallax::cli

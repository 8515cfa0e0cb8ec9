#include "cli.h"

#define CXXOPTS_VECTOR_DELIMITER '\0'  // a value with a comma is one value
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <cxxopts.hpp>

#include <parallax/mvc/visitor.h>
#include <parallax/tensor/context.h>

namespace parallax::cli {

std::atomic<bool> stop{false};
std::atomic<int> stop_signal{0};

namespace {
const std::vector<Option> shared{{"help", "", "this text"},
                                 {"json", "", "one JSON document on standard output instead of text"},
                                 {"quiet", "", "no progress and notes"},
                                 {"threads", "N", "threads to use (default: the cores this process may use)"},
                                 {"device", "auto|cpu|cuda[:i]", "where to compute (default auto)"}};
// The first signal ends the run in order, another the program at once; but one that comes within half a second is the
// same request, sent to the process and to its group (as timeout(1) does).
std::atomic<int64_t> stopped_at{0};
void on_signal(int number) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t ms = static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
  if (stop && ms - stopped_at > 500) _exit(128 + number);
  if (stop) return;
  stopped_at = ms;
  stop_signal = number;
  stop = true;
}
}  // namespace

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}
bool on_terminal() { return isatty(STDERR_FILENO) != 0; }

bool Arguments::has(const std::string& name) const {
  return std::any_of(given_.begin(), given_.end(), [&](const auto& g) { return g.first == name; });
}
std::string Arguments::get(const std::string& name, const std::string& fallback) const {
  std::string value = fallback;
  for (const auto& [n, v] : given_)
    if (n == name) value = v;
  return value;
}
std::vector<std::string> Arguments::all(const std::string& name) const {
  std::vector<std::string> list;
  for (const auto& [n, v] : given_)
    if (n == name) list.push_back(v);
  return list;
}
int64_t Arguments::integer(const std::string& name, int64_t fallback, int64_t low, int64_t high) const {
  if (!has(name)) return fallback;
  const std::string text = get(name);
  int64_t x = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), x);
  PLX_CHECK(config, r.ec == std::errc() && r.ptr == text.data() + text.size(), "--", name,
            " needs a whole number, not '", text, "'");
  PLX_CHECK(config, x >= low && x <= high, "--", name, " must be in ", low, " .. ", high, ", it is ", x);
  return x;
}

Arguments parse(const std::string& command, const std::vector<Option>& options, int argc, char** argv,
                size_t most_words) {
  std::vector<Option> all = options;
  all.insert(all.end(), shared.begin(), shared.end());
  std::vector<std::string> known;
  cxxopts::Options o("parallax " + command);
  for (const Option& p : all) {
    known.push_back("--" + p.name);
    if (p.value.empty())
      o.add_options()(p.name, p.help);
    else
      o.add_options()(p.name, p.help, cxxopts::value<std::vector<std::string>>());
  }
  o.add_options()("words", "", cxxopts::value<std::vector<std::string>>());
  o.parse_positional({"words"});
  for (int i = 1; i < argc; ++i) {
    std::string a = argv[i];
    if (a == "--") break;
    if (a.size() > 1 && a[0] == '-' && a[1] != '-' && std::isalpha(static_cast<unsigned char>(a[1]))) a = "-" + a;
    if (a.rfind("--", 0) != 0) continue;
    a = a.substr(0, a.find('='));
    if (std::find(known.begin(), known.end(), a) != known.end()) continue;
    const std::string near = nearest(a, known);
    PLX_FAIL(config, "unknown option ", argv[i], near.empty() ? "" : ", did you mean " + near + "?", " (parallax ",
             command, " --help)");
  }
  Arguments result;
  try {
    const cxxopts::ParseResult r = o.parse(argc, argv);
    for (const Option& p : all) {
      if (!r.count(p.name)) continue;
      if (p.value.empty())
        result.given_.emplace_back(p.name, "true");
      else
        for (const std::string& v : r[p.name].as<std::vector<std::string>>()) result.given_.emplace_back(p.name, v);
    }
    if (r.count("words")) result.words_ = r["words"].as<std::vector<std::string>>();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {  // the library's exception classes changed their names between versions
    PLX_FAIL(config, e.what(), " (parallax ", command, " --help)");
  }
  PLX_CHECK(config, result.words_.size() <= most_words, "unexpected argument '", result.words_.back(), "' (parallax ",
            command, " --help)");
  const std::string device = result.get("device", "auto");
  PLX_CHECK(config, is_device_name(device), "--device must be auto, cpu, cuda or cuda:i, not '", device, "'");
  return result;
}

std::string help(const std::string& usage, const std::vector<Option>& options, const std::string& after) {
  std::string s = usage + "\n\nOptions:\n";
  std::vector<Option> all = options;
  all.insert(all.end(), shared.begin(), shared.end());
  size_t width = 0;
  const auto left = [](const Option& o) { return "--" + o.name + (o.value.empty() ? "" : " " + o.value); };
  for (const Option& o : all) width = std::max(width, std::min<size_t>(28, left(o).size()));
  for (const Option& o : all) {
    const std::string l = left(o);
    s += "  " + l + (l.size() > width ? "\n" + std::string(width + 4, ' ') : std::string(width + 2 - l.size(), ' ')) +
         o.help + "\n";
  }
  return s + after;
}

int threads_of(const Arguments& a) { return static_cast<int>(a.integer("threads", available_cores(), 1, 4096)); }

Device device_of(const Arguments& a, const std::string& otherwise) {
  const Device d = choose_device(a.get("device", otherwise));
  if (d.kind == Device::cuda && !a.has("device") && !a.has("quiet"))
    std::fprintf(stderr, "device %s (--device cpu for the processor)\n", name_of(d).c_str());
  return d;
}

std::vector<int> int_list(const std::string& option, const std::string& text) {
  std::vector<int> list;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    int x = 0;
    const auto r = std::from_chars(text.data() + at, text.data() + end, x);
    PLX_CHECK(config, r.ec == std::errc() && r.ptr == text.data() + end && x >= 0, "--", option,
              " needs numbers from 0 separated by commas, not '", text, "'");
    list.push_back(x);
    at = end + 1;
  }
  return list;
}

}  // namespace parallax::cli

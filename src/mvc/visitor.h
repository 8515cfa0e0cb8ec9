// Hyper-parameters, declared once: name, default, range and help make the command line's keys, the configuration file,
// the help text and the record in the run folder.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace parallax {

struct Key {
  enum Kind { integer, number, flag, choice, list, numbers, text_value } kind = number;
  std::string name;
  void* target = nullptr;            // int64_t, double, bool, std::string, std::vector<int64_t>, std::vector<double>
  double low = 0, high = 0;          // of integers, numbers and list members
  int64_t length = 0;                // of a list; 0: any
  std::vector<std::string> options;  // of a choice
  std::string help;
  std::string text() const;  // the present value, as it would be given to --set
};

class Visitor {
 public:
  void integer(const std::string& name, int64_t& v, double low, double high, const std::string& help) {
    add(Key::integer, name, &v, low, high, help);
  }
  void number(const std::string& name, double& v, double low, double high, const std::string& help) {
    add(Key::number, name, &v, low, high, help);
  }
  void flag(const std::string& name, bool& v, const std::string& help) { add(Key::flag, name, &v, 0, 1, help); }
  void choice(const std::string& name, std::string& v, std::vector<std::string> options, const std::string& help) {
    add(Key::choice, name, &v, 0, 0, help);
    keys.back().options = std::move(options);
  }
  void list(const std::string& name, std::vector<int64_t>& v, int64_t length, double low, double high,
            const std::string& help) {
    add(Key::list, name, &v, low, high, help);
    keys.back().length = length;
  }
  void numbers(const std::string& name, std::vector<double>& v, double low, double high, const std::string& help) {
    add(Key::numbers, name, &v, low, high, help);
  }
  // Free text; the method says what it may be.
  void text(const std::string& name, std::string& v, const std::string& help) {
    add(Key::text_value, name, &v, 0, 0, help);
  }
  // Another name for the key declared last (the page's and the golden file's names differ in places).
  void alias(const std::string& name) { aliases.emplace_back(name, keys.back().name); }

  std::vector<Key> keys;
  std::vector<std::pair<std::string, std::string>> aliases;

 private:
  void add(Key::Kind kind, const std::string& name, void* target, double low, double high, const std::string& help) {
    Key k;
    k.kind = kind;
    k.name = name;
    k.target = target;
    k.low = low;
    k.high = high;
    k.help = help;
    keys.push_back(std::move(k));
  }
};

using Setting = std::pair<std::string, std::string>;  // key, value as text: "0.5", "true", "[500,500]", "learnable"

// Applies settings in order. Collects all problems and throws one Error(config): unknown keys name the nearest known
// one.
void apply_settings(Visitor& v, const std::vector<Setting>& settings, const std::string& what);
// A table of key, default, range, help.
std::string help_text(const Visitor& v);
// The known word with the smallest edit distance, empty if none is near.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace parallax

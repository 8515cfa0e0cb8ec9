#include "visitor.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "../io/csv.h"
#include "../tensor/error.h"

namespace parallax {

namespace {
bool parse_number(std::string_view s, double& v) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  const auto r = std::from_chars(s.data(), s.data() + s.size(), v);
  return r.ec == std::errc() && r.ptr == s.data() + s.size() && std::isfinite(v);
}
std::string range_text(const Key& k) {
  if (k.kind == Key::flag) return "true | false";
  if (k.kind == Key::text_value) return "text";
  if (k.kind == Key::choice) {
    std::string s;
    for (const std::string& o : k.options) s += (s.empty() ? "" : " | ") + o;
    return s;
  }
  const std::string r = number_text(k.low) + " .. " + number_text(k.high);
  if (k.kind == Key::numbers) return "list of " + r;
  return k.kind == Key::list ? (k.length ? std::to_string(k.length) + " of " : "list of ") + r : r;
}
// the problem, or nothing
std::string set(const Key& k, const std::string& value) {
  const auto bad = [&](const std::string& why) { return k.name + "=" + value + ": " + why; };
  double x = 0;
  switch (k.kind) {
    case Key::integer:
    case Key::number:
      if (!parse_number(value, x)) return bad("a number is needed");
      if (x < k.low || x > k.high) return bad("must be in " + range_text(k));
      if (k.kind == Key::number) {
        *static_cast<double*>(k.target) = x;
        return "";
      }
      if (x != std::floor(x)) return bad("a whole number is needed");
      *static_cast<int64_t*>(k.target) = static_cast<int64_t>(x);
      return "";
    case Key::flag:
      if (value != "true" && value != "false" && value != "1" && value != "0") return bad("true or false is needed");
      *static_cast<bool*>(k.target) = value == "true" || value == "1";
      return "";
    case Key::choice:
      if (std::find(k.options.begin(), k.options.end(), value) == k.options.end())
        return bad("must be one of " + range_text(k));
      *static_cast<std::string*>(k.target) = value;
      return "";
    case Key::text_value: *static_cast<std::string*>(k.target) = value; return "";
    case Key::numbers:
    case Key::list: {
      std::string_view s = value;
      if (!s.empty() && s.front() == '[') s.remove_prefix(1);
      if (!s.empty() && s.back() == ']') s.remove_suffix(1);
      std::vector<int64_t> list;
      std::vector<double> numbers;
      while (!s.empty()) {
        const size_t comma = std::min(s.find(','), s.size());
        if (!parse_number(s.substr(0, comma), x)) return bad("a list of numbers is needed");
        if (k.kind == Key::list && x != std::floor(x)) return bad("a list of whole numbers is needed");
        if (x < k.low || x > k.high)
          return bad("members must be in " + number_text(k.low) + " .. " + number_text(k.high));
        if (k.kind == Key::list) list.push_back(static_cast<int64_t>(x));
        numbers.push_back(x);
        s.remove_prefix(std::min(comma + 1, s.size()));
      }
      if (k.kind == Key::numbers) {
        *static_cast<std::vector<double>*>(k.target) = numbers;
        return "";
      }
      if (k.length && static_cast<int64_t>(list.size()) != k.length)
        return bad(std::to_string(k.length) + " members are needed");
      *static_cast<std::vector<int64_t>*>(k.target) = list;
      return "";
    }
  }
  return "";
}
}  // namespace

std::string Key::text() const {
  switch (kind) {
    case integer: return std::to_string(*static_cast<int64_t*>(target));
    case number: return number_text(*static_cast<double*>(target));
    case flag: return *static_cast<bool*>(target) ? "true" : "false";
    case choice:
    case text_value: return *static_cast<std::string*>(target);
    case numbers: {
      std::string s;
      for (const double x : *static_cast<std::vector<double>*>(target)) s += (s.empty() ? "" : ",") + number_text(x);
      return "[" + s + "]";
    }
    case list: {
      std::string s;
      for (const int64_t x : *static_cast<std::vector<int64_t>*>(target))
        s += (s.empty() ? "" : ",") + std::to_string(x);
      return "[" + s + "]";
    }
  }
  return "";
}

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  std::string best;
  size_t least = word.size() / 2 + 1;
  for (const std::string& k : known) {
    std::vector<size_t> row(k.size() + 1);
    for (size_t j = 0; j <= k.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= k.size(); ++j) {
        const size_t up = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (word[i - 1] == k[j - 1] ? 0 : 1)});
        diagonal = up;
      }
    }
    if (row[k.size()] < least) {
      least = row[k.size()];
      best = k;
    }
  }
  return best;
}

void apply_settings(Visitor& v, const std::vector<Setting>& settings, const std::string& what) {
  std::string problems;
  for (const auto& [given, value] : settings) {
    std::string name = given;
    for (const auto& [alias, real] : v.aliases)
      if (alias == given) name = real;
    const auto k = std::find_if(v.keys.begin(), v.keys.end(), [&](const Key& q) { return q.name == name; });
    std::string problem;
    if (k == v.keys.end()) {
      std::vector<std::string> known;
      for (const Key& q : v.keys) known.push_back(q.name);
      const std::string near = nearest(given, known);
      problem = "no key '" + given + "'" + (near.empty() ? "" : ", did you mean '" + near + "'?");
    } else {
      problem = set(*k, value);
    }
    if (!problem.empty()) problems += (problems.empty() ? "" : "; ") + problem;
  }
  PLX_CHECK(config, problems.empty(), what, ": ", problems);
}

std::string help_text(const Visitor& v) {
  size_t width = 0, width2 = 0;
  for (const Key& k : v.keys) {
    width = std::max(width, k.name.size());
    width2 = std::max(width2, k.text().size());
  }
  std::string s;
  for (const Key& k : v.keys) {
    s += "  " + k.name + std::string(width + 2 - k.name.size(), ' ') + k.text() +
         std::string(width2 + 2 - k.text().size(), ' ') + k.help + " (" + range_text(k);
    for (const auto& [alias, real] : v.aliases)
      if (real == k.name) s += "; also " + alias;
    s += ")\n";
  }
  return s;
}

}  // namespace parallax

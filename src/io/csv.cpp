#include "csv.h"

#include <charconv>
#include <cmath>

#include "files.h"

namespace parallax {

namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  if (s.size() >= 2 && s.front() == '"' && s.back() == '"') s = s.substr(1, s.size() - 2);
  return s;
}

bool number(std::string_view field, double& value) {
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  // out of range: underflow is 0 and fine, overflow is an infinity that the layout rules refuse by sample
  if (error == std::errc::result_out_of_range && end == field.data() + field.size()) {
    value = field.find("e-") != field.npos || field.find("E-") != field.npos ? 0.0 : HUGE_VAL;
    return true;
  }
  return error == std::errc() && end == field.data() + field.size() && !field.empty();
}

char separator_of(std::string_view line) {
  for (const char c : {',', ';', '\t'})
    if (line.find(c) != line.npos) return c;
  return line.find(' ') != line.npos ? ' ' : ',';
}

// Calls f(field) for every field; runs of blanks count as one separator.
template <class F> void split(std::string_view line, char separator, F f) {
  size_t at = 0;
  for (;;) {
    if (separator == ' ')
      while (at < line.size() && line[at] == ' ') ++at;
    const size_t end = line.find(separator, at);
    if (end == line.npos) {
      if (separator != ' ' || at < line.size()) f(trim(line.substr(at)));
      return;
    }
    f(trim(line.substr(at, end - at)));
    at = end + 1;
  }
}

}  // namespace

Variable parse_csv(std::string_view text, const std::string& name, Budget& budget) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  auto values = std::make_shared<std::vector<double>>();
  uint64_t rows = 0, cols = 0, line_number = 0;
  bool header_seen = false;
  char separator = 0;
  const std::string where = budget.file();
  budget.take(static_cast<unsigned __int128>(text.size()) * 4,
              "the table " + printable(name));  // 2 characters a number
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    ++line_number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    PLX_CHECK(data, line.find('\0') == line.npos, where, ": line ", line_number,
              " holds a zero byte: this is no text table");
    if (line.find_first_not_of(" \t") == line.npos) continue;
    if (!separator) separator = separator_of(line);
    uint64_t fields = 0, bad_column = 0;
    std::string bad;
    const size_t before = values->size();
    split(line, separator, [&](std::string_view field) {
      ++fields;
      double v = 0;
      if (!number(field, v) && bad_column == 0) {
        bad_column = fields;
        bad = std::string(field.substr(0, 40));
      }
      values->push_back(v);
    });
    if (bad_column && rows == 0 && !header_seen) {  // a first line with words is a header
      header_seen = true;
      values->resize(before);
      continue;
    }
    PLX_CHECK(data, bad_column == 0, where, ": line ", line_number, ", column ", bad_column, ": '", printable(bad),
              "' is not a number");
    if (rows == 0) cols = fields;
    PLX_CHECK(data, fields == cols, where, ": line ", line_number, " has ", fields, " fields, the lines before have ",
              cols);
    ++rows;
  }
  PLX_CHECK(data, rows > 0, where, ": no line with numbers");
  Variable v;
  v.name = name;
  v.kind = Variable::Kind::numeric;
  v.type = "double";
  v.shape = {rows, cols};
  v.values = Raw{Element::f64, false, std::as_bytes(std::span<const double>(*values))};
  v.owner = values;
  return v;
}

std::vector<double> read_number_lines(const std::string& path) {
  const std::string text = read_text(path, uint64_t{1} << 30);
  Budget budget(path, uint64_t{16} << 30);
  const Variable v = parse_csv(text, stem_of(path), budget);
  PLX_CHECK(data, v.shape[1] == 1, path, ": one number a line wanted, found ", v.shape[1], " in the first line");
  return to_doubles(v, budget);
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

template <class T> static std::string shortest(T value) {
  if (std::isnan(value)) return "";
  char buffer[64];
  const auto r = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, r.ptr);
}
std::string number_text(double value) { return shortest(value); }
std::string number_text(float value) { return shortest(value); }

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) line += (i ? "," : "") + csv_field(fields[i]);
  return line + "\n";
}

}  // namespace parallax

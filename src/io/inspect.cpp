#include "inspect.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "bytes.h"
#include "csv.h"

namespace parallax {

namespace {

ViewFacts facts_of(const View& v) {
  ViewFacts f;
  f.name = v.name;
  f.type = v.stored_type;
  f.dim = v.cols;
  f.transposed = v.transposed;
  if (v.rows == 0 || v.cols == 0) return f;
  f.min = HUGE_VAL;
  f.max = -HUGE_VAL;
  std::vector<bool> constant(static_cast<size_t>(v.cols), true);
  std::visit(
      [&](const auto& x) {
        const size_t n = static_cast<size_t>(v.rows), d = static_cast<size_t>(v.cols);
        for (size_t i = 0; i < n; ++i) {
          bool zero_row = true;
          for (size_t c = 0; c < d; ++c) {
            const double y = static_cast<double>(x[i * d + c]);
            f.nan += std::isnan(y);
            f.min = std::min(f.min, y);
            f.max = std::max(f.max, y);
            f.sum += y;
            f.sum_squares += y * y;
            f.nonzeros += y != 0;
            zero_row &= y == 0;
            if (x[i * d + c] != x[c]) constant[c] = false;
          }
          f.zero_rows += zero_row;
        }
      },
      v.values);
  f.constant_columns = std::count(constant.begin(), constant.end(), true);
  f.zeros = 1.0 - static_cast<double>(f.nonzeros) / (static_cast<double>(v.rows) * static_cast<double>(v.cols));
  f.first = v.at(0, 0);
  f.last = v.at(v.rows - 1, v.cols - 1);
  return f;
}

std::string number(double v) { return std::isfinite(v) ? number_text(v) : "null"; }

// Length of the UTF-8 sequence at s[i], 0 if it is none.
size_t utf8_length(const std::string& s, size_t i) {
  const auto at = [&](size_t k) { return static_cast<unsigned char>(k < s.size() ? s[k] : 0); };
  const unsigned c = at(i);
  const size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  for (size_t k = 1; k < n; ++k)
    if ((at(i + k) & 0xc0) != 0x80) return 0;
  if ((c == 0xe0 && at(i + 1) < 0xa0) || (c == 0xed && at(i + 1) > 0x9f) || (c == 0xf0 && at(i + 1) < 0x90) ||
      (c == 0xf4 && at(i + 1) > 0x8f))
    return 0;
  return n;
}

}  // namespace

std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    const size_t n = utf8_length(text, i);
    if (n == 0) {
      out += "\xef\xbf\xbd";
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c < 0x20) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\u%04x", c);
      out += hex;
    } else {
      out.append(text, i, n);
    }
    i += n;
  }
  return out + "\"";
}

Inspection inspect(const MultiView& data) {
  Inspection i;
  i.path = data.path;
  i.format = data.format;
  i.sha256 = data.sha256;
  i.samples = data.samples;
  i.notes = data.notes;
  for (const View& v : data.views) i.views.push_back(facts_of(v));
  if (data.has_labels()) {
    i.has_labels = true;
    i.classes = data.labels.classes();
    i.labels_name = data.labels.name;
    i.label_first = data.labels.values.front();
    i.label_last = data.labels.values.back();
    i.label_counts.assign(static_cast<size_t>(i.classes), 0);
    for (const int32_t l : data.labels.values) ++i.label_counts[static_cast<size_t>(l)];
  }
  return i;
}

std::string to_json(const Inspection& i) {
  std::string s = "{\"path\": " + json_string(i.path) + ", \"format\": " + json_string(i.format) +
                  ", \"samples\": " + std::to_string(i.samples) + ", \"classes\": " + std::to_string(i.classes) +
                  ", \"sha256\": " + json_string(i.sha256) + ", \"views\": [";
  for (size_t v = 0; v < i.views.size(); ++v) {
    const ViewFacts& f = i.views[v];
    s += std::string(v ? ", " : "") + "{\"name\": " + json_string(f.name) + ", \"dim\": " + std::to_string(f.dim) +
         ", \"type\": " + json_string(f.type) + ", \"min\": " + number(f.min) + ", \"max\": " + number(f.max) +
         ", \"zeros\": " + number(f.zeros) + ", \"sum\": " + number(f.sum) +
         ", \"sum_squares\": " + number(f.sum_squares) + ", \"nonzeros\": " + std::to_string(f.nonzeros) +
         ", \"first\": " + number(f.first) + ", \"last\": " + number(f.last) +
         ", \"constant_columns\": " + std::to_string(f.constant_columns) +
         ", \"zero_rows\": " + std::to_string(f.zero_rows) + ", \"nan\": " + std::to_string(f.nan) +
         ", \"transposed\": " + (f.transposed ? "true" : "false") + "}";
  }
  s += "], \"labels\": ";
  if (i.has_labels) {
    s += "{\"name\": " + json_string(i.labels_name) + ", \"first\": " + std::to_string(i.label_first) +
         ", \"last\": " + std::to_string(i.label_last) + ", \"counts\": [";
    for (size_t c = 0; c < i.label_counts.size(); ++c) s += (c ? ", " : "") + std::to_string(i.label_counts[c]);
    s += "]}";
  } else {
    s += "null";
  }
  s += ", \"notes\": [";
  for (size_t n = 0; n < i.notes.size(); ++n) s += (n ? ", " : "") + json_string(i.notes[n]);
  return s + "]}\n";
}

std::string to_text(const Inspection& i) {
  std::vector<std::vector<std::string>> table = {
      {"view", "name", "dims", "type", "min", "max", "zeros", "constant columns", "zero rows", "stored as"}};
  const auto brief = [](double v, const char* format) {
    char text[32];
    std::snprintf(text, sizeof text, format, v);
    return std::string(text);
  };
  for (size_t v = 0; v < i.views.size(); ++v) {
    const ViewFacts& f = i.views[v];
    table.push_back({std::to_string(v), printable(f.name, 40), std::to_string(f.dim), f.type, brief(f.min, "%.4g"),
                     brief(f.max, "%.4g"), brief(100 * f.zeros, "%.1f %%"), std::to_string(f.constant_columns),
                     std::to_string(f.zero_rows), f.transposed ? "features x samples" : "samples x features"});
  }
  std::vector<size_t> width(table[0].size(), 0);
  for (const auto& row : table)
    for (size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  std::string s = printable(i.path, 4096) + ": " + i.format + ", " + std::to_string(i.samples) + " samples, " +
                  std::to_string(i.views.size()) + " views";
  s += i.has_labels ? ", " + std::to_string(i.classes) + " classes\n\n" : ", no labels\n\n";
  for (const auto& row : table) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const bool left = c == 1 || c == 3 || c == 9;  // words left, numbers right
      const std::string pad(width[c] - row[c].size(), ' ');
      line += (c ? "  " : "") + (left ? row[c] + pad : pad + row[c]);
    }
    s += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  if (i.has_labels) {
    const auto [low, high] = std::minmax_element(i.label_counts.begin(), i.label_counts.end());
    s += "\nlabels " + printable(i.labels_name) + ": " + std::to_string(i.classes) + " classes of " +
         (*low == *high ? std::to_string(*low) : std::to_string(*low) + " to " + std::to_string(*high)) + " samples\n";
  }
  s += "\n";
  for (const std::string& n : i.notes) s += "- " + n + "\n";
  return s + "sha256 " + i.sha256 + "\n";
}

}  // namespace parallax

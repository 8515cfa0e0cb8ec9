// Which variable holds the labels, and what its values mean.
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "csv.h"
#include "layout.h"

namespace parallax {

std::string lower(std::string s) {
  for (char& c : s) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return s;
}

namespace {

// in order of preference
const std::vector<std::string>& label_names() {
  static const std::vector<std::string> names = {
      "y",     "gt",      "gnd",    "truth",   "truelabel", "truelabels",   "true_label",
      "label", "labels",  "l",      "y0",      "gnd_truth", "ground_truth", "groundtruth",
      "class", "classes", "target", "targets", "cls",       "class_label"};
  return names;
}

bool integral(double x) { return std::isfinite(x) && x == std::floor(x) && std::abs(x) < 9007199254740992.0; }

// n x C with one 1 per row and zeros else
std::optional<std::vector<double>> one_hot(const std::vector<double>& m, uint64_t rows, uint64_t cols) {
  std::vector<double> labels(rows);
  for (uint64_t r = 0; r < rows; ++r) {
    uint64_t ones = 0;
    for (uint64_t c = 0; c < cols; ++c) {
      const double x = m[r * cols + c];
      if (x == 1) {
        ++ones;
        labels[r] = static_cast<double>(c);
      } else if (x != 0) {
        return {};
      }
    }
    if (ones != 1) return {};
  }
  return labels;
}

std::optional<std::vector<double>> matrix_labels(const std::vector<double>& m, uint64_t rows, uint64_t cols) {
  bool equal_columns = true, equal_rows = true;
  for (uint64_t r = 0; r < rows && (equal_columns || equal_rows); ++r)
    for (uint64_t c = 0; c < cols; ++c) {
      equal_columns &= m[r * cols + c] == m[r * cols];
      equal_rows &= m[r * cols + c] == m[c];
    }
  std::vector<double> v;
  if (equal_columns && rows > cols) {
    for (uint64_t r = 0; r < rows; ++r) v.push_back(m[r * cols]);
    return v;
  }
  if (equal_rows && cols > rows) return std::vector<double>(m.begin(), m.begin() + static_cast<std::ptrdiff_t>(cols));
  if (auto hot = one_hot(m, rows, cols)) return hot;
  std::vector<double> t(m.size());
  for (uint64_t r = 0; r < rows; ++r)
    for (uint64_t c = 0; c < cols; ++c) t[c * rows + r] = m[r * cols + c];
  return one_hot(t, cols, rows);
}

void require_integral(const std::vector<double>& values, const Variable& v, const std::string& file) {
  for (size_t i = 0; i < values.size(); ++i)
    PLX_CHECK(data, integral(values[i]), file, ": label variable ", v.describe(), ": value ", i + 1, " is ",
              number_text(values[i]).empty() ? "NaN" : number_text(values[i]), ", labels must be integral");
}

}  // namespace

bool is_label_name(const std::string& name) {
  const auto& names = label_names();
  return std::find(names.begin(), names.end(), lower(name)) != names.end();
}

std::string numbered_prefix(const std::string& name) {
  size_t end = name.size();
  while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') --end;
  return end == name.size() || name.size() - end > 6 ? "" : name.substr(0, end);
}

bool is_mask_name(const std::string& name) {
  const std::string n = lower(name);
  return n == "ind" || n == "mask" || n == "missing" || n == "missingstatus";
}

std::optional<std::vector<double>> plausible_labels(const Variable& v, Budget& budget) {
  if (!v.is_vector() || v.complex || v.elements() < 4) return {};
  std::vector<double> values = to_doubles(v, budget);
  if (!std::all_of(values.begin(), values.end(), integral)) return {};
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const auto distinct = static_cast<size_t>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
  if (distinct < 2 || distinct > values.size() / 2) return {};
  return values;
}

std::optional<std::vector<double>> label_values(const Variable& v, Budget& budget) {
  if (v.kind == Variable::Kind::cell) {
    std::optional<std::vector<double>> first;
    for (const Variable& m : v.members) {
      if (!m.is_vector() || m.complex) return {};
    }
    for (const Variable& m : v.members) {
      const std::vector<double> values = to_doubles(m, budget);
      if (!first) {
        require_integral(values, m, budget.file());
        first = values;
      }
      PLX_CHECK(data, *first == values, budget.file(), ": the members of label cell ", v.describe(),
                " differ: ", v.members[0].describe(), " and ", m.describe(), " hold different labels");
    }
    return first;
  }
  if (!v.numeric() || v.complex || v.elements() < 2) return {};
  if (v.is_vector()) {
    std::vector<double> values = to_doubles(v, budget);
    require_integral(values, v, budget.file());
    return values;
  }
  if (v.shape.size() != 2) return {};
  auto values = matrix_labels(to_doubles(v, budget), v.rows(), v.cols());
  if (values) require_integral(*values, v, budget.file());
  return values;
}

std::optional<FoundLabels> find_labels(const std::vector<Variable>& variables, const std::string& wanted,
                                       Budget& budget) {
  if (!wanted.empty()) {
    const Variable* hit = nullptr;
    for (const Variable& v : variables)
      if (v.name == wanted || (!hit && lower(v.name) == lower(wanted))) hit = &v;
    std::string list;
    for (const Variable& v : variables) list += (list.empty() ? "" : ", ") + v.describe();
    PLX_CHECK(config, hit, budget.file(), ": no variable '", wanted, "' for the labels; there are ", list);
    auto values = label_values(*hit, budget);
    PLX_CHECK(data, values.has_value(), budget.file(), ": variable ", hit->describe(),
              " cannot be labels: a vector, equal columns or a one-hot matrix is wanted");
    return FoundLabels{hit->name, std::move(*values), hit};
  }
  std::optional<Error> refused;  // reported if no other name qualifies
  for (const std::string& name : label_names())
    for (const Variable& v : variables) {
      if (lower(v.name) != name) continue;
      try {
        if (auto values = label_values(v, budget)) return FoundLabels{v.name, std::move(*values), &v};
      } catch (const Error& e) {
        if (!refused) refused = e;
      }
    }
  if (refused) throw *refused;

  // no known name: the only integral vector with 2 to n/2 distinct values that is as long as a matrix
  std::set<uint64_t> sizes;
  std::set<std::string> families;  // X2 beside the matrices X1 and X3 is a view of one column
  const auto note_sizes = [&](const Variable& m) {
    if (m.is_matrix()) sizes.insert({m.shape.front(), m.shape.back()});
  };
  for (const Variable& m : variables) {
    note_sizes(m);
    if (m.is_matrix()) families.insert(numbered_prefix(m.name));
    if (m.kind == Variable::Kind::cell)
      for (const Variable& c : m.members) note_sizes(c);
  }
  families.erase("");
  std::optional<FoundLabels> only;
  for (const Variable& v : variables) {
    if (!sizes.count(v.elements()) || families.count(numbered_prefix(v.name))) continue;
    std::optional<std::vector<double>> values = plausible_labels(v, budget);
    if (!values) continue;
    if (only) return {};
    only = FoundLabels{v.name, std::move(*values), &v};
  }
  return only;
}

Labels map_labels(const FoundLabels& found, const std::string& file, bool relax_classes) {
  std::vector<double> distinct = found.values;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  const size_t n = found.values.size(), classes = distinct.size();
  if (!relax_classes) {
    PLX_CHECK(data, classes >= 2, file, ": labels ", printable(found.name), " hold ", classes,
              " class; at least 2 are needed");
    PLX_CHECK(data, classes <= n / 2, file, ": labels ", printable(found.name), " hold ", classes, " classes for ", n,
              " samples; at least 2 samples per class are needed");
  }
  Labels labels;
  labels.name = found.name;
  for (const double d : distinct) labels.originals.push_back(std::to_string(static_cast<int64_t>(d)));
  for (const double x : found.values)
    labels.values.push_back(
        static_cast<int32_t>(std::lower_bound(distinct.begin(), distinct.end(), x) - distinct.begin()));
  return labels;
}

}  // namespace parallax

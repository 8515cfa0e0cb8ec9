// Which variables are the views: cells by name, the only cell, a numbered family, all matrices with n samples.
#include "layout.h"

#include <algorithm>
#include <map>

#include "files.h"

namespace parallax {

namespace {

using Kind = Variable::Kind;

std::string list_of(const std::vector<const Variable*>& variables) {
  std::string t;
  for (size_t i = 0; i < variables.size() && i < 12; ++i) t += (i ? ", " : "") + variables[i]->describe();
  if (variables.size() > 12) t += str(" and ", variables.size() - 12, " more");
  return t;
}

bool fits(const Variable& v, uint64_t n) { return !v.shape.empty() && (v.shape.front() == n || v.shape.back() == n); }

// A cell of numeric arrays of which at least one is more than a vector.
bool is_view_cell(const Variable& v, size_t least) {
  if (v.kind != Kind::cell || v.members.size() < least) return false;
  bool matrix = false;
  for (const Variable& m : v.members) {
    if (!m.numeric()) return false;
    matrix |= m.is_matrix();
  }
  return matrix;
}

struct Search {
  const std::vector<Variable>& variables;
  const Budget& budget;
  const FoundLabels* labels;
  size_t least;  // views
  Chosen& out;

  bool is_labels(const Variable& v) const { return labels && labels->variable == &v; }
  void take_cell(const Variable& cell) {
    for (const Variable& m : cell.members) out.views.push_back(&m);
    out.views_text = printable(cell.name) + "{1.." + std::to_string(cell.members.size()) + "}";
  }
  bool named_cell();
  bool only_cell();
  bool family();
  bool all_matrices();
};

bool Search::named_cell() {
  for (const std::string& name : view_names()) {
    std::vector<const Variable*> hits;
    for (const Variable& v : variables)
      if (lower(v.name) == name && is_view_cell(v, least) && !is_labels(v)) hits.push_back(&v);
    PLX_CHECK(data, hits.size() < 2, budget.file(), ": several candidates for the views: ", list_of(hits));
    if (hits.size() == 1) {
      take_cell(*hits[0]);
      return true;
    }
  }
  return false;
}

bool Search::only_cell() {
  if (!labels) return false;
  std::vector<const Variable*> hits, fitting;
  for (const Variable& v : variables) {
    if (!is_view_cell(v, least) || is_labels(v)) continue;
    hits.push_back(&v);
    if (std::all_of(v.members.begin(), v.members.end(),
                    [&](const Variable& m) { return fits(m, labels->values.size()); }))
      fitting.push_back(&v);
  }
  if (hits.size() > 1 && fitting.size() == 1) hits = fitting;
  PLX_CHECK(data, hits.size() < 2, budget.file(), ": several cells could be the views: ", list_of(hits));
  if (hits.empty()) return false;
  take_cell(*hits[0]);
  return true;
}

bool Search::family() {
  struct Family {
    std::string prefix, key;
    std::map<uint64_t, const Variable*> members;
    bool sound = true;
  };
  std::vector<Family> families;
  std::map<std::string, size_t> by_prefix;
  for (const Variable& v : variables) {
    if (!v.numeric() || v.elements() < 1 || is_labels(v)) continue;
    const std::string prefix = numbered_prefix(v.name);
    if (prefix.empty()) continue;
    const auto [place, fresh] = by_prefix.emplace(prefix, families.size());
    if (fresh) {
      std::string key = lower(prefix);
      while (!key.empty() && (key.back() == '_' || key.back() == '-')) key.pop_back();
      families.push_back(Family{prefix, key, {}, true});
    }
    Family& family = families[place->second];
    family.sound &= family.members.emplace(std::stoull(v.name.substr(prefix.size())), &v).second;
  }
  std::erase_if(families, [&](const Family& f) {
    const uint64_t first = f.members.begin()->first, last = f.members.rbegin()->first;
    const bool matrix =
        std::any_of(f.members.begin(), f.members.end(), [](const auto& m) { return m.second->is_matrix(); });
    const bool rows = out.rows_are_samples;  // then a view may be one column wide
    return !f.sound || f.members.size() < least || first > 1 || last - first + 1 != f.members.size() ||
           !(matrix || rows);
  });
  const auto with_key = [&](const char* key) {
    std::vector<const Family*> hits;
    for (const Family& f : families)
      if (f.key == key) hits.push_back(&f);
    return hits;
  };
  const auto describe = [](const Family& f) {
    return printable(f.members.begin()->second->name) + ".." + printable(f.members.rbegin()->second->name);
  };
  std::vector<const Family*> hits;
  for (const char* key : {"x", "v", "view", "data", "fea"}) {
    hits = with_key(key);
    if (!hits.empty()) break;
  }
  if (hits.empty())
    for (const Family& f : families) hits.push_back(&f);
  if (hits.size() > 1 && labels) {
    std::vector<const Family*> fitting;
    for (const Family* f : hits)
      if (std::all_of(f->members.begin(), f->members.end(),
                      [&](const auto& m) { return fits(*m.second, labels->values.size()); }))
        fitting.push_back(f);
    if (fitting.size() == 1) hits = fitting;
  }
  std::string list;
  for (const Family* f : hits)
    if (list.size() < 400) list += (list.empty() ? "" : ", ") + describe(*f);
  PLX_CHECK(data, hits.size() < 2, budget.file(), ": several families could be the views: ", list);
  if (hits.empty()) return false;
  for (const auto& [number, v] : hits[0]->members) out.views.push_back(v);
  out.views_text = describe(*hits[0]);
  return true;
}

bool Search::all_matrices() {
  if (!labels) return false;
  for (const Variable& v : variables)
    if (v.is_matrix() && fits(v, labels->values.size()) && !is_labels(v) && !is_mask_name(v.name))
      out.views.push_back(&v);
  if (out.views.size() < least) {
    out.views.clear();
    return false;
  }
  for (const Variable* v : out.views) out.views_text += (out.views_text.empty() ? "" : ", ") + printable(v->name);
  out.warnings.push_back("warning: no variable name says which are the views; took all matrices with a dimension of " +
                         std::to_string(labels->values.size()) + ": " + list_of(out.views));
  return true;
}

}  // namespace

std::vector<Variable> unwrap(std::vector<Variable> variables) {
  for (int depth = 0; depth < 16; ++depth) {
    const Variable* only = nullptr;
    size_t count = 0;
    for (const Variable& v : variables)
      if (v.kind == Kind::numeric || v.kind == Kind::cell || v.kind == Kind::structure) {
        only = &v;
        ++count;
      }
    if (count != 1 || only->kind != Kind::structure || only->members.empty()) break;
    std::vector<Variable> fields = only->members;
    variables = std::move(fields);
  }
  return variables;
}

std::vector<Variable> join_train_test(std::vector<Variable> variables, Budget& budget,
                                      std::vector<std::string>& notes) {
  struct Parts {
    const Variable *train = nullptr, *val = nullptr, *test = nullptr;
  };
  std::map<std::string, Parts> bases;
  const auto split = [](const std::string& name, std::string& base, std::string& part) {
    const size_t bar = name.find_last_of('_');
    if (bar == std::string::npos || bar == 0) return false;
    base = name.substr(0, bar);
    part = lower(name.substr(bar + 1));
    return part == "train" || part == "val" || part == "test";
  };
  std::string base, part;
  for (const Variable& v : variables) {
    if (!v.numeric() || v.elements() == 0 || !split(v.name, base, part)) continue;
    Parts& p = bases[base];
    (part == "train" ? p.train : part == "val" ? p.val : p.test) = &v;
  }
  // three, because one pair such as rand_num_train/rand_num_test is an index table and no data
  std::erase_if(bases, [](const auto& b) { return !b.second.train || !b.second.test; });
  if (bases.size() < 3) return variables;
  std::vector<Variable> joined;
  for (const Variable& v : variables) {
    if (!split(v.name, base, part) || !bases.count(base) || !v.numeric()) {
      joined.push_back(v);
      continue;
    }
    const Parts& p = bases[base];
    if (&v != p.train) continue;
    std::vector<const Variable*> list = {p.train};
    if (p.val) list.push_back(p.val);
    list.push_back(p.test);
    joined.push_back(join_rows(base, list, budget));
  }
  std::string names;
  for (const auto& b : bases) names += (names.empty() ? "" : ", ") + printable(b.first);
  notes.push_back("joined the train and test parts of " + names);
  return joined;
}

const std::vector<std::string>& view_names() {
  static const std::vector<std::string> names{"x",        "data", "fea",   "feas", "feat",   "feature",
                                              "features", "view", "views", "mv",   "dataset"};
  return names;
}

bool is_view_name(const std::string& name) {
  const auto& names = view_names();
  return std::find(names.begin(), names.end(), lower(name)) != names.end();
}

Chosen choose(const std::vector<Variable>& variables, const LoadOptions& options, Budget& budget,
              bool rows_are_samples) {
  Chosen chosen;
  chosen.rows_are_samples = rows_are_samples;
  chosen.labels = find_labels(variables, options.labels, budget);
  const FoundLabels* labels = chosen.labels ? &*chosen.labels : nullptr;
  for (const Variable& v : variables)
    if (is_mask_name(v.name) && v.is_matrix() && !v.complex && v.shape.size() == 2) chosen.masks.push_back(&v);
  const bool one_is_enough = options.allow_one_view || options.views.size() == 1;
  for (size_t least = 2; least >= (one_is_enough ? 1u : 2u); --least) {
    Search s{variables, budget, labels, least, chosen};
    if (s.named_cell() || s.only_cell() || s.family() || s.all_matrices()) return chosen;
  }
  std::vector<const Variable*> all, matrices;
  for (const Variable& v : variables) {
    all.push_back(&v);
    if (v.is_matrix() && !(labels && labels->variable == &v) && !is_mask_name(v.name)) matrices.push_back(&v);
    if (is_view_cell(v, 1))
      for (const Variable& m : v.members) matrices.push_back(&m);
  }
  PLX_CHECK(data, !all.empty(), budget.file(), ": the file holds no variables");
  if (one_is_enough && matrices.size() == 1 && !matrices[0]->complex) {
    chosen.views = matrices;
    chosen.views_text = printable(matrices[0]->name);
    return chosen;
  }
  if (labels && matrices.empty())
    PLX_FAIL(data, budget.file(), ": labels ", labels->variable->describe(), " without any view");
  if (matrices.size() == 1)
    PLX_FAIL(data, budget.file(), ": one view only, ", matrices[0]->describe(),
             "; multi-view data need at least two (--views 0 makes a one-view run)");
  PLX_FAIL(data, budget.file(), ": no views found", labels ? "" : " and no labels", "; the variables are ",
           list_of(all));
}

}  // namespace parallax

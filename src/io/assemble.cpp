// From chosen variables to a data set: which dimension is the sample, conversion, and the refusals that need values.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "layout.h"
#include "sha256.h"

namespace parallax {

namespace {

struct Orientation {
  uint64_t n = 0;
  std::vector<bool> transposed;
};

uint64_t first_size(const Variable& v) { return v.shape.empty() ? 1 : v.shape.front(); }
uint64_t last_size(const Variable& v) { return v.shape.size() < 2 ? 1 : v.shape.back(); }

std::string sizes_text(const std::vector<const Variable*>& views) {
  std::string t;
  for (const Variable* v : views) t += (t.empty() ? "" : ", ") + v->describe();
  return t;
}

// n of a file without labels: the one size that all views share
uint64_t common_size(const std::vector<const Variable*>& views, const Chosen& chosen, const LoadOptions& options,
                     const std::string& file) {
  std::set<uint64_t> common = {first_size(*views[0]), last_size(*views[0])};
  bool same_rows = true;
  for (const Variable* v : views) {
    std::erase_if(common, [&](uint64_t s) { return s != first_size(*v) && s != last_size(*v); });
    same_rows &= first_size(*v) == first_size(*views[0]);
  }
  if (chosen.rows_are_samples && same_rows) return first_size(*views[0]);
  PLX_CHECK(data, !common.empty(), file, ": the sample counts of the views differ: ", sizes_text(views));
  if (common.size() > 1 && options.expected_dims.size() == views.size()) {
    std::set<uint64_t> fitting;
    for (const uint64_t n : common) {
      bool all = true;
      for (size_t i = 0; i < views.size(); ++i)
        all &= views[i]->elements() == n * static_cast<uint64_t>(options.expected_dims[i]);
      if (all) fitting.insert(n);
    }
    if (fitting.size() == 1) common = fitting;
  }
  // with one view "common to all" says nothing; a single matrix is read as it is stored
  if (common.size() > 1 && views.size() == 1) return first_size(*views[0]);
  PLX_CHECK(data, common.size() == 1, file,
            ": ambiguous orientation: without labels samples could be rows or columns of ", sizes_text(views),
            "; add labels or name the views that are stored as features x samples (--transpose)");
  return *common.begin();
}

Orientation orient(const std::vector<const Variable*>& views, const std::vector<bool>& forced, const Chosen& chosen,
                   const LoadOptions& options, const std::string& file) {
  Orientation o;
  o.transposed.assign(views.size(), false);
  const auto first_forced = std::find(forced.begin(), forced.end(), true);
  if (chosen.labels)
    o.n = chosen.labels->values.size();
  else if (first_forced != forced.end())
    o.n = last_size(*views[static_cast<size_t>(first_forced - forced.begin())]);
  else
    o.n = common_size(views, chosen, options, file);

  const std::string count = chosen.labels ? str("the ", o.n, " labels ", printable(chosen.labels->name))
                                          : str("the ", o.n, " samples of the other views");
  int as_stored = 0, turned = 0;
  std::vector<size_t> square;
  for (size_t i = 0; i < views.size(); ++i) {
    const Variable& v = *views[i];
    const bool rows = first_size(v) == o.n, cols = last_size(v) == o.n;
    if (forced[i]) {
      PLX_CHECK(data, cols, file, ": view ", v.describe(), ", read as features x samples, does not fit ", count);
      o.transposed[i] = true;
    } else if (rows && cols) {
      square.push_back(i);
    } else {
      PLX_CHECK(data, rows || cols, file, ": view ", v.describe(), " has neither rows nor columns equal to ", count);
      o.transposed[i] = cols;
      ++(cols ? turned : as_stored);
    }
  }
  for (const size_t i : square) o.transposed[i] = !chosen.rows_are_samples && turned > as_stored;
  return o;
}

void refuse_non_finite(const MultiView& data, const std::string& file) {
  std::string list;
  for (const View& v : data.views) {
    int64_t bad = 0;
    std::visit(
        [&](const auto& x) {
          for (int64_t r = 0; r < v.rows; ++r) {
            const auto* row = x.data() + r * v.cols;
            bad += std::any_of(row, row + v.cols, [](auto y) { return !std::isfinite(y); });
          }
        },
        v.values);
    if (bad) list += str(list.empty() ? "" : ", ", "view ", printable(v.name), ": ", bad, " of ", v.rows, " samples");
  }
  PLX_CHECK(data, list.empty(), file, ": incomplete multi-view data: NaN or infinite values (", list, ")");
}

// A 0/1 matrix whose zeros mark missing samples. If the marked ones do hold data its meaning is unknown.
// `picked`: which of the file's `views` were loaded.
void look_at_mask(const Variable& mask, const MultiView& data, uint64_t views, const std::vector<int>& picked,
                  Budget& budget, std::vector<std::string>& notes) {
  const uint64_t n = static_cast<uint64_t>(data.samples);
  const bool as_stored = mask.rows() == n && mask.cols() == views, turned = mask.rows() == views && mask.cols() == n;
  if (!as_stored && !turned) return;
  const std::vector<double> m = to_doubles(mask, budget);
  if (!std::all_of(m.begin(), m.end(), [](double x) { return x == 0 || x == 1; })) return;
  bool any = false, all_empty = true;
  std::string list;
  for (size_t k = 0; k < picked.size(); ++k) {
    uint64_t marked = 0;
    const uint64_t v = static_cast<uint64_t>(picked[k]);
    const View& view = data.views[k];
    for (uint64_t i = 0; i < n; ++i) {
      if ((as_stored ? m[i * views + v] : m[v * n + i]) != 0) continue;
      ++marked;
      for (int64_t c = 0; c < view.cols && all_empty; ++c) all_empty = view.at(static_cast<int64_t>(i), c) == 0;
    }
    any |= marked > 0;
    list += str(k ? ", " : "", "view ", printable(view.name), ": ", marked, " of ", n, " samples");
  }
  if (!any) return;
  PLX_CHECK(data, !all_empty, budget.file(), ": incomplete multi-view data: mask ", mask.describe(),
            " marks missing samples, which are all zero (", list, ")");
  notes.push_back("warning: " + mask.describe() +
                  " looks like a mask of missing samples, but marked samples hold data; it is ignored");
}

std::string orientation_text(const MultiView& data) {
  std::string turned, stored;
  for (const View& v : data.views)
    (v.transposed ? turned : stored) += ((v.transposed ? turned : stored).empty() ? "" : ", ") + printable(v.name);
  if (turned.empty()) return "rows are samples";
  if (stored.empty()) return "columns are samples";
  return "rows are samples of " + stored + ", columns of " + turned;
}

}  // namespace

void assemble(const Chosen& chosen, const LoadOptions& options, Budget& budget, MultiView& out) {
  const std::string& file = budget.file();
  PLX_CHECK(data, chosen.views.size() <= 1000, file, ": ", chosen.views.size(), " views; up to 1000 are read");
  const int total = static_cast<int>(chosen.views.size());
  std::vector<int> picked = options.views;
  if (picked.empty())
    for (int i = 0; i < total; ++i) picked.push_back(i);
  const auto in_range = [&](int i, const char* option) {
    PLX_CHECK(config, i >= 0 && i < total, file, ": ", option, " names view ", i, "; there are ", total,
              " views, 0 to ", total - 1);
  };
  std::vector<const Variable*> views;
  std::vector<bool> forced;
  for (const int i : options.transpose) in_range(i, "--transpose");
  for (const int i : picked) {
    in_range(i, "--views");
    PLX_CHECK(config, std::count(picked.begin(), picked.end(), i) == 1, file, ": --views names view ", i, " twice");
    views.push_back(chosen.views[static_cast<size_t>(i)]);
    forced.push_back(std::count(options.transpose.begin(), options.transpose.end(), i) > 0);
  }
  for (const Variable* v : views) {
    PLX_CHECK(data, !v->complex, file, ": view ", v->describe(), " is complex; views must be real");
    PLX_CHECK(data, v->elements() > 0 && !v->shape.empty(), file, ": view ", v->describe(), " is empty");
  }
  const Orientation o = orient(views, forced, chosen, options, file);
  out.samples = static_cast<int64_t>(o.n);
  if (chosen.labels) out.labels = map_labels(*chosen.labels, file, options.relax_classes);
  for (size_t i = 0; i < views.size(); ++i) {
    View view = to_view(*views[i], o.transposed[i], budget);
    if (!views[i]->title.empty()) view.name = views[i]->title;
    out.views.push_back(std::move(view));
  }
  refuse_non_finite(out, file);

  std::string text = chosen.views_text;
  if (!options.views.empty()) {
    text += " of which ";
    for (size_t i = 0; i < out.views.size(); ++i) text += (i ? ", " : "") + printable(out.views[i].name);
  }
  out.notes.insert(out.notes.begin(),
                   "views " + text + ", " +
                       (chosen.labels ? "labels " + printable(chosen.labels->name) : std::string("no labels")) + ", " +
                       orientation_text(out));
  std::string dims;
  for (const View& v : out.views) dims += (dims.empty() ? "" : " / ") + std::to_string(v.cols);
  out.notes.insert(out.notes.begin() + 1, str(out.samples, " samples, dims ", dims,
                                              chosen.labels ? str(", ", out.labels.classes(), " classes") : ""));
  for (const std::string& w : chosen.warnings) out.notes.push_back(w);
  for (const Variable* m : chosen.masks) look_at_mask(*m, out, static_cast<uint64_t>(total), picked, budget, out.notes);
  std::map<std::string, size_t> seen;  // by digest: views are compared once each, not pair by pair
  for (size_t b = 0; b < out.views.size(); ++b) {
    const std::string digest =
        std::visit([](const auto& x) { return sha256_hex(std::as_bytes(std::span(x))); }, out.views[b].values);
    const auto [first, fresh] = seen.emplace(std::to_string(out.views[b].cols) + " " + digest, b);
    if (!fresh)
      out.notes.push_back("warning: views " + printable(out.views[first->second].name) + " and " +
                          printable(out.views[b].name) + " are identical");
  }
}

}  // namespace parallax

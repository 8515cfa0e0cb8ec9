#include "corrupt.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "../tensor/draw.h"
#include "../tensor/random.h"
#include "visitor.h"

namespace parallax {

namespace {
// A stream of numbers of its own: draw i of purpose `tag`.
class Stream {
 public:
  Stream(uint64_t seed, const char* purpose) : seed_(seed), tag_(tag_of(std::string("corrupt.") + purpose)) {}
  uint64_t bits() {
    const U4 r = philox(U4{{static_cast<uint32_t>(n_), static_cast<uint32_t>(n_ >> 32), 0, tag_}},
                        static_cast<uint32_t>(seed_), static_cast<uint32_t>(seed_ >> 32));
    ++n_;
    return static_cast<uint64_t>(r.v[0]) << 32 | r.v[1];
  }
  int64_t below(int64_t n) {
    return static_cast<int64_t>((static_cast<unsigned __int128>(bits()) * static_cast<uint64_t>(n)) >> 64);
  }
  double normal() {
    const uint64_t b = bits();
    return exact::normal(static_cast<uint32_t>(b >> 32), static_cast<uint32_t>(b), false);
  }
  // k distinct numbers below n, in the order they came
  std::vector<int64_t> distinct(int64_t k, int64_t n) {
    std::vector<int64_t> all(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) all[static_cast<size_t>(i)] = i;
    for (int64_t i = 0; i < k; ++i) std::swap(all[static_cast<size_t>(i)], all[static_cast<size_t>(i + below(n - i))]);
    all.resize(static_cast<size_t>(k));
    return all;
  }

 private:
  uint64_t seed_, n_ = 0;
  uint32_t tag_;
};

int64_t count_of(double ratio, int64_t n) { return static_cast<int64_t>(ratio * static_cast<double>(n)); }

Mask mask_of(const std::string& name, int64_t n, size_t views) {
  Mask m;
  m.name = name;
  m.rows = static_cast<uint64_t>(n);
  m.cols = views;
  m.values.assign(static_cast<size_t>(n) * views, 0);
  return m;
}
void mark(Mask& m, const CorruptDraws::Kind& k) {
  for (size_t i = 0; i < k.selected.size(); ++i)
    for (const int64_t v : k.views[i])
      m.values[static_cast<size_t>(k.selected[i]) * m.cols + static_cast<size_t>(v)] = 1;
}
std::vector<int64_t> first_of_class(const std::vector<int32_t>& labels, int classes) {
  std::vector<int64_t> first(static_cast<size_t>(classes), -1);
  for (size_t i = labels.size(); i-- > 0;) first[static_cast<size_t>(labels[i])] = static_cast<int64_t>(i);
  return first;
}
void copy_row(std::vector<double>& to, const std::vector<double>& from, int64_t row, int64_t source, int64_t d) {
  if (row == source && &to == &from) return;
  std::copy_n(from.begin() + source * d, d, to.begin() + row * d);
}
}  // namespace

CorruptSpec parse_corrupt(const std::string& text) {
  CorruptSpec s;
  const std::vector<std::string> known{"noise", "conflict", "missing", "sparsity", "misalign", "sigma", "rule", "seed"};
  std::string problems;
  const auto problem = [&](const std::string& p) { problems += (problems.empty() ? "" : "; ") + p; };
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, end - at);
    at = end + 1;
    const size_t eq = part.find('=');
    const std::string key = part.substr(0, eq), value = eq == std::string::npos ? "" : part.substr(eq + 1);
    if (key == "rule") {
      if (value != "default" && value != "reference") problem("rule must be default or reference, not '" + value + "'");
      s.reference = value == "reference";
      continue;
    }
    double x = 0;
    const auto r = std::from_chars(value.data(), value.data() + value.size(), x);
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const std::string near = nearest(key, known);
      problem("no corruption '" + key + "'" + (near.empty() ? "" : ", did you mean '" + near + "'?"));
    } else if (r.ec != std::errc() || r.ptr != value.data() + value.size() || !std::isfinite(x)) {
      problem(key + " needs a number, not '" + value + "'");
    } else if (key == "seed") {
      if (x < 0 || x != std::floor(x)) problem("seed must be a whole number");
      s.seed = static_cast<uint64_t>(x);
    } else if (key == "sigma") {
      if (x < 0) problem("sigma must not be negative");
      s.sigma = x;
    } else {
      if (!(x >= 0 && x <= 1) && !(key == "sparsity" && x == -1)) problem(key + " must be a ratio in 0 .. 1");
      (key == "noise"      ? s.noise
       : key == "conflict" ? s.conflict
       : key == "missing"  ? s.missing
       : key == "sparsity" ? s.sparsity
                           : s.misalign) = x;
    }
  }
  PLX_CHECK(config, problems.empty(), "--corrupt: ", problems);
  return s;
}

std::string to_text(const CorruptSpec& s) {
  return str("noise=", s.noise, ",conflict=", s.conflict, ",missing=", s.missing, ",sparsity=", s.sparsity,
             ",misalign=", s.misalign, ",sigma=", s.sigma, ",rule=", s.reference ? "reference" : "default",
             ",seed=", s.seed);
}

CorruptDraws sample_corruption(const CorruptSpec& s, int64_t n, const std::vector<int64_t>& dims) {
  CorruptDraws d;
  const auto V = static_cast<int64_t>(dims.size());
  // Published: up to V views of a sample, so it can lose all of them. Recommended: at least one view stays.
  const int64_t most = s.reference ? V : std::max<int64_t>(1, V - 1);
  const auto pick = [&](double ratio, const char* name, bool one_view) {
    CorruptDraws::Kind k;
    Stream rows(s.seed, name), views(s.seed, (std::string(name) + ".views").c_str());
    k.selected = rows.distinct(count_of(ratio, n), n);
    for (size_t i = 0; i < k.selected.size(); ++i)
      k.views.push_back(views.distinct(one_view ? 1 : 1 + views.below(most), V));
    return k;
  };
  if (s.noise > 0) {
    d.noise = pick(s.noise, "noise", false);
    Stream normal(s.seed, "noise.normal");
    for (size_t i = 0; i < d.noise.selected.size(); ++i)
      for (const int64_t v : d.noise.views[i])
        for (int64_t j = 0; j < dims[static_cast<size_t>(v)]; ++j) d.normal.push_back(normal.normal());
  }
  if (s.conflict > 0) d.conflict = pick(s.conflict, "conflict", true);
  if (s.missing > 0) d.missing = pick(s.missing, "missing", false);
  return d;
}

void apply_noise(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims, const CorruptDraws& d,
                 double sigma) {
  size_t at = 0;
  for (size_t i = 0; i < d.noise.selected.size(); ++i)
    for (const int64_t v : d.noise.views[i]) {
      double* row = views[static_cast<size_t>(v)].data() + d.noise.selected[i] * dims[static_cast<size_t>(v)];
      for (int64_t j = 0; j < dims[static_cast<size_t>(v)]; ++j) row[j] = row[j] + sigma * d.normal.at(at++);
    }
}

void apply_missing(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims,
                   const CorruptDraws::Kind& d) {
  for (size_t i = 0; i < d.selected.size(); ++i)
    for (const int64_t v : d.views[i])
      std::fill_n(views[static_cast<size_t>(v)].begin() + d.selected[i] * dims[static_cast<size_t>(v)],
                  dims[static_cast<size_t>(v)], 0.0);
}

void apply_conflict_reference(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims,
                              const CorruptDraws::Kind& d, const std::vector<int32_t>& labels, int classes) {
  const std::vector<int64_t> first = first_of_class(labels, classes);
  for (size_t i = 0; i < d.selected.size(); ++i) {
    const auto v = static_cast<size_t>(d.views[i].at(0));
    const int64_t source = first[static_cast<size_t>((labels[static_cast<size_t>(d.selected[i])] + 1) % classes)];
    PLX_CHECK(data, source >= 0, "conflict: a class has no sample");
    copy_row(views[v], views[v], d.selected[i], source,
             dims[v]);  // the live row: one overwritten earlier is copied onward
  }
}

namespace {
void conflict_default(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims,
                      const CorruptDraws::Kind& d, const std::vector<int32_t>& labels, uint64_t seed) {
  const std::vector<std::vector<double>> clean = views;
  Stream pick(seed, "conflict.source");
  for (size_t i = 0; i < d.selected.size(); ++i) {
    const auto v = static_cast<size_t>(d.views[i].at(0));
    std::vector<int64_t> others;
    for (size_t j = 0; j < labels.size(); ++j)
      if (labels[j] != labels[static_cast<size_t>(d.selected[i])]) others.push_back(static_cast<int64_t>(j));
    copy_row(views[v], clean[v], d.selected[i],
             others[static_cast<size_t>(pick.below(static_cast<int64_t>(others.size())))], dims[v]);
  }
}

// Brings every view to a zero fraction of `ratio`: the missing zeros are shared out evenly over the samples.
void make_sparse(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims, int64_t n,
                 const CorruptSpec& s, Mask& m) {
  for (size_t v = 0; v < views.size(); ++v) {
    const double ratio = s.sparsity < 0 ? std::min(1.0, 0.1 * static_cast<double>(v + 1)) : s.sparsity;
    const int64_t d = dims[v], target = static_cast<int64_t>(ratio * static_cast<double>(d)) * n;
    int64_t zeros = 0;
    for (const double x : views[v]) zeros += x == 0;
    const int64_t missing = target - zeros;
    if (missing <= 0) continue;
    Stream pick(s.seed, str("sparsity.", v).c_str());
    const std::vector<int64_t> order = pick.distinct(n, n);
    for (int64_t k = 0; k < n; ++k) {
      const int64_t i = order[static_cast<size_t>(k)], want = missing / n + (k < missing % n ? 1 : 0);
      double* row = views[v].data() + i * d;
      std::vector<int64_t> full;
      for (int64_t j = 0; j < d; ++j)
        if (row[j] != 0) full.push_back(j);
      PLX_CHECK(config, static_cast<int64_t>(full.size()) >= want, "sparsity=", ratio, ": sample ", i, " of view ", v,
                " has only ", full.size(), " non-zero entries, ", want, " would have to be zeroed");
      for (const int64_t q : pick.distinct(want, static_cast<int64_t>(full.size())))
        row[full[static_cast<size_t>(q)]] = 0;
      if (want) m.values[static_cast<size_t>(i) * m.cols + v] = 1;
    }
  }
}

// In every view but the first, the rows of the chosen samples change places in a circle.
void misalign(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims, int64_t n,
              const CorruptSpec& s, Mask& m) {
  for (size_t v = 1; v < views.size(); ++v) {
    Stream pick(s.seed, str("misalign.", v).c_str());
    const std::vector<int64_t> who = pick.distinct(count_of(s.misalign, n), n);
    const std::vector<double> old = views[v];
    for (size_t i = 0; i < who.size() && who.size() > 1; ++i) {
      copy_row(views[v], old, who[i], who[(i + 1) % who.size()], dims[v]);
      m.values[static_cast<size_t>(who[i]) * m.cols + v] = 1;
    }
  }
}
}  // namespace

CorruptMasks corrupt(std::vector<std::vector<double>>& views, const std::vector<int64_t>& dims, int64_t n,
                     const std::vector<int32_t>& labels, int classes, const CorruptSpec& s) {
  CorruptMasks masks;
  const CorruptDraws d = sample_corruption(s, n, dims);
  PLX_CHECK(config, s.conflict == 0 || !labels.empty(),
            "--corrupt conflict=... simulates wrong pairings from the true classes, and this data has no labels");
  PLX_CHECK(config, s.conflict == 0 || classes > 1, "--corrupt conflict=... needs at least two classes");
  const std::vector<std::string> order =
      s.order.empty() ? std::vector<std::string>{"noise", "conflict", "missing"} : s.order;
  for (const std::string& kind : order) {
    const CorruptDraws::Kind& k = kind == "noise" ? d.noise : kind == "conflict" ? d.conflict : d.missing;
    if (k.selected.empty()) continue;
    masks.list.push_back(mask_of(kind, n, dims.size()));
    mark(masks.list.back(), k);
    if (kind == "noise")
      apply_noise(views, dims, d, s.sigma);
    else if (kind == "missing")
      apply_missing(views, dims, k);
    else if (s.reference)
      apply_conflict_reference(views, dims, k, labels, classes);
    else
      conflict_default(views, dims, k, labels, s.seed);
  }
  if (s.sparsity != 0) {
    masks.list.push_back(mask_of("sparsity", n, dims.size()));
    make_sparse(views, dims, n, s, masks.list.back());
  }
  if (s.misalign > 0) {
    masks.list.push_back(mask_of("misalign", n, dims.size()));
    misalign(views, dims, n, s, masks.list.back());
  }
  return masks;
}

}  // namespace parallax

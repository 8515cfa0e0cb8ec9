// Reference files about data and partitions: scaling, corruption, k-means, scores, silhouette.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include <parallax/cluster/kmeans.h>
#include <parallax/cluster/label_free.h>
#include <parallax/cluster/metrics.h>
#include <parallax/io/scale.h>
#include <parallax/mvc/corrupt.h>

#include "golden.h"

namespace parallax::golden {

namespace {
// numbered from 0 in the order of their values: any integers may be labels
std::vector<int32_t> labels_of(const H5Node& n) {
  const std::vector<int64_t> v = n.as_i64(n.path);
  std::map<int64_t, int32_t> number;
  for (const int64_t x : v) number[x] = 0;
  int32_t next = 0;
  for (auto& [x, i] : number) i = next++;
  std::vector<int32_t> labels;
  for (const int64_t x : v) labels.push_back(number[x]);
  return labels;
}
Tensor matrix(Context& ctx, DType type, const H5Node& n) {
  Tensor t = Tensor::persistent(ctx, type, {static_cast<int64_t>(n.shape.at(0)), static_cast<int64_t>(n.shape.at(1))});
  t.assign(n.as_f64(n.path));
  return t;
}
// |a - b| <= t max(1, max |b|); with t = 0: equal bits
void compare(Report& r, const std::string& what, const std::vector<double>& a, const std::vector<double>& b, double t) {
  Line l;
  l.quantity = what;
  if (a.size() != b.size()) return r.fail(what, str(a.size(), " values, ", b.size(), " are expected"));
  double top = 1;
  for (const double x : b) top = std::max(top, std::fabs(x));
  l.allowed = t * top;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::fabs(a[i] - b[i]);
    if (!(d <= l.allowed)) l.note = str("value ", i, ": ", a[i], ", ", b[i], " is expected");
    l.absolute = std::max(l.absolute, d);
  }
  l.relative = l.absolute / top;
  l.excess = l.allowed > 0 ? l.absolute / l.allowed : 0;
  r.lines.push_back(l);
}
double tolerance(const H5Tree& t, DType type) {
  return t.root().real(type == DType::f32 ? "tolerance_rel_f32" : "tolerance_rel");
}

// every data set below `group` must have been asked for
void check_names(const H5Tree& tree, const std::string& group, const std::vector<std::string>& served, Report& r) {
  for (const H5Node* n : tree.children(group))
    if (!n->is_group() && std::find(served.begin(), served.end(), n->name()) == served.end())
      r.fail(n->path, "was not compared");
}

// all of the scores, and no others
void compare_all(const H5Tree& tree, const std::string& group, const std::string& prefix,
                 const std::map<std::string, double>& ours, double t, Report& r) {
  for (const auto& [name, score] : ours) compare(r, prefix + name, {score}, tree.at(group + "/" + name).as_f64(), t);
  for (const H5Node* n : tree.children(group))
    if (!ours.count(n->name())) r.fail(n->path, "no such score");
}

void check_metrics(const H5Tree& tree, Report& r) {
  const double t = tolerance(tree, DType::f64);
  for (const H5Node* pair : tree.children("/pair")) {
    const std::vector<int64_t> truth = tree.at(pair->path + "/truth").as_i64(),
                               predicted = tree.at(pair->path + "/predicted").as_i64();
    const Scores s = score(truth, predicted);
    const std::map<std::string, double> ours{{"acc", s.acc},
                                             {"nmi_arithmetic", s.nmi},
                                             {"nmi_geometric", s.nmi_geometric},
                                             {"ari", s.ari},
                                             {"purity", s.purity},
                                             {"precision", s.precision},
                                             {"recall", s.recall},
                                             {"f", s.f}};
    compare_all(tree, pair->path + "/expect", pair->name() + " ", ours, t, r);
    if (!tree.find(pair->path + "/expect_gmae_coded")) continue;
    const GmaeCodedScores g = score_gmae_coded(truth, predicted);
    compare_all(tree, pair->path + "/expect_gmae_coded", pair->name() + " coded ",
                {{"acc", g.acc},
                 {"nmi", g.nmi},
                 {"purity", g.purity},
                 {"ari", g.ari},
                 {"f", g.f},
                 {"precision", g.precision},
                 {"recall", g.recall}},
                t, r);
  }
}

void check_kmeans(const H5Tree& tree, DType type, const Context::Options& where, Report& r) {
  Context ctx(where);
  KMeansOptions o;
  const H5Node& start = tree.at("/batch/centres");
  o.k = static_cast<int64_t>(start.shape.at(0));
  o.start = start.as_f64();
  o.max_iter = 100000;
  o.tol = 0;
  const KMeansResult k = kmeans(ctx, matrix(ctx, type, tree.at("/batch/x0")), o);
  const double t = tolerance(tree, type);
  std::vector<double> ours(k.labels.begin(), k.labels.end());
  const std::vector<int64_t> expected = tree.at("/expect/labels").as_i64();
  compare(r, "labels", ours, {expected.begin(), expected.end()}, 0);
  compare(r, "centres", k.centres, tree.at("/expect/centres").as_f64(), t);
  compare(r, "inertia", {k.inertia}, tree.at("/expect/inertia").as_f64(), t);
  check_names(tree, "/expect", {"labels", "centres", "inertia", "assignments"}, r);
}

void check_silhouette(const H5Tree& tree, DType type, const Context::Options& where, Report& r) {
  Context ctx(where);
  const Silhouette s = silhouette(ctx, matrix(ctx, type, tree.at("/batch/x0")), labels_of(tree.at("/batch/labels")));
  compare(r, "samples", s.samples, tree.at("/expect/samples").as_f64(), tolerance(tree, type));
  compare(r, "mean", {s.mean}, tree.at("/expect/mean").as_f64(), tolerance(tree, type));
  check_names(tree, "/expect", {"samples", "mean"}, r);
}

void check_scale(const H5Tree& tree, Report& r) {
  const nlohmann::json config = nlohmann::json::parse(tree.root().text("config"));
  const H5Node& x = tree.at("/batch/x0");
  View v;
  v.rows = static_cast<int64_t>(x.shape.at(0));
  v.cols = static_cast<int64_t>(x.shape.at(1));
  v.values = x.as_f64();
  compare(r, "x0", apply_scale_f64(fit_scale(v, parse_scale(config.value("scale", "minmax"))), v),
          tree.at("/expect/x0").as_f64(), 0);
  check_names(tree, "/expect", {"x0"}, r);
}

CorruptDraws::Kind draws_of(const H5Tree& tree, const std::string& kind, int64_t samples, int64_t of_views) {
  CorruptDraws::Kind k;
  const std::string group = "/draw/" + kind;
  if (!tree.find(group + "/selected")) return k;
  k.selected = tree.at(group + "/selected").as_i64();
  const std::vector<int64_t> views = tree.at(group + "/views").as_i64();
  const size_t width = k.selected.empty() ? 0 : views.size() / k.selected.size();
  for (size_t i = 0; i < k.selected.size(); ++i) {
    PLX_CHECK(data, k.selected[i] >= 0 && k.selected[i] < samples, group, "/selected: ", k.selected[i], " of ",
              samples);
    k.views.emplace_back();
    for (size_t j = 0; j < width; ++j) {
      const int64_t v = views[i * width + j];
      PLX_CHECK(data, v >= -1 && v < of_views, group, "/views: view ", v, " of ", of_views);
      if (v >= 0) k.views.back().push_back(v);
    }
  }
  return k;
}

// every data set below /expect, groups in groups too
void check_expected(const H5Tree& tree, const std::set<std::string>& served, Report& r) {
  for (const H5Node& n : tree.nodes)
    if (n.path.rfind("/expect/", 0) == 0 && !n.is_group() && !served.count(n.path)) r.fail(n.path, "was not compared");
}

void check_corruption(const H5Tree& tree, DType type, Report& r) {
  const nlohmann::json config = nlohmann::json::parse(tree.root().text("config"));
  const int64_t V = tree.root().integer("views");
  std::vector<std::vector<double>> views;
  std::vector<int64_t> dims;
  for (int64_t v = 0; v < V; ++v) {
    const H5Node& x = tree.at(str("/batch/x", v));
    views.push_back(x.as_f64());
    dims.push_back(static_cast<int64_t>(x.shape.at(1)));
  }
  const std::vector<int32_t> labels = labels_of(tree.at("/batch/labels"));
  const auto n = static_cast<double>(labels.size());
  std::set<std::string> served;
  CorruptDraws d;
  const auto samples = static_cast<int64_t>(labels.size());
  d.noise = draws_of(tree, "noise", samples, V);
  d.conflict = draws_of(tree, "conflict", samples, V);
  d.missing = draws_of(tree, "missing", samples, V);
  if (const H5Node* z = tree.find("/draw/noise/normal")) d.normal = z->as_f64();
  size_t wanted = 0;
  for (const auto& of_row : d.noise.views)
    for (const int64_t v : of_row) wanted += static_cast<size_t>(dims[static_cast<size_t>(v)]);
  PLX_CHECK(data, d.normal.size() >= wanted, "/draw/noise/normal holds ", d.normal.size(), " numbers, ", wanted,
            " are needed");
  for (const auto& kind : config.at("order")) {
    const std::string name = kind.get<std::string>();
    const CorruptDraws::Kind& k = name == "noise" ? d.noise : name == "conflict" ? d.conflict : d.missing;
    const double count = std::trunc(config.at(name + "_ratio").get<double>() * n);
    compare(r, name + " count", {static_cast<double>(k.selected.size())}, {count}, 0);
    if (name == "noise")
      apply_noise(views, dims, d, config.at("sigma"));
    else if (name == "missing")
      apply_missing(views, dims, k);
    else if (name == "conflict")
      apply_conflict_reference(views, dims, k, labels, static_cast<int>(tree.root().integer("classes")));
    else
      return r.fail("order", "corruption '" + name + "' is not served");
    for (int64_t v = 0; v < V; ++v) {
      const H5Node& expected = tree.at(str("/expect/after_", name, "/x", v));
      served.insert(expected.path);
      compare(r, str("after ", name, " x", v), views[static_cast<size_t>(v)], expected.as_f64(), tolerance(tree, type));
    }
  }
  check_expected(tree, served, r);
}
}  // namespace

bool check_data_kind(const H5Tree& tree, const std::string& kind, DType type, const Context::Options& where,
                     Report& report) {
  if (kind == "metrics")
    check_metrics(tree, report);
  else if (kind == "kmeans")
    check_kmeans(tree, type, where, report);
  else if (kind == "silhouette")
    check_silhouette(tree, type, where, report);
  else if (kind == "scale")
    check_scale(tree, report);
  else if (kind == "corruption")
    check_corruption(tree, type, report);
  else
    return false;
  return true;
}

}  // namespace parallax::golden

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include <parallax/mvc/method.h>
#include <parallax/tensor/elementwise.h>

#include "golden.h"

namespace parallax::golden {

namespace {
using Json = nlohmann::json;

std::string json_text(const Json& v) {
  if (v.is_string()) return v.get<std::string>();
  return v.dump();
}

struct Bounds {
  double rel, grad, weight, lr;
  bool single;
};

double largest(const std::vector<double>& v) {
  double m = 0;
  for (const double x : v) m = std::max(m, std::fabs(x));
  return m;
}

// A comparison with NaN or infinity says nothing: it fails, whichever side it is on.
void note_finite(Line& l, double computed, double stored, double bound, size_t i) {
  if (!std::isfinite(stored))
    l.note = str("the stored value is not finite at ", i);
  else if (!std::isfinite(bound))
    l.note = str("the bound is not finite at ", i);
  else if (!std::isfinite(computed))
    l.note = str("not finite at ", i);
}

// max |a - b| against a bound that may differ by element
Line compare(const std::string& what, const std::vector<double>& a, const std::vector<double>& b,
             const std::function<double(size_t)>& bound) {
  Line l;
  l.quantity = what;
  if (a.size() != b.size()) {
    l.note = str(a.size(), " values, ", b.size(), " are expected");
    return l;
  }
  const double top = largest(b);
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::fabs(a[i] - b[i]), may = bound(i);
    note_finite(l, a[i], b[i], may, i);
    l.absolute = std::max(l.absolute, d);
    const double e = d == 0 ? 0 : d / may;
    if (e > l.excess) l.excess = e, l.allowed = may;
  }
  l.relative = top > 0 ? l.absolute / top : l.absolute;
  return l;
}
Line compare(const std::string& what, const std::vector<double>& a, const std::vector<double>& b, double bound) {
  return compare(what, a, b, [bound](size_t) { return bound; });
}

Line compare_digest(const std::string& what, const std::vector<double>& a, const H5Node& node, double t,
                    bool norm_only) {
  const std::vector<double> d = node.attrs.at("digest").as_f64();
  const std::vector<int64_t> index = node.attrs.at("digest_index").as_i64();
  Line l;
  l.quantity = what + " (digest)";
  if (d.size() < 4) {
    l.note = str("its digest has ", d.size(), " numbers");
    return l;
  }
  double norm = 0, sum = 0, projection = 0, top = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    norm += a[i] * a[i];
    sum += a[i];
    projection += a[i] * (2 * splitmix_unit(4242, i) - 1);
    top = std::max(top, std::fabs(a[i]));
  }
  norm = std::sqrt(norm);
  uint64_t count = 1;
  for (const uint64_t s : node.shape) count *= s;
  if (count != a.size()) {
    l.note = str(a.size(), " values, ", count, " are expected");
    return l;
  }
  for (const int64_t i : index)
    if (d.size() != 4 + index.size() || i < 0 || static_cast<size_t>(i) >= a.size()) {
      l.note = str("its digest has ", d.size(), " numbers and ", index.size(), " places, one of them ", i);
      return l;
    }
  const double wide = t * d[0] * std::sqrt(static_cast<double>(a.size()));
  for (size_t i = 0; i < d.size(); ++i) note_finite(l, norm, d[i], wide, i);
  const auto offer = [&](double x, double y, double may) {
    const double e = x == y ? 0 : std::fabs(x - y) / may;
    l.absolute = std::max(l.absolute, std::fabs(x - y));
    if (e > l.excess) l.excess = e, l.allowed = may;
  };
  offer(norm, d[0], t * d[0]);
  offer(top, d[3], t * d[3]);
  if (!norm_only) {
    offer(sum, d[1], wide);
    offer(projection, d[2], wide);
    for (size_t k = 0; k < index.size(); ++k) offer(a[static_cast<size_t>(index[k])], d[4 + k], t * d[3]);
  }
  l.relative = d[3] > 0 ? l.absolute / d[3] : l.absolute;
  return l;
}

class StepCheck {
 public:
  StepCheck(const H5Tree& tree, DType type, const Context::Options& where, Report& report)
      : tree_(tree), type_(type), report_(report), ctx_(where), store_(ctx_, type) {}

  void run() {
    const H5Node& root = tree_.root();
    const std::string name = root.text("method"), phase = root.text("phase");
    const Json config = Json::parse(root.text("config")), opt = Json::parse(root.text("optimizer"));
    method_ = make_method(name);
    check_step_inputs(tree_);
    method_->profile(true);
    Visitor visitor;
    method_->params(visitor);
    std::vector<Setting> settings;
    for (const auto& [key, value] : config.items()) settings.emplace_back(key, json_text(value));
    apply_settings(visitor, settings, "configuration of the file");
    single_ = type_ == DType::f32;
    b_ = {root.real(single_ ? "tolerance_rel_f32" : "tolerance_rel"),
          root.real(single_ ? "tolerance_grad_f32" : "tolerance_rel"),
          root.real(single_ ? "tolerance_weight_f32" : "tolerance_weight"), opt.at("lr").get<double>(), single_};
    for (const double t : {b_.rel, b_.grad, b_.weight, b_.lr})
      PLX_CHECK(data, std::isfinite(t) && t >= 0, "a tolerance of the file, or its lr, is ", t);

    for (int64_t v = 0; v < root.integer("views"); ++v) views_.push_back(tensor(tree_.at(str("/batch/x", v))));
    DataSpec spec;
    spec.samples = root.integer("n");
    for (const Tensor& t : views_) spec.dims.push_back(t.cols());
    PLX_CHECK(data, root.attrs.at("dims").as_i64() == spec.dims,
              "attribute dims does not say the widths of /batch/x0...");
    for (size_t v = 0; v < views_.size(); ++v)
      PLX_CHECK(data, views_[v].rows() == spec.samples, "/batch/x", v, " has ", views_[v].rows(),
                " rows, attribute n says ", spec.samples);
    spec.clusters = static_cast<int>(root.integer("classes"));
    for (const H5Node* n : tree_.children("/batch"))
      if (n->name()[0] != 'x' || !n->is_float()) state_[n->name()] = n->is_float() ? tensor(*n) : integers(*n);
    for (const char* path : {"/expect/loss/total", "/expect/step_total", "/expect/param_after_1"})
      PLX_CHECK(data, tree_.find(path), "the file has no ", path);
    const std::string unfit = method_->unfit(spec);
    if (!unfit.empty()) report_.remark = unfit;
    Build build{ctx_, store_, spec, views_, state_, [](const std::string&) {}};
    method_->build(build);
    store_.allocate();
    method_->initialise(store_);
    load_params();

    const std::vector<Phase> plan = method_->plan();
    const auto p = std::find_if(plan.begin(), plan.end(), [&](const Phase& q) { return q.name == phase; });
    PLX_CHECK(data, p != plan.end() && p->updates.size() == 1, "the method has no phase '", phase, "' with one update");
    const Update& update = p->updates[0];
    OptimizerSpec o{.lr = opt.at("lr"),
                    .beta1 = opt.at("betas").at(0),
                    .beta2 = opt.at("betas").at(1),
                    .eps = opt.at("eps"),
                    .weight_decay = opt.value("weight_decay", 0.0)};
    PLX_CHECK(data, opt.at("name") == "adam", "optimizer ", opt.at("name").dump(), " is not served");
    if (opt.contains("clip_norm") && !opt.at("clip_norm").is_null()) {
      o.clip_norm = opt.at("clip_norm");
      PLX_CHECK(data, o.clip_norm > 0, "clip_norm is ", o.clip_norm, ", null or a number above zero is served");
    }
    PLX_CHECK(data, o.clip_norm <= 0 || tree_.find("/expect/grad_norm"), "the file has no /expect/grad_norm");
    Optimizer optimizer(store_, o, update.params);

    Tape tape(ctx_);
    std::vector<double> totals, norms;
    const int last = steps();
    for (int i = 0; i < last; ++i) {
      ctx_.begin_step();
      tape.clear();
      store_.begin_step();
      Step step(tape, store_, views_, state_);
      const DrawTables tables = draws(i);
      PLX_CHECK(data, i == 0 || !tables.empty() || draws(0).empty(), "the file has no draws of step ", i,
                ", /draw/step", i);
      if (!tables.empty()) step.use_tables(&tables);
      step.use_ids(state_["ids"]);
      std::map<std::string, Tensor> taps;
      if (i == 0) step.collect_taps(&taps);
      const Var loss = update.loss(step);
      totals.push_back(loss.value.item());
      if (i == 0) check_losses(step, totals[0]), check_outputs(taps);
      tape.backward(loss);
      if (i == 0) check_gradients();
      optimizer.step(loss.value);
      if (o.clip_norm > 0) norms.push_back(optimizer.grad_norm().item());
      if (update.after) update.after(step);
      if (tree_.find(str("/expect/param_after_", i + 1))) check_weights(i + 1);
      ctx_.end_step();
    }
    if (const H5Node* n = seen("/expect/step_total")) series("step_total", totals, *n);
    if (const H5Node* n = seen("/expect/grad_norm")) series("grad_norm", norms, *n);
    for (const H5Node& n : tree_.nodes)
      if (n.path.rfind("/expect/", 0) == 0 && !n.is_group() && !compared_.count(n.path))
        report_.fail(n.path, "was not compared");
  }

 private:
  // as many as the file has totals for or weights after
  int steps() const {
    int n = 1;
    if (const H5Node* t = tree_.find("/expect/step_total")) n = std::max(n, static_cast<int>(t->as_f64().size()));
    for (const H5Node* g : tree_.children("/expect"))
      if (g->name().rfind("param_after_", 0) == 0) n = std::max(n, std::atoi(g->name().c_str() + 12));
    PLX_CHECK(data, n <= 1000, "the file asks for ", n, " steps");
    return n;
  }
  Tensor tensor(const H5Node& n) {
    const Shape s{n.shape.size() == 2 ? static_cast<int64_t>(n.shape[0]) : 1,
                  n.shape.empty() ? 1 : static_cast<int64_t>(n.shape.back())};
    Tensor t = Tensor::persistent(ctx_, type_, s);
    t.assign(stored_values(n));
    return t;
  }
  Tensor integers(const H5Node& n) {
    const std::vector<int64_t> v = n.as_i64(n.path);
    const int64_t rows = n.shape.empty() ? 1 : static_cast<int64_t>(n.shape[0]);
    Tensor t = Tensor::persistent(ctx_, DType::i64, {rows, rows ? static_cast<int64_t>(v.size()) / rows : 0});
    t.assign(v);
    return t;
  }
  const H5Node* seen(const std::string& path) {
    compared_.insert(path);
    return tree_.find(path);
  }

  void load_params() {
    std::set<std::string> have;
    for (const H5Node* n : tree_.children("/param")) {
      const Param p = store_.find(n->name());
      PLX_CHECK(data, p.defined(), "the method has no parameter ", n->name());
      const std::vector<double> v = stored_values(*n);
      Tensor t = store_.value(p);
      PLX_CHECK(data, static_cast<int64_t>(v.size()) == t.count(), n->name(), " has ", v.size(), " values, ", t.shape(),
                " are needed");
      t.assign(v);
      have.insert(n->name());
    }
    for (int i = 0; i < store_.count(); ++i)
      PLX_CHECK(data, have.count(store_.name(Param{i})), "the file has no parameter ", store_.name(Param{i}));
  }

  DrawTables draws(int step) {
    DrawTables t;
    const std::string group = step == 0 ? "/draw" : str("/draw/step", step);
    for (const H5Node* n : tree_.children(group)) {
      if (n->is_group()) continue;
      if (n->shape.size() == 3) {  // repeats one above the other
        Tensor flat = Tensor::persistent(
            ctx_, type_, {static_cast<int64_t>(n->shape[0] * n->shape[1]), static_cast<int64_t>(n->shape[2])});
        flat.assign(stored_values(*n));
        t[n->name()] = flat;
      } else if (n->is_float()) {
        t[n->name()] = tensor(*n);
      } else {
        std::vector<double> mask;
        for (const int64_t m : n->as_i64(n->path)) {
          PLX_CHECK(data, m == 0 || m == 1, n->path, ": a mask holds ", m, ", 0 or 1 is wanted");
          mask.push_back(static_cast<double>(m));
        }
        Tensor f = Tensor::persistent(ctx_, type_,
                                      {static_cast<int64_t>(n->shape.at(0)), static_cast<int64_t>(n->shape.at(1))});
        f.assign(mask);
        t[n->name()] = f;
      }
    }
    return t;
  }

  void check_losses(const Step& s, double total) {
    std::map<std::string, double> terms{{"total", total}};
    for (const Step::Logged& l : s.logged()) terms[*l.name] = l.column.row_range(l.row, 1).item();
    for (const H5Node* n : tree_.children("/expect/loss")) {
      compared_.insert(n->path);
      const auto it = terms.find(n->name());
      if (it == terms.end()) {
        report_.fail("loss " + n->name(), "the method logs no such term");
        continue;
      }
      const double b = n->as_f64().at(0);
      report_.lines.push_back(compare("loss " + n->name(), {it->second}, {b},
                                      b_.rel * std::max(std::fabs(b), 1e-3 * std::fabs(total_of()))));
    }
  }
  double total_of() const { return tree_.at("/expect/loss/total").as_f64().at(0); }

  void series(const std::string& what, const std::vector<double>& a, const H5Node& n) {
    const std::vector<double> b = n.as_f64();
    report_.lines.push_back(compare(
        what, a, b, [&](size_t i) { return b_.rel * std::max(std::fabs(b[i]), 1e-3 * std::fabs(total_of())); }));
  }

  void check_outputs(const std::map<std::string, Tensor>& taps) {
    for (const H5Node* n : tree_.children("/expect/output")) {
      compared_.insert(n->path);
      const auto it = taps.find(n->name());
      if (it == taps.end()) {
        report_.fail("output " + n->name(), "the method taps no such result");
        continue;
      }
      const std::vector<double> a = it->second.to_vector<double>();
      if (n->has("digest")) {
        report_.lines.push_back(compare_digest("output " + n->name(), a, *n, b_.rel, false));
      } else if (n->is_float()) {
        const std::vector<double> b = n->as_f64();
        report_.lines.push_back(compare("output " + n->name(), a, b, b_.rel * largest(b)));
      } else {
        std::vector<double> b;
        for (const int64_t x : n->as_i64()) b.push_back(static_cast<double>(x));
        report_.lines.push_back(compare("output " + n->name(), a, b, 0));
      }
    }
  }

  void check_gradients() {
    for (const H5Node* n : tree_.children("/expect/grad")) {
      const double top = n->has("digest") ? n->attrs.at("digest").as_f64().at(3) : largest(n->as_f64());
      largest_gradient_ = std::max(largest_gradient_, top);
    }
    for (int i = 0; i < store_.count(); ++i) {
      const Param p{i};
      const std::string path = "/expect/grad/" + store_.name(p);
      const H5Node* n = seen(path);
      const bool reached = !store_.is_buffer(p) && *store_.written(p);
      if (!n != !reached) {
        if (n || reached)
          report_.fail("gradient " + store_.name(p),
                       n ? "no gradient reached it" : "a gradient reached it, none is expected");
        continue;
      }
      if (!n) continue;
      const std::vector<double> a = store_.grad(p).to_vector<double>();
      const double c = single_ ? 1e-2 : 1e-4;
      if (n->has("digest")) {
        report_.lines.push_back(compare_digest("gradient " + store_.name(p), a, *n, b_.grad, false));
        continue;
      }
      const std::vector<double> b = n->as_f64();
      report_.lines.push_back(
          compare("gradient " + store_.name(p), a, b, b_.grad * std::max(largest(b), c * largest_gradient_)));
    }
  }

  void check_weights(int steps) {
    for (int i = 0; i < store_.count(); ++i) {
      const Param p{i};
      const std::string& name = store_.name(p);
      const H5Node* n = seen(str("/expect/param_after_", steps, "/", name));
      if (!n) {
        report_.fail(str("weights after ", steps, " of ", name), "are not in the file");
        continue;
      }
      const std::string what = str("after ", steps, " ", name);
      const std::vector<double> a = store_.value(p).to_vector<double>();
      const H5Node* g = tree_.find("/expect/grad/" + name);
      if (n->has("digest")) {
        report_.lines.push_back(compare_digest(what, a, *n, b_.rel, single_));
        continue;
      }
      const std::vector<double> b = stored_values(*n);
      const double top = largest(b);
      if (!single_) {
        report_.lines.push_back(compare(what, a, b, b_.weight * b_.lr + 1e-12 * top));
      } else if (store_.is_buffer(p) || !g) {
        // running statistics as outputs; what no gradient reached is unchanged, but for a teacher's average, which
        // moves as its source does
        report_.lines.push_back(compare(what, a, b,
                                        store_.is_buffer(p) ? b_.rel * top
                                        : moved(p, a)       ? std::max(b_.rel * top, 2 * steps * b_.lr)
                                                            : 4e-7 * top));
      } else if (g->has("digest")) {
        report_.lines.push_back(compare(what, a, b, 2 * steps * b_.lr));
      } else {
        const std::vector<double> grad = g->as_f64();
        const double floor = 1e-2 * std::max(largest(grad), 1e-2 * largest_gradient_);
        report_.lines.push_back(compare(what, a, b, [&](size_t k) {
          return std::fabs(grad[k]) >= floor ? b_.weight * b_.lr + 4e-7 * std::fabs(b[k]) : 2 * steps * b_.lr;
        }));
      }
    }
  }
  // in single precision
  bool moved(Param p, const std::vector<double>& now) const {
    const std::vector<double> before = stored_values(tree_.at("/param/" + store_.name(p)));
    for (size_t i = 0; i < now.size(); ++i)
      if (now[i] != static_cast<double>(static_cast<float>(before[i]))) return true;
    return false;
  }

  const H5Tree& tree_;
  DType type_;
  Report& report_;
  Context ctx_;
  ParamStore store_;
  std::unique_ptr<Method> method_;
  std::vector<Tensor> views_;
  std::map<std::string, Tensor> state_;
  Bounds b_{};
  bool single_ = false;
  double largest_gradient_ = 0;
  std::set<std::string> compared_;
};
}  // namespace

void check_step(const H5Tree& tree, DType type, const Context::Options& where, Report& report) {
  StepCheck(tree, type, where, report).run();
}

}  // namespace parallax::golden

// A method with small data in double, driven without a trainer: losses, gradients, differences; and toy training runs.
#pragma once
#include <gtest/gtest.h>

#include <cmath>

#include <parallax/autograd/op_assign.h>
#include <parallax/cluster/metrics.h>
#include <parallax/mvc/trainer.h>
#include <parallax/tensor/draw.h>

namespace parallax::testing {

inline double draw01(int64_t i, uint32_t tag) {
  return unit_float(philox(U4{{static_cast<uint32_t>(i), 0, 0, tag}}, 5, 6).v[0]);
}
inline double draw_normal(int64_t i, uint32_t tag) { return Draw<double>{.seed = 9, .tag = tag}.normal(i, 0); }

// Gaussian blobs: k classes, one view per width, centres apart by `gap` deviations
struct Toy {
  std::vector<Tensor> views;
  std::vector<int64_t> labels;
};
inline Toy blobs(Context& ctx, DType type, int64_t n, const std::vector<int64_t>& dims, int k, double gap = 6) {
  Toy toy;
  for (int64_t i = 0; i < n; ++i) toy.labels.push_back(i % k);
  for (size_t v = 0; v < dims.size(); ++v) {
    std::vector<double> x;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < dims[v]; ++j) {
        const double centre = gap * draw01((i % k) * dims[v] + j, 100 + static_cast<uint32_t>(v));
        x.push_back(centre + draw_normal(i * dims[v] + j, 200 + static_cast<uint32_t>(v)));
      }
    toy.views.push_back(Tensor::persistent(ctx, type, {n, dims[v]}));
    toy.views.back().assign(x);
  }
  return toy;
}

class Rig {
 public:
  Rig(const std::string& method, const std::vector<Setting>& settings, int64_t n, const std::vector<int64_t>& dims,
      int k)
      : ctx_({.seed = 3}), store_(ctx_, DType::f64), method_(make_method(method)), tape_(ctx_) {
    method_->profile(true);
    Visitor v;
    method_->params(v);
    apply_settings(v, settings, "test");
    views_ = blobs(ctx_, DType::f64, n, dims, k, 2).views;
    Build b{ctx_, store_, {n, dims, k, {}}, views_, state_, [](const std::string&) {}};
    method_->build(b);
    store_.allocate();
    method_->initialise(store_);
    for (size_t m = 0; m < dims.size(); ++m) {
      std::vector<int64_t> labels;
      for (int64_t i = 0; i < n; ++i) labels.push_back((i + static_cast<int64_t>(m)) % k);
      Tensor t = Tensor::persistent(ctx_, DType::i64, {n, 1});
      t.assign(labels);
      state_[str("pseudo_label", m)] = t;
    }
  }
  // the value of a logged term, or the total
  double loss(const std::string& phase, const std::string& term = "total", bool gradients = false) {
    ctx_.begin_step();
    tape_.clear();
    store_.begin_step();
    Step s(tape_, store_, views_, state_);
    const Var total = method_->loss(s, phase);
    double x = total.value.item();
    for (const Step::Logged& l : s.logged())
      if (*l.name == term) x = l.column.row_range(l.row, 1).item();
    if (gradients) tape_.backward(total);
    ctx_.end_step();
    return x;
  }
  std::vector<std::vector<double>> gradients(const std::string& phase) {
    loss(phase, "total", true);
    std::vector<std::vector<double>> g;
    for (int i = 0; i < store_.count(); ++i) {
      const bool reached = !store_.is_buffer(Param{i}) && *store_.written(Param{i});
      g.push_back(reached ? store_.grad(Param{i}).to_vector<double>() : std::vector<double>());
    }
    return g;
  }
  // gradients against central differences of a term, at a few entries of every parameter
  void expect_gradients(const std::string& phase, const std::string& term, const std::vector<std::vector<double>>& g,
                        double tolerance) {
    double scale = 1e-3;
    for (const auto& list : g)
      for (const double x : list) scale = std::max(scale, std::fabs(x));
    for (int i = 0; i < store_.count(); ++i) {
      Tensor value = store_.value(Param{i});
      const auto& list = g[static_cast<size_t>(i)];
      for (size_t k = 0; k < list.size(); k += 1 + list.size() / 3) {
        std::vector<double> w = value.to_vector<double>();
        const double keep = w[k], h = 1e-6;
        const auto at = [&](double x) {
          w[k] = x;
          value.assign(w);
          return loss(phase, term);
        };
        const double up = at(keep + h), down = at(keep - h);
        at(keep);
        EXPECT_NEAR(list[k], (up - down) / (2 * h), tolerance * scale) << store_.name(Param{i}) << " entry " << k;
      }
    }
  }
  ParamStore& store() { return store_; }

 private:
  Context ctx_;
  ParamStore store_;
  std::unique_ptr<Method> method_;
  std::map<std::string, Tensor> state_;
  std::vector<Tensor> views_;
  Tape tape_;
};

struct Outcome {
  double acc = 0;
  std::vector<std::vector<std::pair<std::string, double>>> losses;
  Features features;
  std::vector<std::string> lines;
};
inline Outcome train(const std::string& method, const std::vector<Setting>& settings, Context& ctx, const Toy& toy,
                     int k) {
  const std::unique_ptr<Method> m = make_method(method);
  m->profile(false);
  Visitor v;
  m->params(v);
  apply_settings(v, settings, "test");
  Trainer t(ctx, *m, toy.views, k);
  Outcome r;
  const auto note = [&](const std::string& line) { r.lines.push_back(line); };
  t.build(note);
  TrainerOptions o;
  o.log = note;
  o.on_epoch = [&](const EpochRow& row) {
    r.losses.push_back(row.losses);
    return true;
  };
  t.train(o);
  r.features = t.embed();
  r.acc = score(toy.labels, argmax_rows(ctx, *r.features.find("probabilities")).to_vector<int64_t>()).acc;
  for (const auto& row : r.losses)
    for (const auto& [name, x] : row) EXPECT_TRUE(std::isfinite(x)) << method << ": " << name;
  for (const auto& [name, f] : r.features.list)
    for (const double x : f.to_vector<double>()) {
      if (!std::isfinite(x)) {
        ADD_FAILURE() << method << ": " << name << " is not finite";
        break;
      }
    }
  return r;
}

}  // namespace parallax::testing

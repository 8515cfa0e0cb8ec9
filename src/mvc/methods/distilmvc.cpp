// DistilMVC (Wang et al., TNNLS 2024): auto-encoders (stage1), then contrast of a teacher's features and of a student's
// clusters with a mutual-information term (stage2), then k-means on the teacher's features gives every view
// pseudo-labels that, smoothed and matched anew in every step, train the student (stage3). Labels: arg-max of the mean
// assignment.
#include <algorithm>
#include <cmath>

#include "../../nn/ema.h"
#include "../../nn/norm.h"
#include "../../tensor/elementwise.h"
#include "../method.h"
#include "../pseudo_labels.h"

namespace parallax {
namespace {

struct DistilMvc final : Method {
  std::vector<int64_t> encoder_arch{512, 1024, 2048, 512}, decoder_arch{512, 2048, 1024, 512}, ema_step;
  std::vector<double> ema_momentum;
  int64_t hidden = 128, batch_size = 256, mse_epochs = 200, infonce_epochs = 10, self_distil = 50, n_init = 100,
          ema_max = 0;
  double temperature_t = 0.5, temperature_s = 1, smooth = 0.1, iic_factor = 0.0005, iic_lambda = 9, ema_base = 0.4;
  double learning_rate = 1e-4, weight_decay = 0;
  std::string iic_axis = "batch", activation = "relu", teacher_mode = "reference", kl = "mean",
              ema_schedule = "monotone";
  bool batchnorm = false, student_relu = true;

  std::string name() const override { return "distilmvc"; }
  Labelling labelling() const override { return Labelling::argmax; }
  std::string default_scale() const override { return "none"; }

  // What the page recommends to change (its table 4.6): the moving average's clock. The teacher that also follows its
  // own gradient stays, it measured about a point better.
  void profile(bool reference) override { ema_schedule = reference ? "reference" : "monotone"; }

  void params(Visitor& p) override {
    p.list("encoder_arch", encoder_arch, 4, 1, 65536,
           "widths of the encoders after the input; the last is the latent one");
    p.list("decoder_arch", decoder_arch, 4, 1, 65536,
           "widths of the decoders before the output; the first equals the last of encoder_arch");
    p.integer("predictor_hidden_dim", hidden, 1, 65536, "width of the teacher's and student's results");
    p.choice("activation", activation, {"relu", "sigmoid", "tanh", "leakyrelu"},
             "of the hidden layers of encoders and decoders (leakyrelu: slope 0.2)");
    p.alias("function");
    p.flag("batchnorm", batchnorm, "batch normalisation in the hidden layers of encoders and decoders");
    p.flag("student_relu", student_relu, "ReLU inside the student and the teacher");
    p.integer("batch_size", batch_size, 2, 1 << 24, "rows per step of stages 1 and 2; stage 3 takes all rows at once");
    p.integer("mse_epochs", mse_epochs, 0, 1000000, "epochs of stage 1");
    p.integer("infoNCE_epochs", infonce_epochs, 0, 1000000, "epochs of stage 2");
    p.integer("self_distil", self_distil, 0, 1000000,
              "epochs of stage 3; 0: stop after stage 2 (ablation without distillation)");
    p.number("temperature_t", temperature_t, 1e-3, 100, "temperature of the teacher's instance contrast");
    p.number("temperature_s", temperature_s, 1e-3, 100, "temperature of the student's cluster contrast");
    p.number("temperature_d", smooth, 0, 1, "amount of label smoothing in stage 3");
    p.alias("smooth");
    p.number("iic_factor", iic_factor, 0, 1e6, "weight of the mutual-information loss; 0: ablation without it");
    p.number("iic_lambda", iic_lambda, 0, 1e6, "weight of the entropies in the mutual-information loss");
    p.choice("iic_axis", iic_axis, {"batch", "feature"},
             "its softmax: over the batch (published code) or over the features");
    p.choice("teacher", teacher_mode, {"reference", "ema"},
             "reference: the teacher gets its gradient and the moving average; ema: the moving average alone, "
             "gradients pass through to the encoders");
    p.choice(
        "ema_schedule", ema_schedule, {"reference", "monotone"},
        "clock of the average's momentum: the published mixture of epoch and batch number, or the step of stage 2");
    p.number("ema_base", ema_base, 0, 1, "momentum at the start");
    p.list("ema_step", ema_step, 0, -1e9, 1e9,
           "clock of the first steps, instead of the schedule's (later steps keep the last)");
    p.integer("ema_max", ema_max, -1000000000, 1000000000,
              "clock at which the momentum is 1, instead of the schedule's; 0: the schedule's");
    p.numbers("ema_momentum", ema_momentum, 0, 1,
              "momenta of the first steps themselves, instead of the schedule's; must agree with ema_step");
    p.choice("kl", kl, {"mean", "batchmean"},
             "divergence of stage 3: mean over rows and clusters (published), or over rows");
    p.integer("n_init", n_init, 1, 100000, "restarts of the k-means that makes the pseudo-labels");
    p.number("learning_rate", learning_rate, 1e-8, 1, "Adam step size");
    p.number("weight_decay", weight_decay, 0, 1, "L2-coupled weight decay");
  }

  // Hidden layers with or without batch normalisation behind them, as stacked networks.
  struct Trunk {
    MlpStack hidden, last;
    std::vector<BatchNormStack> norms;
    Var forward_hidden(Pass& p, std::span<const Var> x, bool batch_statistics) const {
      Var h;
      for (int l = 0; l < hidden.layers(); ++l) {
        const std::span<const Var> in = l ? std::span<const Var>(&h, 1) : x;
        h = norms.empty() ? hidden.layer(p, l, in)
                          : norms[static_cast<size_t>(l)].forward(p, hidden.product(p, l, in), batch_statistics,
                                                                  hidden.biases(p, l).span());
      }
      return h;
    }
  };
  DataSpec spec;
  int views = 0, clusters = 0;
  Pairs pairs;
  Trunk enc, dec;
  MlpStack student, cls, teacher;
  std::vector<Param> teacher_params, student_params;
  std::vector<std::string> rec_names, kl_names, teacher_names, student_names, iic_names;

  std::string unfit(const DataSpec& s) const override {
    if (s.views() < 2) return "DistilMVC contrasts views with each other and needs at least two, the data has one";
    if (s.samples < 2) return "DistilMVC needs at least two samples for its contrast";
    if (s.clusters > s.samples)
      return str("DistilMVC cannot make pseudo-labels of ", s.clusters, " clusters from ", s.samples, " samples");
    return "";
  }

  Act act() const {
    return activation == "relu"      ? Act::relu
           : activation == "sigmoid" ? Act::sigmoid
           : activation == "tanh"    ? Act::tanh
                                     : Act::leaky;
  }

  Trunk make_trunk(ParamStore& store, bool decoder) const {
    const std::string part = decoder ? "decoders" : "encoders", inner = decoder ? "_decoder" : "_encoder";
    std::vector<std::string> names;
    for (int v = 0; v < views; ++v) names.push_back(str("autoencoder.", part, ".", v, ".", inner));
    // encoder D -> a0 -> a1 -> a2 -> a3, decoder a0 -> a1 -> a2 -> a3 -> D
    const std::vector<int64_t> widths = decoder ? std::vector<int64_t>(decoder_arch.begin() + 1, decoder_arch.end())
                                                : std::vector<int64_t>(encoder_arch.begin(), encoder_arch.end() - 1);
    const std::vector<int64_t> in = decoder ? std::vector<int64_t>(names.size(), decoder_arch[0]) : spec.dims;
    const int stride = batchnorm ? 3 : 2;  // Linear, [BatchNorm,] activation
    Trunk t;
    std::vector<LayerSpec> layers;
    for (int l = 0; l < 3; ++l)
      layers.push_back({.width = widths[static_cast<size_t>(l)],
                        .act = batchnorm ? Act::none : act(),
                        .name = std::to_string(l * stride),
                        .slope = 0.2});
    t.hidden = MlpStack(store, names, in, layers);
    const std::vector<int64_t> before(names.size(), widths.back());
    const int64_t latent = encoder_arch.back();
    t.last = MlpStack(store, names, before, {{.width = latent, .name = std::to_string(3 * stride)}},
                      decoder ? spec.dims : std::vector<int64_t>{});
    for (int l = 0; l < 3 && batchnorm; ++l) {
      std::vector<std::string> norm_names;
      for (const std::string& n : names) norm_names.push_back(str(n, ".", l * stride + 1));
      t.norms.emplace_back(store, norm_names, norm_names, widths[static_cast<size_t>(l)],
                           BatchNormStack::Options{.act = act(), .slope = 0.2});
    }
    return t;
  }

  void build(Build& b) override {
    spec = b.spec;
    views = spec.views();
    clusters = spec.clusters;
    pairs = {views, -1};
    PLX_CHECK(config, decoder_arch.front() == encoder_arch.back(), "distilmvc: decoder_arch starts with ",
              decoder_arch.front(), " but the latent width, the last of encoder_arch, is ", encoder_arch.back());
    enc = make_trunk(b.store, false);
    dec = make_trunk(b.store, true);
    const int64_t latent = encoder_arch.back();
    const std::vector<LayerSpec> head{{.width = latent, .act = student_relu ? Act::relu : Act::none, .name = "0"},
                                      {.width = hidden, .name = "2"}};
    student = MlpStack(b.store, {"byol.student"}, {latent}, head);
    cls = MlpStack(b.store, {"byol.cls"}, {hidden}, {{.width = clusters, .name = "0"}});
    teacher = MlpStack(b.store, {"byol.teacher"}, {latent}, head);
    for (const char* p : {"0.weight", "0.bias", "2.weight", "2.bias"}) {
      student_params.push_back(b.store.find(str("byol.student.", p)));
      teacher_params.push_back(b.store.find(str("byol.teacher.", p)));
    }
    for (int v = 0; v < views; ++v) {
      rec_names.push_back(str("rec.", v));
      kl_names.push_back(str("kl.", v));
      for (int w = v + 1; w < views; ++w) {
        teacher_names.push_back(str("teacher.", v, "-", w));
        student_names.push_back(str("student.", v, "-", w));
        iic_names.push_back(str("iic.", v, "-", w));
      }
    }
    const std::vector<double> momenta = schedule();
    Tensor table = Tensor::persistent(b.ctx, DType::f64, {static_cast<int64_t>(momenta.size()), 1}),
           first = Tensor::persistent(b.ctx, DType::i64, {1, 1});
    table.assign(momenta);
    first.assign(std::vector<int64_t>{1});
    b.state["ema.momentum"] = table;
    b.state["ema.first"] = first;
  }

  // Page 4.5: m(k, Kmax) = 1 - (1 - base) (cos(pi k / Kmax) + 1) / 2. The published clock adds epochs and batches; its
  // 199 makes sense for mse_epochs = 200 alone.
  std::vector<double> schedule() const {
    const int64_t batches =
        std::max<int64_t>(1, spec.samples / std::min(batch_size, std::max<int64_t>(spec.samples, 1)));
    const bool reference = ema_schedule == "reference";
    const int64_t most = ema_max     ? ema_max
                         : reference ? mse_epochs + infonce_epochs - 199
                                     : std::max<int64_t>(1, infonce_epochs * batches);
    PLX_CHECK(config, most != 0,
              "distilmvc: with mse_epochs + infoNCE_epochs = 199 the published schedule of the moving average divides "
              "by zero; "
              "take ema_schedule=monotone");
    std::vector<int64_t> clock = ema_step;
    for (int64_t e = 0; e < infonce_epochs && ema_step.empty(); ++e)
      for (int64_t i = 0; i < batches; ++i) clock.push_back(reference ? mse_epochs + e - 199 + i : e * batches + i);
    std::vector<double> m;
    for (const int64_t k : clock)
      m.push_back(1 - (1 - ema_base) *
                          (std::cos(3.14159265358979323846 * static_cast<double>(k) / static_cast<double>(most)) + 1) /
                          2);
    if (!ema_momentum.empty()) {
      for (size_t i = 0; i < std::min(ema_step.size(), ema_momentum.size()); ++i)
        PLX_CHECK(config, std::fabs(m[i] - ema_momentum[i]) < 1e-9, "distilmvc: ema_momentum ", ema_momentum[i],
                  " of step ", i, " is not what ema_step and ema_max give, ", m[i]);
      if (ema_step.empty()) m = ema_momentum;
    }
    if (m.empty()) m.push_back(ema_base);
    return m;
  }

  // Starts as a copy of the student.
  void initialise(ParamStore& store) override {
    for (size_t i = 0; i < teacher_params.size(); ++i)
      store.value(teacher_params[i]).copy_from(store.value(student_params[i]));
  }

  std::vector<Phase> plan() override {
    const OptimizerSpec adam{.lr = learning_rate, .weight_decay = weight_decay};
    const auto phase = [&](const std::string& label, int64_t epochs, int64_t batch) {
      Phase p;
      p.name = label;
      p.epochs = epochs;
      p.batch = batch;
      p.updates = {{.name = "all", .loss = [this, label](Step& s) { return loss(s, label); }, .opt = adam}};
      return p;
    };
    std::vector<Phase> phases{phase("stage1", mse_epochs, batch_size), phase("stage2", infonce_epochs, batch_size),
                              phase("stage3", self_distil, 0)};
    phases[1].before = [](Eval& e) {
      e.state().at("ema.first").assign(std::vector<int64_t>{static_cast<int64_t>(e.ctx().step()) + 1});
    };
    phases[1].updates[0].after = [this](Step& s) {
      Small<Tensor> targets, sources;
      for (const Param q : teacher_params) targets.push_back(s.store().value(q));
      for (const Param q : student_params) sources.push_back(s.store().value(q));
      moving_average(s.ctx(), targets.span(), sources.span(), s.state("ema.momentum"), s.state("ema.first"));
    };
    phases[2].before = [this](Eval& e) { make_pseudo_labels(e); };
    return phases;
  }

  Var encode(Pass& p, std::span<const Var> x, bool batch_statistics) const {
    const Var h = enc.forward_hidden(p, x, batch_statistics);
    return enc.last.forward(p, {&h, 1});
  }
  // unit rows; frozen: constant weights, the gradient goes through to z
  Var teach(Pass& p, const Var& z, bool frozen) const {
    if (!frozen) return normalize(teacher.forward(p, {&z, 1}));
    const auto w = [&](size_t i) { return p.constant_param(teacher_params[i]); };
    return normalize(linear(linear(z, w(0), w(1), {.act = student_relu ? Act::relu : Act::none}), w(2), w(3)));
  }

  Var loss(Step& s, const std::string& phase) override {
    Small<Var> x;
    for (int v = 0; v < views; ++v) x.push_back(s.constant(s.view(v)));
    const bool third = phase == "stage3";  // the published program is in evaluation mode there (its page, 4.6 no. 10)
    const Var z = encode(s, x.span(), !third);
    tap(s, "z.", z);
    if (third) return distil(s, z);
    Small<Tensor> outputs;
    for (int v = 0; v < views && s.tapping(); ++v) {
      outputs.push_back(Tensor::samples(s.ctx(), s.dtype(), s.view(v).shape()));
      s.tap(str("xhat.", v), outputs[v]);
    }
    const Var h = dec.forward_hidden(s, {&z, 1}, true);
    const Var rec = dec.last.forward_mse(s, h, s.all_views(), outputs.span());
    s.log(rec_names, rec);
    if (phase == "stage1") return total({rec});

    // 4.2 (a): instances of the teacher
    const auto parts = [&] { return Tensor::empty(s.ctx(), s.dtype(), {pairs.count(), 1}); };
    const Tensor teacher_parts = parts(), student_parts = parts(), iic_parts = parts();
    const Var t = teach(s, z, teacher_mode == "ema");
    const Var instances = pair_contrast(t, pairs, temperature_t, true, teacher_parts);
    // 4.2 (b): clusters of the student, columns as vectors over the batch
    const Var code = student.forward(s, {&z, 1});
    const Var y = softmax(cls.forward(s, {&code, 1}));
    const Var columns = pair_contrast(normalize(transpose(y, views), 1e-8), pairs, temperature_s, true, student_parts);
    const Var sizes = balance(y, pairs);
    axpby(s.ctx(), 1, sizes.value, 1, student_parts);
    // 4.2 (c): L_I is minus the information with k = lambda + 1
    const Var u = iic_axis == "batch" ? softmax_columns(z, views) : softmax(z);
    const Var information = joint_information(u, pairs, iic_lambda + 1);
    axpby(s.ctx(), -1, information.value, 0, iic_parts);
    s.log(teacher_names, s.constant(teacher_parts));
    s.log(student_names, s.constant(student_parts));
    s.log(iic_names, s.constant(iic_parts));
    tap(s, "t.", t);
    tap(s, "s.", code);
    tap(s, "y.", y);
    const Var terms[] = {instances, columns, sizes, information, rec};
    const double weights[] = {1, 1, 1, -iic_factor, 1};
    return weighted_total(terms, weights);
  }
  void tap(Step& s, const char* label, const Var& stacked) const {
    for (int v = 0; v < views && s.tapping(); ++v) s.tap(str(label, v), problem(stacked, views, v));
  }

  // 4.4: pseudo-labels, renamed to the clusters of the present student by an optimal matching per view, and smoothed
  Var distil(Step& s, const Var& z) const {
    const Var code = student.forward(s, {&z, 1});
    const Var logits = cls.forward(s, {&code, 1});
    Small<Tensor> pseudo;
    for (int v = 0; v < views; ++v) pseudo.push_back(s.state(str("pseudo_label", v)));
    const Tensor targets = matched_targets(s.ctx(), argmax_rows(s.ctx(), logits.value), pseudo.span(), clusters);
    const Var k = smoothed_kl(logits, targets, views, smooth, kl == "mean" ? 1.0 / clusters : 1.0);
    s.log(kl_names, k);
    if (s.tapping()) {
      tap(s, "s.", code);
      tap(s, "y.", softmax(logits));
      const int64_t n = targets.rows() / views;
      for (int v = 0; v < views; ++v) s.tap(str("target.", v), targets.row_range(n * v, n));
    }
    return total({k});
  }

  // 4.3: k-means per view on the teacher's unit features, every column scaled to [0, 1]
  void make_pseudo_labels(Eval& e) const {
    const Features f = e.map_rows([this](Rows& r) {
      const Var z = encode_rows(r);
      const Var t = teach(r, z, true), code = student.forward(r, {&z, 1});
      const Var y = cls.forward(r, {&code, 1});
      for (int v = 0; v < views; ++v) {
        r.out(str("t", v), problem(t, views, v));
        r.out(str("y", v), problem(y, views, v));
      }
    });
    for (int v = 0; v < views; ++v) {
      const std::vector<int64_t> labels =
          pseudo_labels(e.ctx(), *f.find(str("t", v)), clusters, n_init, tag_of(str("distilmvc.pseudo.", v)));
      Tensor& state = e.state()[str("pseudo_label", v)];
      if (!state.defined()) state = Tensor::persistent(e.ctx(), DType::i64, {spec.samples, 1});
      state.assign(labels);
      const Tensor network = argmax_rows(e.ctx(), *f.find(str("y", v)));
      const std::vector<int64_t> now = network.to_vector<int64_t>(),
                                 renamed =
                                     matched_targets(e.ctx(), network, {&state, 1}, clusters).to_vector<int64_t>();
      int64_t agree = 0;
      for (size_t i = 0; i < now.size(); ++i) agree += renamed[i] == now[i];
      e.log(str("view ", v, ": the pseudo-labels agree with the student on ",
                100.0 * static_cast<double>(agree) / static_cast<double>(labels.size()), " % of the samples"));
    }
  }

  Var encode_rows(Rows& r) const {
    Small<Var> x;
    for (int v = 0; v < views; ++v) x.push_back(r.input(v));
    return encode(r, x.span(), false);
  }

  // view<v>: the latent code after stage 1, then the student's unit rows; fused: their mean over the views
  void embed(Rows& r) override {
    const Var z = encode_rows(r);
    const Var code = student.forward(r, {&z, 1});
    const Var y = softmax(cls.forward(r, {&code, 1}));
    const Var shown = r.phase() == "stage1" ? z : normalize(code);
    Tensor even = Tensor::empty(r.ctx(), r.dtype(), {Rows::kBlock, views});
    fill(r.ctx(), even, 1.0 / views);
    Small<Var> parts, assignments;
    for (int v = 0; v < views; ++v) {
      parts.push_back(problem(shown, views, v));
      assignments.push_back(problem(y, views, v));
      r.out(str("view", v), parts[v]);
    }
    r.out("fused", view_mix(r.constant(even), parts.span()));
    r.out("probabilities", view_mix(r.constant(even), assignments.span()));
  }
};

}  // namespace
PLX_METHOD(distilmvc, DistilMvc)
}  // namespace parallax

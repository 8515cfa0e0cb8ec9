// SparseMVC (Liu et al., NeurIPS 2025): one autoencoder per view and one for all views side by side; sparse inputs get
// a sparse-activation penalty; codes are mixed by attention per sample and aligned by a contrastive loss; k-means on
// the mixture. Phases: pretrain (reconstruction + penalty), contrast (the same + alignment).
#include <cmath>

#include "../../tensor/elementwise.h"
#include "../../tensor/random.h"
#include "../method.h"
#include "../sparsity.h"

namespace parallax {
namespace {

struct SparseMvc final : Method {
  int64_t feature_dim = 64, high_feature_dim = 20, fusion_hidden = 256;
  std::vector<int64_t> encoder_hidden{500, 500, 2000}, decoder_hidden{2000, 500, 500};
  double drop = 0.2, rho = 0.05, beta = 1, theta = 0.01, tau = 1, lambda_con = 1;
  double learning_rate = 3e-4, weight_decay = 0;
  int64_t batch_size = 0, pre_epochs = 300, con_epochs = 0, pre_check = 100, con_check = 0, n_init = 100;
  std::string kl_form = "mean_layers", attention = "learnable", gate = "adaptive", sparsity_source = "normalised";
  bool eval_dropout = false;

  std::string name() const override { return "sparsemvc"; }
  int restarts() const override { return static_cast<int>(n_init); }
  bool repeatable_by_row() const override { return !eval_dropout && attention != "fresh"; }

  void profile(bool reference) override {
    attention = reference ? "fresh" : "learnable";
    eval_dropout = reference;
  }

  void params(Visitor& p) override {
    p.integer("feature_dim", feature_dim, 1, 65536, "width F of every latent code");
    p.integer("high_feature_dim", high_feature_dim, 1, 65536, "width of the aligned space (H and r_v)");
    p.list("encoder_hidden", encoder_hidden, 3, 1, 65536, "hidden widths of the encoders");
    p.list("decoder_hidden", decoder_hidden, 3, 1, 65536, "hidden widths of the decoders");
    p.integer("fusion_hidden", fusion_hidden, 1, 65536, "hidden width of the fusion head");
    p.number("dropout", drop, 0, 0.99, "dropout after every hidden layer");
    p.number("rho", rho, 1e-6, 0.999999, "target mean activation of the sparse penalty");
    p.number("beta", beta, 0, 1e6, "strength of the sparse penalty; 0: ablation without it");
    p.number("theta", theta, 0, 1, "zero fraction above which a view counts as sparse");
    p.number("tau", tau, 1e-3, 100, "temperature of the alignment");
    p.number("lambda_con", lambda_con, 0, 1e6,
             "weight of the alignment (divided by the number of views); 0: ablation without CDA");
    p.alias("lambda_CR");
    p.choice("kl_form", kl_form, {"mean_layers", "first_layer_sum"},
             "penalty: mean over units and the three layers, or the paper's sum over the first layer");
    p.choice("attention", attention, {"learnable", "fresh", "uniform"},
             "CSR weights: trained W_Q, W_K; drawn anew in every pass (published code); 1/V (ablation without CSR)");
    p.choice("gate", gate, {"adaptive", "all"},
             "SAA: penalty only where the zero fraction exceeds theta, or on every view (ablation)");
    p.choice(
        "sparsity_source", sparsity_source, {"normalised", "raw"},
        "zeros are counted in the scaled data, where every column has one at its minimum, or as the file has them");
    p.flag("eval_dropout", eval_dropout, "dropout stays on while features are extracted (published code)");
    p.number("learning_rate", learning_rate, 1e-8, 1, "Adam step size");
    p.number("weight_decay", weight_decay, 0, 1, "L2-coupled weight decay");
    p.integer("batch_size", batch_size, 0, 1 << 24, "rows per step; 0: all if N <= 4096, else 256");
    p.integer("pre_epochs", pre_epochs, 0, 1000000, "epochs of pre-training");
    p.integer("con_epochs", con_epochs, 0, 1000000, "epochs of alignment; 0: 300 if N < 2500, else 1000");
    p.integer("pre_check", pre_check, 1, 1000000, "epochs between evaluations in pre-training");
    p.integer("con_check", con_check, 0, 1000000,
              "epochs between evaluations in alignment; 0: 10 if N < 2500, else 100");
    p.integer("kmeans_n_init", n_init, 1, 100000, "restarts of k-means at evaluation");
    p.alias("n_init");
  }

  // Networks u = 0 .. V-1 and V (global). Stacked in the order `order`: those that may be penalised first.
  int views = 0, open = 0;
  std::vector<int> order, place;
  MlpStack enc_open, enc_closed, dec, fusion, compression, cycle;
  Param w_q, w_k;
  DrawName draw_q{"attention.query.weight"}, draw_k{"attention.key.weight"};
  std::vector<std::string> rec_names, con_names, sparse_names, zero_names;
  bool full_batch = true, raw = false, fixed_gate = true;
  DataSpec spec;

  std::string label(int u) const { return u < views ? std::to_string(u) : "global"; }

  std::string unfit(const DataSpec& s) const override {
    if (s.samples < 2) return "SparseMVC needs at least two samples for its alignment";
    if (batch_size == 1) return "batch_size=1 leaves the alignment no negatives";
    return "";
  }

  void build(Build& b) override {
    spec = b.spec;
    views = b.spec.views();
    const int64_t n = b.spec.samples;
    const int64_t batch = batch_size ? std::min(batch_size, n) : (n <= 4096 ? n : 256);
    full_batch = batch == n;
    raw = sparsity_source == "raw";
    if (1.0 / static_cast<double>(n) > theta && gate == "adaptive" && !raw && !b.predict)
      b.log(str("with ", n, " samples min-max scaling alone leaves every column a zero fraction of ",
                1.0 / static_cast<double>(n), ", above theta = ", theta, ": every view is penalised"));
    std::vector<bool> penalised(static_cast<size_t>(views) + 1, !full_batch || gate == "all");
    fixed_gate = full_batch || (raw && !b.predict);
    if (fixed_gate) {  // the zero fractions are constants of the data
      PLX_CHECK(config, !raw || b.predict || !spec.raw_zeros.empty(),
                "sparsemvc: sparsity_source=raw needs the data as they were read");
      const Sparsity s = raw && !b.predict
                             ? sparsity_from(b.ctx, b.views[0].dtype(), spec.raw_zeros, theta, beta, gate == "all")
                             : sparsity_of(b.ctx, b.views, theta, beta, gate == "all");
      b.state["sparsity"] = s.sparsity;
      b.state["gate"] = s.gate;
      const auto f = s.gate.to_vector<double>();
      for (size_t u = 0; u < penalised.size(); ++u) penalised[u] = f[u] > 0;
    }
    order.clear();
    for (const bool want : {true, false})
      for (int u = 0; u <= views; ++u)
        if (penalised[static_cast<size_t>(u)] == want) order.push_back(u);
    place.assign(order.size(), 0);
    open = 0;
    for (size_t i = 0; i < order.size(); ++i) {
      place[static_cast<size_t>(order[i])] = static_cast<int>(i);
      open += penalised[static_cast<size_t>(order[i])] ? 1 : 0;
    }

    int64_t all = 0;
    for (const int64_t d : b.spec.dims) all += d;
    const auto width = [&](int u) { return u < views ? b.spec.dims[static_cast<size_t>(u)] : all; };
    const auto stack = [&](const char* part, const char* inner, int from, int to, bool decoder) {
      std::vector<std::string> names;
      std::vector<int64_t> in, out;
      for (int i = from; i < to; ++i) {
        names.push_back(str(part, ".", order[static_cast<size_t>(i)], ".", inner));
        in.push_back(decoder ? feature_dim : width(order[static_cast<size_t>(i)]));
        out.push_back(decoder ? width(order[static_cast<size_t>(i)]) : feature_dim);
      }
      const std::vector<int64_t>& h = decoder ? decoder_hidden : encoder_hidden;
      return MlpStack(b.store, names, in,
                      {{h[0], Act::relu, drop, "0", "2"},
                       {h[1], Act::relu, drop, "3", "5"},
                       {h[2], Act::relu, drop, "6", "8"},
                       {feature_dim, Act::none, 0, "9", ""}},
                      out);
    };
    const int total = views + 1;
    if (open) enc_open = stack("encoders", "encoder", 0, open, false);
    if (open < total) enc_closed = stack("encoders", "encoder", open, total, false);
    dec = stack("decoders", "decoder", 0, total, true);
    fusion = MlpStack(b.store, {"feature_fusion_module"}, {feature_dim},
                      {{fusion_hidden, Act::relu, 0, "0", ""}, {high_feature_dim, Act::none, 0, "2", ""}});
    compression =
        MlpStack(b.store, {"common_information_module"}, {feature_dim}, {{high_feature_dim, Act::none, 0, "0", ""}});
    // dead in the published program, but in its checkpoints
    cycle = MlpStack(b.store, {"cycle_transfer_module"}, {feature_dim},
                     {{fusion_hidden, Act::relu, 0.1, "0", "2"}, {high_feature_dim, Act::none, 0, "3", ""}});
    if (attention == "learnable") {
      w_q = b.store.add("attention.query.weight", {feature_dim, feature_dim}, init::fan_in(feature_dim));
      w_k = b.store.add("attention.key.weight", {feature_dim, feature_dim}, init::fan_in(feature_dim));
    }
    for (const int u : order) rec_names.push_back("rec." + label(u));
    for (int i = 0; i < total; ++i)
      (i < open ? sparse_names : zero_names).push_back("sparse." + label(order[static_cast<size_t>(i)]));
    for (int v = 0; v < views; ++v) con_names.push_back(str("con.", v));
    if (open < total) b.state["closed"] = Tensor::persistent(b.ctx, b.store.dtype(), {total - open, 1});
    if (full_batch) b.state["concat"] = concat_views(b.ctx, b.views);
  }

  std::vector<Phase> plan() override {
    const int64_t n = spec.samples;
    const int64_t batch = full_batch ? 0 : (batch_size ? batch_size : 256);
    const OptimizerSpec adam{.lr = learning_rate, .weight_decay = weight_decay};
    std::vector<Phase> phases;
    for (const std::string phase : {"pretrain", "contrast"}) {
      Phase p;
      p.name = phase;
      const bool pre = phase == "pretrain";
      p.epochs = pre ? pre_epochs : con_epochs ? con_epochs : n < 2500 ? 300 : 1000;
      p.batch = batch;
      p.eval_every = pre ? pre_check : con_check ? con_check : n < 2500 ? 10 : 100;
      p.updates = {{.name = "all", .loss = [this, phase](Step& s) { return loss(s, phase); }, .opt = adam}};
      phases.push_back(p);
    }
    return phases;
  }

  // z of all networks, stacked in `order`; penalties of the open ones, [open, 1]
  Var encode(Pass& p, std::span<const Var> x, const Tensor& gates, Var* penalty) {
    Small<Var> parts;
    const int total = views + 1;
    if (open) {
      Var h, sum;
      for (int l = 0; l < 3; ++l) {
        const Var a = l ? enc_open.layer(p, l, {&h, 1}, false)
                        : enc_open.layer(p, 0, x.subspan(0, static_cast<size_t>(open)), false);
        if (penalty && (l == 0 || kl_form == "mean_layers")) {
          const Var e = activation_entropy(a, gates, rho, kl_form == "mean_layers");
          sum = sum.tape ? add_scaled(1, sum, 1, e) : e;
        }
        h = enc_open.drop(p, l, a);
      }
      if (penalty) *penalty = sum;
      parts.push_back(enc_open.layer(p, 3, {&h, 1}));
    }
    if (open < total) parts.push_back(enc_closed.forward(p, x.subspan(static_cast<size_t>(open))));
    return concat_rows(parts.span());
  }

  // attention weights [n, V] over the views' codes
  Var weights(Pass& p, const Var& z, int total) {
    const int64_t n = z.rows() / total;
    if (attention == "uniform") {
      Tensor w = Tensor::empty(p.ctx(), z.dtype(), {n, views});
      fill(p.ctx(), w, 1.0 / views);
      return p.constant(w);
    }
    const auto matrix = [&](Param q, const DrawName& d) {
      if (attention == "learnable") return p.param(q);
      Tensor w = Tensor::empty(p.ctx(), z.dtype(), {feature_dim, feature_dim});
      by_float(z.dtype(), [&]<class T>(T) {
        run(p.ctx(), FillDraw<T>{w.mat<T>(), p.matrix_draw(d).as<T>(), false,
                                 static_cast<T>(1 / std::sqrt(static_cast<double>(feature_dim)))});
      });
      return p.constant(w);
    };
    const Var wq = matrix(w_q, draw_q), wk = matrix(w_k, draw_k);
    const Var zc = problem(z, total, place[static_cast<size_t>(views)]);
    const Var q = linear({&zc, 1}, {&wq, 1}, {}, 1), k = linear({&z, 1}, {&wk, 1}, {}, 1);
    Small<Var> keys;
    for (int v = 0; v < views; ++v) keys.push_back(problem(k, total, place[static_cast<size_t>(v)]));
    return softmax(view_scores(q, keys.span(), 1 / std::sqrt(static_cast<double>(feature_dim))));
  }

  struct Aligned {
    Var attention, h;
    Small<Var> r;
  };
  Aligned align(Pass& p, const Var& z) {
    const int total = views + 1;
    Aligned a;
    const Var r = normalize(compression.forward(p, {&z, 1}));
    Small<Var> codes;
    for (int v = 0; v < views; ++v) {
      codes.push_back(problem(z, total, place[static_cast<size_t>(v)]));
      a.r.push_back(problem(r, total, place[static_cast<size_t>(v)]));
    }
    a.attention = weights(p, z, total);
    const Var m = view_mix(a.attention, codes.span());
    a.h = normalize(fusion.forward(p, {&m, 1}));
    return a;
  }

  Var loss(Step& s, const std::string& phase) override {
    const int total = views + 1;
    const Tensor side = full_batch ? s.state("concat") : concat_views(s.ctx(), s.all_views());
    Tensor gates, sparsity;
    if (fixed_gate) {
      gates = s.state("gate");
      sparsity = s.state("sparsity");
    } else {
      const Sparsity now = sparsity_of(s.ctx(), s.all_views(), theta, beta, gate == "all");
      gates = now.gate;
      sparsity = now.sparsity;
    }
    // factors of the open networks, in their order; the mean over three layers is part of the factor
    Tensor factor;
    if (open) {
      factor = Tensor::empty(s.ctx(), s.dtype(), {open, 1});
      for (int i = 0; i < open; ++i)
        axpby(s.ctx(), kl_form == "mean_layers" ? 1.0 / 3 : 1.0, gates.row_range(order[static_cast<size_t>(i)], 1), 0,
              factor.row_range(i, 1));
    }
    Small<Tensor> targets, outputs;
    Small<Var> x;
    for (const int u : order) {
      targets.push_back(u < views ? s.view(u) : side);
      x.push_back(s.constant(targets[targets.size() - 1]));
      if (s.tapping()) {
        outputs.push_back(Tensor::samples(s.ctx(), s.dtype(), targets[targets.size() - 1].shape()));
        s.tap("xhat." + label(u), outputs[outputs.size() - 1]);
      }
    }
    Var penalty;
    const Var z = encode(s, x.span(), factor, &penalty);
    const Var rec = dec.forward_mse(s, z, targets.span(), outputs.span());
    s.log(rec_names, rec);
    Small<Var, 4 * kMaxProblems> terms{rec};
    if (open) {
      s.log(sparse_names, penalty);
      terms.push_back(penalty);
    }
    if (open < total) s.log(zero_names, s.constant(s.state("closed")));
    for (int u = 0; u < total && s.tapping(); ++u)
      s.tap("z." + label(u), problem(z, total, place[static_cast<size_t>(u)]));
    s.tap("sparsity", sparsity);
    if (phase == "contrast") {
      const Aligned a = align(s, z);
      const Var con = anchor_contrast(a.h, a.r.span(), tau, lambda_con / views);
      s.log(con_names, con);
      terms.push_back(con);
      s.tap("H", a.h);
      s.tap("attention", a.attention);
      for (int v = 0; v < views && s.tapping(); ++v) s.tap(str("r.", v), a.r[v]);
    }
    return total_of(terms);
  }
  static Var total_of(const Small<Var, 4 * kMaxProblems>& terms) { return parallax::total(terms.span()); }

  void embed(Rows& r) override {
    const int total = views + 1;
    if (eval_dropout) r.draw_by_row();
    Small<Tensor> in;
    for (int v = 0; v < views; ++v) in.push_back(r.view(v));
    const Tensor side = concat_views(r.ctx(), in.span());
    Small<Var> x;
    for (const int u : order) x.push_back(r.constant(u < views ? r.view(u) : side));
    const Var z = encode(r, x.span(), {}, nullptr);
    const bool pre = r.phase() == "pretrain";
    const Aligned a = pre ? Aligned{} : align(r, z);
    for (int v = 0; v < views; ++v)
      r.out(str("view", v), pre ? problem(z, total, place[static_cast<size_t>(v)]) : a.r[v]);
    const Var zc = problem(z, total, place[static_cast<size_t>(views)]);
    r.out("global", zc);
    r.out("fused", pre ? zc : a.h);
  }
};

}  // namespace
PLX_METHOD(sparsemvc, SparseMvc)
}  // namespace parallax

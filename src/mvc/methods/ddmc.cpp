// DDMC (Wang et al., NeurIPS 2025): one modality is dominant and is clustered alone, by deep divergence-based
// clustering of its own representation; the others only shape it through losses on features (FDL) and on clusters
// (CDL). No code was published: both profiles are the page's reading. Ablations: alpha = beta = 0 is L_DDC, beta = 0 is
// + FDL, alpha = 0 + CDL.
#include <cmath>

#include "../../nn/norm.h"
#include "../../tensor/elementwise.h"
#include "../../tensor/random.h"
#include "../dominant.h"

namespace parallax {
namespace {

struct Ddmc final : Method {
  std::vector<int64_t> trunk_widths{512, 512, 256};
  int64_t head_hidden = 100, udc_iterations = 150, batch_size = 100, epochs = 100, lr_step = 50, select_every = 4;
  double alpha = 1, beta = 1, w_kl = 1, w_mi = 1, tau = 0.1, rel_sigma = 0.15, udc_power = 10, udc_tolerance = 1e-2;
  double bn_eps = 1e-5, bn_momentum = 0.1, learning_rate = 1e-3, lr_gamma = 0.1, clip_norm = 5, weight_decay = 0;
  std::string ddc_norm = "pairs", ddc2 = "samples", mi_feat = "raw", kl_reduce = "mean", contrast_neg = "both",
              udc = "sinkhorn";
  std::string heads = "separate", head_order = "relu_bn", enhance = "enhance";
  bool udc_double_softmax = false, selection = true;
  DominantOptions rule;

  std::string name() const override { return "ddmc"; }
  Labelling labelling() const override { return Labelling::argmax; }
  void profile(bool) override {}  // there is no published code to differ from

  void params(Visitor& p) override {
    p.text(
        "dominant", rule.rule,
        "dominant modality: silhouette (chosen by k-means and mean silhouette), a view's number from 0, or its name");
    p.integer("silhouette_restarts", rule.restarts, 1, 100000, "restarts of k-means for that choice");
    p.flag("guard", rule.guard,
           "only views with clusters of similar size are eligible (a mean silhouette rewards degenerate partitions)");
    p.number("guard_threshold", rule.threshold, 0, 1, "least entropy of the cluster sizes, as a fraction of ln K");
    p.choice("enhance", enhance, {"enhance", "fuse", "residual"},
             "the head sees the dominant modality alone; the softmax-weighted mean of all (ablation); the dominant one "
             "plus gated projections of the others");
    p.list("trunk", trunk_widths, 3, 1, 65536, "widths of the trunks; the last holds mean and spread, so it is even");
    p.integer("head_hidden", head_hidden, 1, 65536, "width of the head's hidden layer, where the kernel lives");
    p.choice("heads", heads, {"separate", "shared"},
             "one head per modality, or one for all (with running statistics per modality)");
    p.choice("head_order", head_order, {"relu_bn", "bn_relu"}, "order in the head's hidden layer");
    p.number("alpha", alpha, 0, 1e6, "weight of the feature-level diversity L_FDL; 0: ablation without it");
    p.number("beta", beta, 0, 1e6, "weight of the cluster-level diversity L_CDL; 0: ablation without it");
    p.number("w_kl", w_kl, 0, 1e6, "weight of the information I(X; T) inside L_FDL");
    p.number("w_mi", w_mi, 0, 1e6, "weight of the information I(Z; D) inside L_FDL");
    p.number("tau", tau, 1e-3, 100, "temperature of the contrast between modalities");
    p.number("rel_sigma", rel_sigma, 1e-6, 1e6, "kernel width as a fraction of the median squared distance");
    p.choice("ddc_norm", ddc_norm, {"pairs", "over_k"},
             "factor of the separation terms: 2/(K(K-1)) of released code, 1/K of the paper");
    p.choice("ddc2", ddc2, {"samples", "clusters", "clusters_raw"},
             "orthogonality term over pairs of samples, of clusters, or the bare sum over clusters");
    p.choice("mi_feat", mi_feat, {"raw", "softmax"},
             "I(Z; D) from activations as they are, or from the softmax of each row");
    p.choice("kl_reduce", kl_reduce, {"mean", "sum_dim"}, "I(X; T): mean, or sum over coordinates");
    p.choice("contrast_neg", contrast_neg, {"both", "cross"},
             "negatives of both modalities, or of the other one alone");
    p.choice("udc", udc, {"sinkhorn", "marginal", "per_sample"},
             "target of the uniform-distribution constraint: balanced labels, a uniform batch mean, uniform rows");
    p.number("udc_power", udc_power, 0.01, 1000, "sharpness of the balanced labels");
    p.integer("udc_iterations", udc_iterations, 1, 100000, "most iterations for the balanced labels");
    p.number("udc_tolerance", udc_tolerance, 0, 1e6, "their stopping rule, looked at in every tenth iteration");
    p.flag("udc_double_softmax", udc_double_softmax,
           "with udc=sinkhorn: a second softmax inside the cross entropy, as in the siblings' code");
    p.number("bn_eps", bn_eps, 1e-12, 1, "batch normalisation: added to the variance");
    p.number("bn_momentum", bn_momentum, 0, 1, "batch normalisation: share of a batch in the running statistics");
    p.number("learning_rate", learning_rate, 1e-8, 1, "Adam step size");
    p.alias("lr");
    p.integer("lr_step", lr_step, 0, 1000000, "epochs after which the rate falls; 0: never");
    p.number("lr_gamma", lr_gamma, 1e-6, 1, "factor by which it falls");
    p.number("clip_norm", clip_norm, 0, 1e9, "largest norm of all gradients together; 0: no clipping");
    p.alias("clip");
    p.number("weight_decay", weight_decay, 0, 1, "L2-coupled weight decay");
    p.integer("batch_size", batch_size, 2, 1 << 24, "rows per step");
    p.integer("epochs", epochs, 1, 1000000, "epochs");
    p.flag("selection", selection, "keep the weights with the lowest first DDC term over all samples (label-free)");
    p.integer("select_every", select_every, 1, 1000000, "epochs between looks at it");
  }

  DataSpec spec;
  int views = 0, dm = 0;
  Pairs star;
  MlpStack trunk, head_in, head_out, project;
  std::vector<BatchNormStack> norms;
  BatchNormStack head_norm;
  Param gate;
  std::vector<std::string> ddc_names{"ddc1", "ddc2", "ddc3"}, kl_names, mi_names, con_names, cmi_names, udc_names;
  std::vector<std::string> part_names{"ddc", "fdl", "cdl"};

  std::string unfit(const DataSpec& s) const override {
    if (s.samples < 2) return "DDMC needs at least two samples for its batch normalisation and its pairs";
    if (s.clusters > s.samples) return str("DDMC cannot find ", s.clusters, " clusters in ", s.samples, " samples");
    return "";
  }

  void build(Build& b) override {
    spec = b.spec;
    views = spec.views();
    const int64_t code = trunk_widths[2];
    PLX_CHECK(config, code % 2 == 0, "ddmc: the last width of trunk is ", code,
              "; it holds means and spreads in equal number and must be even");
    dm = choose_dominant(b, rule);
    rule.rule = std::to_string(dm);  // what was found is part of the record: repeats and predictions need no search
    star = {views, dm};
    std::vector<std::string> trunk_names, head_names;
    for (int m = 0; m < views; ++m) {
      trunk_names.push_back(str("trunks.", m));
      head_names.push_back(str("heads.", m));
      kl_names.push_back(str("kl.", m));
      udc_names.push_back(str("udc.", m));
      if (m == dm) continue;
      mi_names.push_back(str("mi.", m));
      cmi_names.push_back(str("cmi.", m));
      con_names.push_back(str("con_dm_to.", m));
      con_names.push_back(str("con_to_dm.", m));
    }
    std::vector<LayerSpec> layers;
    for (int l = 0; l < 3; ++l) {
      layers.push_back({.width = trunk_widths[static_cast<size_t>(l)], .name = str("linear", l), .kaiming = true});
      std::vector<std::string> bn;
      for (const std::string& t : trunk_names) bn.push_back(str(t, ".bn", l));
      norms.emplace_back(b.store, bn, bn, trunk_widths[static_cast<size_t>(l)],
                         BatchNormStack::Options{bn_eps, bn_momentum, Act::relu, 0});
    }
    trunk = MlpStack(b.store, trunk_names, spec.dims, layers);
    const bool shared = heads == "shared", bn_first = head_order == "bn_relu";
    if (shared) head_names = {"head"};
    const std::vector<int64_t> in(head_names.size(), code), hidden(head_names.size(), head_hidden);
    head_in = MlpStack(b.store, head_names, in, {{.width = head_hidden, .name = "hidden", .kaiming = true}});
    head_out = MlpStack(b.store, head_names, hidden, {{.width = spec.clusters, .name = "out", .kaiming = true}});
    std::vector<std::string> affine, statistics;
    for (int m = 0; m < views; ++m) statistics.push_back(shared ? str("head.bn.", m) : str("heads.", m, ".bn"));
    affine = shared ? std::vector<std::string>{"head.bn.0"} : statistics;
    head_norm = BatchNormStack(b.store, affine, statistics, head_hidden,
                               {bn_eps, bn_momentum, bn_first ? Act::relu : Act::none, 0, !bn_first});
    if (enhance == "fuse" && views > 1) gate = b.store.add("fusion.weight", {views, 1}, init::constant(1.0 / views));
    if (enhance == "residual" && views > 1) {
      gate = b.store.add("residual.gate", {views - 1, 1}, init::constant(0));
      std::vector<std::string> names;
      for (int m = 0; m < views; ++m)
        if (m != dm) names.push_back(str("residual.", m));
      project = MlpStack(b.store, names, std::vector<int64_t>(names.size(), code),
                         {{.width = code, .name = "linear", .kaiming = true}});
    }
  }

  std::vector<Phase> plan() override {
    Phase p;
    p.name = "train";
    p.epochs = epochs;
    p.batch = batch_size;
    p.updates = {{.name = "all",
                  .loss = [this](Step& s) { return loss(s, "train"); },
                  .opt = {.lr = learning_rate, .weight_decay = weight_decay, .clip_norm = clip_norm}}};
    if (lr_step > 0)
      p.lr_factor = [this](int64_t epoch) {
        const int64_t drops = (epoch - 1) / lr_step;
        return std::pow(lr_gamma, static_cast<double>(drops));
      };
    if (selection) {
      p.select_every = select_every;
      p.select = [this](Eval& e) { return first_term(e); };
    }
    return {p};
  }

  // every row the same weights: [n, weights]
  Var broadcast(Pass& p, const Var& weights, int64_t n) const {
    Tensor ones = Tensor::empty(p.ctx(), p.dtype(), {n, 1});
    fill(p.ctx(), ones, 1);
    const Var column = p.constant(ones);
    return linear({&column, 1}, {&weights, 1}, {}, 1);
  }
  // the stacked rows with those of the dominant modality replaced
  Var with_dominant(const Var& stacked, const Var& d) const {
    Small<Var> parts;
    for (int m = 0; m < views; ++m) parts.push_back(m == dm ? d : problem(stacked, views, m));
    return concat_rows(parts.span());
  }

  // Stacked over the modalities: T (D among them), what the heads see, H and A.
  struct Codes {
    Var t, seen, h, a;
  };
  Codes forward(Pass& p, std::span<const Var> x) const {
    Codes c;
    const bool train = p.training();
    for (int l = 0; l < 3; ++l)
      c.t = norms[static_cast<size_t>(l)].forward(p, trunk.product(p, l, l ? std::span<const Var>(&c.t, 1) : x), train,
                                                  trunk.biases(p, l).span());
    const int64_t n = c.t.rows() / views;
    if (enhance == "residual" && views > 1) {
      Small<Var> others, gated;
      for (int m = 0; m < views; ++m)
        if (m != dm) others.push_back(problem(c.t, views, m));
      const Var stacked = concat_rows(others.span()), projected = project.forward(p, {&stacked, 1});
      for (int i = 0; i + 1 < views; ++i) gated.push_back(problem(projected, views - 1, i));
      const Var extra = view_mix(broadcast(p, p.param(gate), n), gated.span());
      c.t = with_dominant(c.t, add_scaled(1, problem(c.t, views, dm), 1, extra));
    }
    c.seen = c.t;
    if (enhance == "fuse" && views > 1) {
      Small<Var> all;
      for (int m = 0; m < views; ++m) all.push_back(problem(c.t, views, m));
      c.seen = with_dominant(c.t, view_mix(softmax(broadcast(p, p.param(gate), n)), all.span()));
    }
    c.h = head_norm.forward(p, head_in.product(p, 0, {&c.seen, 1}), train, head_in.biases(p, 0).span());
    c.a = softmax(head_out.forward(p, {&c.h, 1}));
    return c;
  }

  Ddc::Attr ddc_options() const {
    Ddc::Attr at;
    at.rel_width = rel_sigma;
    at.norm = ddc_norm == "pairs" ? Ddc::pairs : Ddc::over_k;
    at.second = ddc2 == "samples" ? Ddc::samples : ddc2 == "clusters" ? Ddc::clusters : Ddc::clusters_raw;
    return at;
  }

  Var loss(Step& s, const std::string&) override {
    Small<Var> x;
    for (int m = 0; m < views; ++m) x.push_back(s.constant(s.view(m)));
    const Codes c = forward(s, x.span());
    const auto room = [&](int64_t rows) { return Tensor::empty(s.ctx(), s.dtype(), {rows, 1}); };

    // 5.1
    Ddc::Attr at = ddc_options();
    at.parts = room(3);
    at.width = room(1);
    const Var h = problem(c.h, views, dm);
    const Var clustering = ddc(problem(c.a, views, dm), h, at);
    s.log(ddc_names, s.constant(at.parts));

    // 5.2: L1 = information kept, L2 = contrast between the dominant modality and each other one
    const Var kl = gaussian_kl(c.t, views, kl_reduce == "sum_dim");
    s.log(kl_names, kl);
    Small<Var> feature{kl}, cluster;
    Small<double> feature_weights{w_kl}, cluster_weights{1};
    if (views > 1) {
      const Var mi = joint_information(mi_feat == "softmax" ? softmax(c.t) : c.t, star);
      const Tensor directions = room(2 * star.count());
      const Var contrast = pair_contrast(normalize(c.t), star, tau, contrast_neg == "both", directions);
      s.log(mi_names, mi);
      s.log(con_names, s.constant(directions));
      for (const Var& v : {mi, contrast}) feature.push_back(v);
      for (const double w : {w_mi, 1.0}) feature_weights.push_back(w);
    }

    // 5.3: L4 = cross entropy to balanced targets, L3 = information shared by the assignments
    UniformNll::Attr uniform;
    uniform.problems = views;
    uniform.target = udc == "sinkhorn"   ? UniformNll::sinkhorn
                     : udc == "marginal" ? UniformNll::marginal
                                         : UniformNll::per_sample;
    uniform.power = udc_power;
    uniform.tolerance = udc_tolerance;
    uniform.iterations = udc_iterations;
    uniform.double_softmax = udc_double_softmax;
    uniform.targets = Tensor::empty(s.ctx(), DType::i64, {c.a.rows(), 1});
    cluster.push_back(uniform_nll(c.a, uniform));
    s.log(udc_names, cluster[0]);
    if (views > 1) {
      cluster.push_back(joint_information(c.a, star, 1, true));
      cluster_weights.push_back(-1);
      s.log(cmi_names, cluster[1]);
    }
    // the three parts and their total
    const double one[] = {1};
    const Tensor parts = room(3);
    Var whole = grouped_total({{{&clustering, 1}, one, 1},
                               {feature.span(), feature_weights.span(), alpha},
                               {cluster.span(), cluster_weights.span(), beta}},
                              parts);
    s.log(part_names, s.constant(parts));
    if (s.tapping()) {
      for (int m = 0; m < views; ++m) {
        const int64_t n = s.rows();
        s.tap(str("T.", m), problem(c.t, views, m));
        s.tap(str("A.", m), problem(c.a, views, m));
        if (udc == "sinkhorn") s.tap(str("udc_target.", m), uniform.targets.row_range(m * n, n));
      }
      s.tap("H", h);
      s.tap("sigma2", at.width);
    }
    return whole;
  }

  // The mean of l1 over full batches of all samples in evaluation (page 8). The batches are a fixed shuffle: files are
  // often sorted by class, and a batch of one class says nothing about separation.
  double first_term(Eval& e) const {
    const Features f = e.map_rows([this](Rows& r) {
      const Codes c = forward(r, inputs(r).span());
      r.out("q", problem(c.a, views, dm));
      r.out("h", problem(c.h, views, dm));
    });
    const Tensor &q = *f.find("q"), &h = *f.find("h");
    const int64_t n = q.rows(), batch = std::min(batch_size, n);
    const std::vector<int64_t> order = shuffled(n, e.ctx().seed(), tag_of("ddmc.select"), 0);
    double sum = 0;
    for (int64_t at = 0; at + batch <= n; at += batch) {
      const ScratchScope scope(e.ctx());
      Tensor index = Tensor::empty(e.ctx(), DType::i64, {batch, 1});
      index.assign(std::vector<int64_t>(order.begin() + at, order.begin() + at + batch));
      const Tensor qb = Tensor::empty(e.ctx(), q.dtype(), {batch, q.cols()}),
                   hb = Tensor::empty(e.ctx(), h.dtype(), {batch, h.cols()});
      gather_rows(e.ctx(), q, index, qb);
      gather_rows(e.ctx(), h, index, hb);
      Ddc::Attr options = ddc_options();
      options.parts = Tensor::empty(e.ctx(), q.dtype(), {3, 1});
      Tape tape(e.ctx());
      ddc(tape.constant(qb), tape.constant(hb), options);
      sum += options.parts.row_range(0, 1).item();
    }
    const int64_t batches = n / batch;
    return sum / static_cast<double>(batches);
  }

  Small<Var> inputs(Rows& r) const {
    Small<Var> x;
    for (int m = 0; m < views; ++m) x.push_back(r.input(m));
    return x;
  }

  void embed(Rows& r) override {
    const Codes c = forward(r, inputs(r).span());
    for (int m = 0; m < views; ++m) r.out(str("view", m), problem(c.t, views, m));
    r.out("fused", problem(c.seen, views, dm));
    r.out("probabilities", problem(c.a, views, dm));
  }
};

}  // namespace
PLX_METHOD(ddmc, Ddmc)
}  // namespace parallax

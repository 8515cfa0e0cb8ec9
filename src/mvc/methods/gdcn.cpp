// GDCN (Zhu et al., arXiv 2509.09527): one autoencoder per view; a denoiser, conditioned on all codes, turns noise into
// one fused vector per sample; every view is contrasted with the fused vectors, neighbours in the inputs counting less
// as negatives; k-means on the fused vector. Phases: pretrain (reconstruction), finetune (reconstruction + contrast).
//
// The published sampling chain is kept as the default (sampler=reference) because it is what the results come from: of
// its K evaluations per repeat all but two have weight zero, and those are not computed. The paper's formula has no
// real root. Defaults that differ from the published program: noise at evaluation is common to all samples, so that an
// embedding is a function of its row (eval_noise); ties among neighbours are broken by index; encoders run once per
// step, not twice.
#include <algorithm>

#include "../diffusion.h"
#include "../method.h"

namespace parallax {
namespace {

struct Gdcn final : Method {
  int64_t low_feature_dim = 512, high_feature_dim = 128, denoiser_hidden = 512, K = 45, T = 1000, R = 10, knn = 10;
  std::vector<int64_t> encoder_hidden{500, 500, 2000}, decoder_hidden{2000, 500, 500};
  double tau = 0.5, noise_scale = 0.1, beta_min = 1e-5, sigma2_max = 0.99, offset = 1e-4, learning_rate = 3e-4,
         weight_decay = 0;
  std::string sampler = "reference", fused_norm = "none", eval_noise = "keyed", fusion = "diffusion";
  bool do_contrast = true;
  int64_t batch_size = 256, rec_epochs = 200, fine_tune_epochs = 100, n_init = 100;

  std::string name() const override { return "gdcn"; }
  int restarts() const override { return static_cast<int>(n_init); }
  std::string default_scale() const override { return "none"; }
  bool repeatable_by_row() const override { return eval_noise == "keyed"; }

  void profile(bool reference) override { eval_noise = reference ? "fresh" : "keyed"; }

  void params(Visitor& p) override {
    p.integer("low_feature_dim", low_feature_dim, 1, 65536, "width d of the views' codes");
    p.integer("high_feature_dim", high_feature_dim, 1, 65536, "width of the contrasted and of the fused vectors");
    p.list("encoder_hidden", encoder_hidden, 3, 1, 65536, "hidden widths of the encoders");
    p.list("decoder_hidden", decoder_hidden, 3, 1, 65536, "hidden widths of the decoders");
    p.integer("denoiser_hidden", denoiser_hidden, 1, 65536, "hidden width of the denoiser");
    p.number("temperature_f", tau, 1e-3, 100, "temperature of the contrast");
    p.alias("tau");
    p.integer("K", K, 1, 100000, "sampling points of the chain, at most T");
    p.integer("T", T, 1, 1000000, "diffusion length");
    p.integer("R", R, 1, 4096, "repeats of the chain that are averaged (B in the paper)");
    p.number("noise_scale", noise_scale, 0, 1e3, "deviation of the initial noise");
    p.integer("knn", knn, 1, 65536, "neighbours per sample in the batch, itself included");
    p.choice("sampler", sampler, {"reference", "ddim", "single"},
             "chain as published; deterministic DDIM (use it with K=10 and fused_norm=l2); one evaluation without "
             "noise (ablation)");
    p.choice("fused_norm", fused_norm, {"none", "l2"},
             "fused vector as it is (published code), or of unit length (paper's cosine)");
    p.choice("eval_noise", eval_noise, {"keyed", "fresh"},
             "noise at evaluation: common to all samples, or drawn for each (published)");
    p.choice("fusion", fusion, {"diffusion", "concat"},
             "concat: ablation without SGDF, the codes side by side are clustered; the paper does not say how they "
             "meet the views, here one linear layer does");
    p.flag("do_contrast", do_contrast, "structure-guided contrast; false: ablation without CL");
    p.number("beta_min", beta_min, 0, 1, "lower clamp of beta in the published chain");
    p.number("sigma2_max", sigma2_max, 0, 1, "upper clamp of sigma^2 in the published chain");
    p.number("schedule_offset", offset, 0, 1, "added to t/T in the schedule");
    p.number("learning_rate", learning_rate, 1e-8, 1, "Adam step size");
    p.alias("lr");
    p.number("weight_decay", weight_decay, 0, 1, "L2-coupled weight decay");
    p.integer("batch_size", batch_size, 0, 1 << 24,
              "rows per step, at most N; 0: all. The last partial batch is dropped");
    p.integer("rec_epochs", rec_epochs, 0, 1000000, "epochs of reconstruction alone");
    p.integer("fine_tune_epochs", fine_tune_epochs, 0, 1000000, "epochs with the contrast");
    p.integer("kmeans_n_init", n_init, 1, 100000, "restarts of k-means at evaluation");
    p.alias("n_init");
  }

  int views = 0;
  DataSpec spec;
  MlpStack enc, dec, head, concat_head;
  Param w0, b0, gamma, beta, w2, b2, alphas;
  DrawName noise_name{"noise"};
  std::vector<int64_t> times;
  FoldedChain chain;  // made when first used: the table of the schedule is a buffer that a file may fill
  std::vector<std::string> rec_names, con_names;

  int64_t batch() const { return batch_size ? std::min(batch_size, spec.samples) : spec.samples; }

  std::string unfit(const DataSpec& s) const override {
    const int64_t n = batch_size ? std::min(batch_size, s.samples) : s.samples;
    if (fine_tune_epochs > 0 && do_contrast && n < knn)
      return str("knn=", knn, " neighbours do not fit a batch of ", n, " samples");
    if (fine_tune_epochs > 0 && do_contrast && n < 2) return "the contrast needs at least two samples in a batch";
    if (K > T) return str("K=", K, " sampling points of a chain of T=", T);
    if (fusion == "diffusion" && sampler == "reference") {
      std::vector<double> a = published_alphas(T, offset);
      if (!fold_chain(published_chain(a, sampling_times(K, T), beta_min, sigma2_max)).weighted())
        return str("with K=", K, " and T=", T,
                   " the denoiser has no weight in the published chain; another K, T or sampler is needed");
    }
    return "";
  }

  void build(Build& b) override {
    spec = b.spec;
    views = spec.views();
    ParamStore& store = b.store;
    std::vector<std::string> encoders, decoders;
    for (int v = 0; v < views; ++v) {
      encoders.push_back(str("encoders.", v, ".encoder"));
      decoders.push_back(str("decoders.", v, ".decoder"));
      rec_names.push_back(str("rec.", v));
      con_names.push_back(str("con.", v));
    }
    const auto layers = [](const std::vector<int64_t>& h, int64_t out) {
      return std::vector<LayerSpec>{{h[0], Act::relu, 0, "0", ""},
                                    {h[1], Act::relu, 0, "2", ""},
                                    {h[2], Act::relu, 0, "4", ""},
                                    {out, Act::none, 0, "6", ""}};
    };
    enc = MlpStack(store, encoders, spec.dims, layers(encoder_hidden, low_feature_dim));
    dec = MlpStack(store, decoders, std::vector<int64_t>(encoders.size(), low_feature_dim), layers(decoder_hidden, 1),
                   spec.dims);
    head = MlpStack(store, {"Specific_view"}, {low_feature_dim}, {{high_feature_dim, Act::none, 0, "0", ""}});
    const int64_t all = low_feature_dim * views, in = high_feature_dim + all, wide = denoiser_hidden;
    if (fusion == "concat") {
      concat_head = MlpStack(store, {"concat_view"}, {all}, {{high_feature_dim, Act::none, 0, "0", ""}});
      return;
    }
    // Kaiming-normal by fan_out
    w0 = store.add("diffusion.denoise_net.0.weight", {wide, in}, init::kaiming_normal(wide));
    b0 = store.add("diffusion.denoise_net.0.bias", {1, wide}, init::constant(0));
    gamma = store.add("diffusion.denoise_net.1.weight", {1, wide}, init::constant(1));
    beta = store.add("diffusion.denoise_net.1.bias", {1, wide}, init::constant(0));
    w2 = store.add("diffusion.denoise_net.3.weight", {high_feature_dim, wide}, init::kaiming_normal(high_feature_dim));
    b2 = store.add("diffusion.denoise_net.3.bias", {1, high_feature_dim}, init::constant(0));
    alphas = store.add_buffer("diffusion.alphas", {1, T}, 0);
    const auto given = b.state.find("sampling_steps");
    times = given != b.state.end() ? given->second.to_vector<int64_t>() : sampling_times(K, T);
  }

  void initialise(ParamStore& store) override {
    if (fusion == "diffusion") store.value(alphas).assign(published_alphas(T, offset));
  }

  std::vector<Phase> plan() override {
    std::vector<Phase> phases;
    for (const std::string phase : {"pretrain", "finetune"}) {
      Phase p;
      p.name = phase;
      p.epochs = phase == "pretrain" ? rec_epochs : fine_tune_epochs;
      p.batch = batch();
      p.updates = {{.name = "all",
                    .loss = [this, phase](Step& s) { return loss(s, phase); },
                    .opt = {.lr = learning_rate, .weight_decay = weight_decay}}};
      phases.push_back(p);
    }
    return phases;
  }

  const FoldedChain& steps(Pass& p) {
    if (!chain.steps.empty()) return chain;
    if (sampler == "reference")
      chain = fold_chain(published_chain(p.store().value(alphas).to_vector<double>(), times, beta_min, sigma2_max));
    else if (sampler == "ddim")
      chain = fold_chain(ddim_chain(T, offset, times));
    else
      chain = {{{0, 1}}, 0};
    PLX_CHECK(config, !chain.steps.empty(), "no time of the chain is above zero, so that it has no step");
    return chain;
  }

  // the fused vectors [n, h], from the codes side by side
  Var fuse(Pass& p, const Var& c) {
    Var q;
    if (fusion == "concat") {
      q = concat_head.forward(p, {&c, 1});
    } else {
      const FoldedChain& f = steps(p);
      const DenoiserVars d{p.param(w0), p.param(b0), p.param(gamma), p.param(beta), p.param(w2), p.param(b2)};
      const double start = noise_scale * f.start;
      q = diffusion_chain(c, d,
                          {.steps = f.steps,
                           .repeats = start == 0 ? 1 : static_cast<int>(R),
                           .noise = start,
                           .draw = start == 0 ? AnyDraw{} : p.draw(noise_name)});
    }
    return fused_norm == "l2" ? normalize(q) : q;
  }
  Var contrasted(Pass& p, const Var& z) { return normalize(head.forward(p, {&z, 1})); }

  Var loss(Step& s, const std::string& phase) override {
    Small<Var> x;
    Small<Tensor> outputs;
    for (int v = 0; v < views; ++v) {
      x.push_back(s.constant(s.view(v)));
      if (!s.tapping()) continue;
      outputs.push_back(Tensor::samples(s.ctx(), s.dtype(), s.view(v).shape()));
      s.tap(str("xhat.", v), outputs[v]);
    }
    const Var z = enc.forward(s, x.span());
    const Var rec = dec.forward_mse(s, z, s.all_views(), outputs.span());
    s.log(rec_names, rec);
    for (int v = 0; v < views && s.tapping(); ++v) s.tap(str("z.", v), problem(z, views, v));
    if (phase == "pretrain" || !do_contrast) return total({rec});
    const Var h = contrasted(s, z), q = fuse(s, side_by_side(z, views));
    const Tensor counts = neighbour_counts(s.ctx(), s.all_views(), knn);
    const Var con = structure_contrast(h, q, counts, views, tau);
    s.log(con_names, con);
    if (s.tapping()) {
      for (int v = 0; v < views; ++v) s.tap(str("h.", v), problem(h, views, v));
      s.tap("q", q);
      std::vector<double> shares;
      for (const uint8_t c : counts.to_vector<uint8_t>()) shares.push_back(static_cast<double>(c) / views);
      Tensor t = Tensor::empty(s.ctx(), s.dtype(), counts.shape());
      t.assign(shares);
      s.tap("S", t);
    }
    return total({rec, con});
  }

  void embed(Rows& r) override {
    Small<Var> x;
    for (int v = 0; v < views; ++v) x.push_back(r.input(v));
    const Var z = enc.forward(r, x.span()), c = side_by_side(z, views);
    if (eval_noise == "fresh") r.draw_by_row();
    const bool pre = r.phase() == "pretrain";
    const Var h = pre ? z : contrasted(r, z);
    for (int v = 0; v < views; ++v) r.out(str("view", v), problem(h, views, v));
    r.out("fused", pre || fusion == "concat" ? c : fuse(r, c));
  }
};

}  // namespace
PLX_METHOD(gdcn, Gdcn)
}  // namespace parallax

// GMAE (Zou et al., TPAMI 2026): a common code from all views together and a specific code per view, all of them points
// of the probability simplex; each view is rebuilt from the pair. Common and specific codes are decorrelated, specific
// ones made recognisable by discriminators, neighbours in the inputs pulled together. k-means on the codes side by
// side; with labels (phase classify) a shared layer norm and a classifier head on them.
//
// What the published program does differently from the defaults here, kept behind keys (profile "reference"): the last
// sample is no anchor (anchors), the lists of classification are read in three different numberings (index_rule). Kept
// as published in both: the discriminators' sigmoid is taken for a logit (disc_loss), because the weights were tuned
// with it; discriminators and encoders are trained together and cooperate; the common code is a constant in the
// decorrelation.
#include "../../tensor/elementwise.h"
#include "../../tensor/random.h"
#include "../method.h"
#include "../neighbours.h"
#include "../sparsity.h"

namespace parallax {
namespace {

struct Gmae final : Method {
  int64_t feature_dim = 128, disc_hidden = 64, head_hidden = 0;
  std::vector<int64_t> hidden{500, 200};
  double disc_slope = 0.01, lambda_ma = 0.01, lambda_con = 0.01, lambda_dis = 1, lambda_cls = -1;
  double dropout_code = 0.5, dropout_rec = 0.5, dropout_head = 0.2, learning_rate = 1e-3, weight_decay = 0;
  std::string disc_loss = "ref", anchors = "all", index_rule = "consistent", codes = "both", task = "cluster";
  bool do_contrast = true, do_mi = true, do_ad = true, reversal = false;
  ListOptions list_options;
  int64_t epochs = 0, eval_interval = 10, batch_size = 0, n_init = 50;

  std::string name() const override { return "gmae"; }
  int restarts() const override { return static_cast<int>(n_init); }
  Labelling labelling() const override { return classify ? Labelling::argmax : Labelling::kmeans; }

  void profile(bool reference) override {
    anchors = reference ? "skip_last" : "all";
    index_rule = reference ? "reference" : "consistent";
  }

  void params(Visitor& p) override {
    p.integer("feature_dim", feature_dim, 1, 65536, "width d of every code");
    p.list("hidden", hidden, 2, 1, 65536, "hidden widths of the encoders; the decoders have them in reverse");
    p.alias("h_dims");
    p.integer("disc_hidden", disc_hidden, 1, 65536, "hidden width of the discriminators");
    p.number("disc_slope", disc_slope, 0, 1, "slope of their leaky ReLU below 0");
    p.number("lambda_ma", lambda_ma, 0, 1e6, "weight of the decorrelation and discriminator terms together");
    p.number("lambda_con", lambda_con, 0, 1e6, "weight of the contrast on neighbours");
    p.number("lambda_dis", lambda_dis, 0, 1e6, "weight of the discriminator terms beside the decorrelation");
    p.number("dropout_code", dropout_code, 0, 0.99, "dropout on the logits of the codes");
    p.number("dropout_rec", dropout_rec, 0, 0.99, "dropout on the logits of the reconstructions");
    p.choice(
        "disc_loss", disc_loss, {"ref", "logits"},
        "discriminators: their sigmoid taken for a logit (published; the weights were tuned with it), or plain logits");
    p.choice("anchors", anchors, {"all", "skip_last"},
             "contrast: every sample is an anchor, or all but the last (published)");
    p.choice(
        "index_rule", index_rule, {"consistent", "reference"},
        "classification: one numbering of samples, or the published mixture, in which neighbours are random samples");
    p.flag("do_contrast", do_contrast, "contrast on neighbours; false: ablation without it");
    p.flag("do_mi", do_mi, "decorrelation of common and specific codes; false: ablation without it");
    p.flag("do_ad", do_ad, "discriminators; false: ablation without them");
    p.flag("reversal", reversal, "experiment: encoders work against the discriminators (gradient reversal)");
    p.choice("codes", codes, {"both", "common", "specific"}, "codes that are clustered");
    p.integer("pos_num", list_options.pos_num, 2, 1e6, "positives per view and the sample itself");
    p.integer("neighbours", list_options.neighbours, 0, 1e9,
              "length of the list that positives and negatives are cut from; 0: N/4");
    p.integer("positives_per_view", list_options.positives, 0, 1e6, "0: pos_num - 1");
    p.integer("negatives_per_view", list_options.negatives, 0, 1e9, "0: (neighbours - pos_num - 1) / 2, at least 1");
    p.number("learning_rate", learning_rate, 1e-8, 1, "Adam step size");
    p.alias("lr");
    p.number("weight_decay", weight_decay, 0, 1, "L2-coupled weight decay");
    p.integer("epochs", epochs, 0, 1000000, "epochs of training; 0: 500, in classification 200");
    p.alias("train_epoch");
    p.integer("eval_interval", eval_interval, 1, 1000000, "epochs between evaluations");
    p.integer("batch_size", batch_size, 0, 1 << 24,
              "rows per step; 0: all (published). Else neighbours outside of the batch are left out of the contrast");
    p.integer("kmeans_n_init", n_init, 1, 100000, "restarts of k-means at evaluation");
    p.alias("n_init");
    p.choice("task", task, {"cluster", "classify"},
             "classify: layer norm and classifier head (labels are given by the trainer)");
    p.number("dropout_head", dropout_head, 0, 0.99, "classification: dropout in the head");
    p.integer("head_hidden", head_hidden, 0, 65536, "classification: hidden width of the head; 0: min(256, d (V + 1))");
    p.number("lambda_cls", lambda_cls, -1, 1e6,
             "classification: weight of the cross-entropy; -1: number of views (published)");
  }

  int views = 0;
  bool classify = false, whole = true;
  DataSpec spec;
  MlpStack enc, dec, head1, head2;    // enc: network 0 is the common one
  std::vector<Param> last_w, last_b;  // decoders' last layers
  std::vector<Param> disc[4];         // w1, b1, w2, b2 of every view
  Param norm_w, norm_b, head_norm_w, head_norm_b;
  std::vector<DrawName> rec_draws, head_draw{DrawName("dropout.classifier.1"), DrawName("dropout.classifier.4")};
  NeighbourTable table;
  std::vector<std::string> rec_names, mi_names, ad_names;
  const std::string con_name = "con", ce_name = "ce", cls_name = "cls";

  std::string unfit(const DataSpec& s) const override {
    if (s.samples < 3) return str("GMAE needs at least 3 samples for its neighbour lists, there are ", s.samples);
    if (batch_size == 1) return "batch_size=1 leaves the contrast no neighbours";
    if (batch_size && batch_size < s.samples && (task == "classify" || index_rule == "reference"))
      return "batch_size works with task=cluster and index_rule=consistent only: the published lists are positions "
             "among all samples";
    return "";
  }

  void build(Build& b) override {
    spec = b.spec;
    views = spec.views();
    classify = task == "classify" || b.state.count("labels");
    whole = batch_size == 0 || batch_size >= spec.samples;
    ParamStore& store = b.store;
    std::vector<std::string> enc_names{"encoder_share.models"}, dec_names;
    std::vector<int64_t> widths{0}, pairs;
    const auto linear_init = [](int64_t in) { return init::fan_in(in); };
    for (int v = 0; v < views; ++v) {
      const int64_t d = spec.dims[static_cast<size_t>(v)];
      widths[0] += d;
      widths.push_back(d);
      pairs.push_back(2 * feature_dim);
      enc_names.push_back(str("encoders_specific.", v, ".models"));
      dec_names.push_back(str("decoders_specific.", v, ".models"));
      const std::string base = str("discriminators.", v, ".discriminator.");
      disc[0].push_back(store.add(base + "0.weight", {disc_hidden, feature_dim}, linear_init(feature_dim)));
      disc[1].push_back(store.add(base + "0.bias", {1, disc_hidden}, linear_init(feature_dim)));
      disc[2].push_back(store.add(base + "2.weight", {1, disc_hidden}, linear_init(disc_hidden)));
      disc[3].push_back(store.add(base + "2.bias", {1, 1}, linear_init(disc_hidden)));
      last_w.push_back(store.add(dec_names.back() + ".4.weight", {d, hidden[0]}, linear_init(hidden[0])));
      last_b.push_back(store.add(dec_names.back() + ".4.bias", {1, d}, linear_init(hidden[0])));
      rec_draws.emplace_back("dropout." + dec_names.back() + ".5");
      rec_names.push_back(str("rec.", v));
      mi_names.push_back(str("mi.", v));
      ad_names.push_back(str("ad.", v));
    }
    enc = MlpStack(store, enc_names, widths,
                   {{hidden[0], Act::relu, 0, "0", ""},
                    {hidden[1], Act::relu, 0, "2", ""},
                    {feature_dim, Act::none, dropout_code, "4", "5"}});
    dec = MlpStack(store, dec_names, pairs, {{hidden[1], Act::relu, 0, "0", ""}, {hidden[0], Act::relu, 0, "2", ""}});
    if (classify) {
      const int64_t all = feature_dim * (views + 1), mid = head_hidden ? head_hidden : std::min<int64_t>(256, all);
      norm_w = store.add("block_norm.weight", {1, feature_dim}, init::constant(1));
      norm_b = store.add("block_norm.bias", {1, feature_dim}, init::constant(0));
      head_norm_w = store.add("classifier.0.weight", {1, all}, init::constant(1));
      head_norm_b = store.add("classifier.0.bias", {1, all}, init::constant(0));
      head1 = MlpStack(store, {"classifier"}, {all}, {{mid, Act::none, 0, "2", ""}});
      head2 = MlpStack(store, {"classifier"}, {mid}, {{std::max(1, spec.clusters), Act::none, 0, "5", ""}});
    }
    if (b.predict) return;
    if (whole) b.state["concat"] = concat_views(b.ctx, b.views);
    if (!do_contrast) return;
    if (!b.state.count("positives")) {
      const ListSizes sizes = list_sizes(spec.samples, list_options);
      if (!sizes.as_published)
        b.log(str(spec.samples, " samples are few for the published neighbour lists (96 are needed): ", sizes.positives,
                  " positives and ", sizes.negatives, " negatives per view"));
      const NeighbourLists lists = neighbour_lists(b.ctx, b.views, sizes);
      table = neighbour_table(b.ctx, lists.positives, lists.negatives, spec.samples);
    } else {
      PLX_CHECK(data, b.state.count("negatives"), "lists of positives without lists of negatives");
      table = neighbour_table(b.ctx, b.state["positives"], b.state["negatives"], spec.samples);
    }
  }

  std::vector<Phase> plan() override {
    Phase p;
    p.name = classify ? "classify" : "cluster";
    p.epochs = epochs ? epochs : classify ? 200 : 500;
    p.batch = whole ? 0 : batch_size;
    p.eval_every = eval_interval;
    p.updates = {{.name = "all",
                  .loss = [this](Step& s) { return loss(s, classify ? "classify" : "cluster"); },
                  .opt = {.lr = learning_rate, .weight_decay = weight_decay}}};
    // published classification: list entries are positions in a batch that is shuffled anew in every epoch
    p.before_epoch = [](Eval& e) {
      const auto it = e.state().find("shuffle");
      if (it != e.state().end())
        it->second.assign(
            shuffled(e.spec().samples, e.ctx().seed(), tag_of("gmae.shuffle"), static_cast<uint32_t>(e.epoch)));
    };
    return {p};
  }

  // codes of the common and the specific encoders, stacked [(V + 1) n, d]
  Var encode(Pass& p, std::span<const Tensor> x, const Tensor& side) {
    Small<Var> in{p.constant(side)};
    for (const Tensor& t : x) in.push_back(p.constant(t));
    return enc.forward_softmax(p, in.span());
  }
  Var normed(Pass& p, const Var& z) { return classify ? layer_norm(z, p.param(norm_w), p.param(norm_b)) : z; }
  Var logits(Pass& p, const Var& side) {
    const auto drop = [&](const Var& x, size_t i) {
      return p.dropping() && dropout_head > 0 ? dropout(x, dropout_head, {p.draw(head_draw[i])}) : x;
    };
    const Var x = drop(layer_norm(side, p.param(head_norm_w), p.param(head_norm_b)), 0);
    const Var h = drop(gelu(head1.forward(p, {&x, 1})), 1);
    return head2.forward(p, {&h, 1});
  }
  Small<Var> values(Pass& p, const std::vector<Param>& list) {
    Small<Var> v;
    for (const Param q : list) v.push_back(p.param(q));
    return v;
  }

  Var reconstruct(Step& s, const Var& z) {
    const Var pairs = join_common(z, views);
    const Var h = dec.forward(s, {&pairs, 1});
    Small<Tensor> outputs;
    for (int v = 0; v < views && s.tapping(); ++v) {
      outputs.push_back(Tensor::samples(s.ctx(), s.dtype(), s.view(v).shape()));
      s.tap(str("xhat.", v), outputs[v]);
    }
    const Small<Var> w = values(s, last_w), b = values(s, last_b);
    const Small<AnyDraw> draws = dropout_rec > 0 ? s.draws(rec_draws) : Small<AnyDraw>{};
    return linear_sigmoid_mse(h, w.span(), b.span(), s.all_views(), dropout_rec, draws, outputs.span());
  }

  Var judge(Step& s, const Var& specific) {
    Small<Tensor> outputs;
    for (int v = 0; v < views && s.tapping(); ++v) {
      outputs.push_back(Tensor::samples(s.ctx(), s.dtype(), {s.rows(), views}));
      s.tap(str("D.", v), outputs[v]);
    }
    Small<Var> layer[4];
    for (int i = 0; i < 4; ++i) layer[i] = values(s, disc[i]);
    return discriminators(specific, layer[0].span(), layer[1].span(), layer[2].span(), layer[3].span(),
                          disc_loss == "ref", disc_slope, lambda_dis, outputs.span(), reversal);
  }

  Var contrast(Step& s, const Var& z) {
    NeighbourContrast::Attr at{.table = table, .skip_last = anchors == "skip_last"};
    const bool in_order = whole && !s.has_state("ids");  // row i is sample i
    if (!in_order) at.owner = s.ids();
    if (index_rule == "consistent") {
      if (!in_order) at.place = places_of(s.ctx(), s.ids(), table.lists(), s.dtype());
    } else if (s.has_state("shuffle")) {
      at.owner = s.state("original_ids");
      at.place = s.state("shuffle");
    }
    return neighbour_contrast(normalize(z, 1e-8, views + 1), at);
  }

  Var loss(Step& s, const std::string& phase) override {
    PLX_CHECK(internal, classify == (phase == "classify"), "GMAE was not built for the phase ", phase);
    const Var z = encode(s, s.all_views(), whole ? s.state("concat") : concat_views(s.ctx(), s.all_views()));
    const Var specific = row_range(z, s.rows(), views * s.rows());
    const Var none = s.constant(Tensor::zeros(s.ctx(), s.dtype(), {views, 1}));
    Small<Var, 4 * kMaxProblems> terms;
    Small<double, 4 * kMaxProblems> weights;
    const auto add = [&](const std::vector<std::string>& names, bool wanted, double weight, auto&& make) {
      const Var term = wanted ? make() : none;
      s.log(names, term);
      if (!wanted) return;
      terms.push_back(term);
      weights.push_back(weight);
    };
    add(rec_names, true, 1, [&] { return reconstruct(s, z); });
    add(mi_names, do_mi, lambda_ma, [&] { return decorrelation(z.value.row_range(0, s.rows()), specific); });
    add(ad_names, do_ad && views > 1, lambda_ma, [&] { return judge(s, specific); });
    if (views == 1 && s.tapping()) judge(s, specific);  // its output is defined, though nothing is to be told apart
    // last of the codes' readers: backward they are the first, and write the whole gradient that the others add to
    const Var normed_z = normed(s, z), side = classify || s.tapping() ? side_by_side(normed_z, views + 1) : Var{};
    const Var con = do_contrast ? contrast(s, normed_z) : row_range(none, 0, 1);
    s.log(con_name, con);
    if (do_contrast) terms.push_back(con), weights.push_back(lambda_con);
    if (classify) {
      const Var scores = logits(s, side), ce = cross_entropy(scores, s.state("labels"));
      const Var cls =
          weighted_total({&ce, 1}, std::vector<double>{lambda_cls >= 0 ? lambda_cls : static_cast<double>(views)});
      s.log(ce_name, ce);
      s.log(cls_name, cls);
      s.tap("logits", scores);
      terms.push_back(cls), weights.push_back(1);
    }
    for (int v = 0; v < views && s.tapping(); ++v) s.tap(str("P.", v), problem(z, views + 1, v + 1));
    s.tap("S", problem(z, views + 1, 0));
    if (s.tapping()) s.tap("hidden", side);
    return weighted_total(terms.span(), weights.span());
  }

  void embed(Rows& r) override {
    Small<Tensor> in;
    for (int v = 0; v < views; ++v) in.push_back(r.view(v));
    const Var z = normed(r, encode(r, in.span(), concat_views(r.ctx(), in.span())));
    for (int v = 0; v < views; ++v) r.out(str("view", v), problem(z, views + 1, v + 1));
    r.out("global", problem(z, views + 1, 0));
    const Var side = side_by_side(z, views + 1);
    if (codes == "both")
      r.out("fused", side);
    else if (codes == "common")
      r.out("fused", problem(z, views + 1, 0));
    else
      r.out("fused", side_by_side(row_range(z, z.rows() / (views + 1), z.rows() / (views + 1) * views), views));
    if (classify) r.out("probabilities", softmax(logits(r, side)));
  }
};

}  // namespace
PLX_METHOD(gmae, Gmae)
}  // namespace parallax

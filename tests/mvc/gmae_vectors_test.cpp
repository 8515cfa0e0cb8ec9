// The test vectors of GMAE's specification (its section 12): published code in double precision, dropout off.
#include <parallax/autograd/ops.h>
#include <parallax/cluster/metrics.h>
#include <parallax/mvc/neighbours.h>

#include "method_tests.h"

namespace parallax::testing {
namespace {

TEST(GmaeVectors, Recipe) { EXPECT_DOUBLE_EQ(recipe(0, 0), 0.8833108082136426); }

TEST(GmaeVectors, Decorrelation) {
  Context ctx;
  Tape tape(ctx);
  const Var p = tape.input(recipe_tensor(ctx, 2101, {5, 2}));
  const Var l = decorrelation(recipe_tensor(ctx, 2100, {5, 3}), p);
  EXPECT_NEAR(l.value.item(), 0.748137897994861, 1e-14);
  tape.backward(l);
  const auto g = tape.grad_of(p).to_vector<double>();
  EXPECT_NEAR(g[0], -.146414376993, 1e-11);
  EXPECT_NEAR(g[1], .562307261435, 1e-11);
}

NeighbourTable ring_lists(Context& ctx) {
  std::vector<int64_t> near, far;
  for (int64_t i = 0; i < 6; ++i) {
    for (const int64_t s : {1, 2}) near.push_back((i + s) % 6);
    for (const int64_t s : {3, 4, 5}) far.push_back((i + s) % 6);
  }
  return neighbour_table(ctx, Tensor::from(ctx, near, {6, 2}), Tensor::from(ctx, far, {6, 3}), 6);
}

TEST(GmaeVectors, Contrast) {
  Context ctx;
  for (const bool skip : {true, false}) {
    Tape tape(ctx);
    const Var h = tape.input(recipe_tensor(ctx, 2200, {6, 4}));
    const Var l = neighbour_contrast(normalize(h, 1e-8), {.table = ring_lists(ctx), .skip_last = skip});
    EXPECT_NEAR(l.value.item(), skip ? 1.9079867668968555 : 2.2676464382390775, 1e-14);
    if (!skip) continue;
    tape.backward(l);
    const auto g = tape.grad_of(h).to_vector<double>();
    const double norms[] = {.0661012555429, .102796973541, .0968601093852, .0896040648026, .0960582363091, 0};
    for (size_t i = 0; i < 6; ++i)
      EXPECT_NEAR(length({g.begin() + 4 * long(i), g.begin() + 4 * long(i) + 4}), norms[i], 1e-12);
  }
}

TEST(GmaeVectors, Metrics) {
  const std::vector<int64_t> y{0, 0, 0, 1, 1, 1, 2, 2, 2, 2}, c{1, 1, 0, 0, 0, 0, 2, 2, 2, 1};
  const GmaeCodedScores s = score_gmae_coded(y, c);
  EXPECT_NEAR(s.acc, .8, 1e-12);
  EXPECT_NEAR(s.nmi, .6180656405979676, 1e-12);
  EXPECT_NEAR(s.purity, .8, 1e-12);
  EXPECT_NEAR(s.ari, .6742671009771987, 1e-12);
  EXPECT_NEAR(s.precision, .416666666667, 1e-11);
  EXPECT_NEAR(s.recall, .8, 1e-12);
  EXPECT_NEAR(s.f, .547945205479, 1e-11);
  EXPECT_NEAR(score(y, c).ari, .4318181818181818, 1e-12);
}

// Two views of 120 samples; parameters by id, in the order of the page.
struct World {
  Context ctx;
  ParamStore store{ctx, DType::f64};
  std::unique_ptr<Method> method;
  std::vector<Tensor> views;
  std::map<std::string, Tensor> state;
  std::unique_ptr<Tape> tape = std::make_unique<Tape>(ctx);

  explicit World(std::vector<Setting> settings, bool classify = false, bool reference = true) {
    for (const char* key : {"dropout_code", "dropout_rec", "dropout_head"}) settings.emplace_back(key, "0");
    if (classify) {
      settings.emplace_back("index_rule", "consistent");
      std::vector<int64_t> labels;
      for (int64_t i = 0; i < 120; ++i) labels.push_back(i % 3);
      state["labels"] = Tensor::from(ctx, labels, {120, 1});
    }
    method = method_with("gmae", reference, settings);
    views = {recipe_tensor(ctx, 1000, {120, 7}), recipe_tensor(ctx, 1001, {120, 5})};
    const DataSpec spec{120, {7, 5}, 3, {}};
    Build b{ctx, store, spec, views, state, [](const std::string&) {}};
    method->build(b);
    store.allocate();
    uint64_t id = 0;
    const auto layer = [&](const std::string& name) {
      const Param w = store.find(name + ".weight"), c = store.find(name + ".bias");
      const double fan = static_cast<double>(store.value(w).cols());
      for (const Param p : {w, c}) {
        std::vector<double> v = recipe_values(id++, store.value(p).count());
        for (double& x : v) x = (2 * x - 1) / std::sqrt(fan);
        store.value(p).assign(v);
      }
    };
    for (const std::string v : {"0", "1"})
      for (const std::string l : {"0", "2"}) layer("discriminators." + v + ".discriminator." + l);
    for (const std::string v : {"0", "1"})
      for (const std::string part : {"encoders_specific.", "decoders_specific."})
        for (const std::string l : {"0", "2", "4"}) layer(part + v + ".models." + l);
    for (const std::string l : {"0", "2", "4"}) layer("encoder_share.models." + l);
    EXPECT_EQ(id, 38u);
    if (classify)
      for (const std::string l : {"2", "5"}) layer("classifier." + l);
  }
  std::map<std::string, double> losses;
  std::map<std::string, Tensor> taps;
  Var forward(const std::string& phase = "cluster") {
    ctx.begin_step();
    tape->clear();
    store.begin_step();
    Step s(*tape, store, views, state);
    std::vector<int64_t> ids(120);
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i);
    Tensor t = Tensor::empty(ctx, DType::i64, {120, 1});
    t.assign(ids);
    s.use_ids(t);
    taps.clear();
    s.collect_taps(&taps);
    Var l = method->loss(s, phase);
    losses.clear();
    for (const auto& g : s.logged()) losses[*g.name] = g.column.row_range(g.row, 1).item();
    losses["total"] = l.value.item();
    return l;
  }
  double gradient(const std::string& name) { return length(store.grad(store.find(name)).to_vector<double>()); }
};

TEST(GmaeVectors, NeighbourLists) {
  Context ctx;
  const Tensor views[] = {recipe_tensor(ctx, 1000, {120, 7}), recipe_tensor(ctx, 1001, {120, 5})};
  const ListSizes sizes = list_sizes(120, {});
  EXPECT_EQ(sizes.searched, 30);
  EXPECT_EQ(sizes.negatives, 4);
  EXPECT_TRUE(sizes.as_published);
  const NeighbourLists l = neighbour_lists(ctx, views, sizes);
  const std::vector<int64_t> near{48, 18, 55, 113, 19,  32, 104, 97,  111, 114, 82, 80, 99, 57,
                                  44, 15, 21, 33,  106, 69, 99,  118, 82,  14,  74, 12, 32, 93,
                                  25, 64, 8,  79,  13,  65, 113, 59,  28,  116, 51, 1};
  const std::vector<int64_t> far{90, 22, 101, 95, 27, 53, 92, 52};
  EXPECT_EQ(l.positives.row_range(0, 1).to_vector<int64_t>(), near);
  EXPECT_EQ(l.negatives.row_range(0, 1).to_vector<int64_t>(), far);
}

TEST(GmaeVectors, EndToEnd) {
  World w({});
  const Var l = w.forward();
  const std::pair<const char*, double> terms[] = {
      {"rec.0", .0823962326991}, {"rec.1", .0851065027777}, {"mi.0", .0138315917374},   {"mi.1", .0152101149401},
      {"ad.0", 1.44656490467},   {"ad.1", 1.45066526813},   {"con", 82.48183018568871}, {"total", 1.02158375613}};
  for (const auto& [name, value] : terms) EXPECT_DIGITS(w.losses.at(name), value, 2e-11) << name;
  const auto s = w.taps.at("S").to_vector<double>(), x = w.taps.at("xhat.0").to_vector<double>();
  const double s0[] = {.00810573944919, .00792106653715, .00782959620671},
               x0[] = {.50469506848, .513386687293, .512230448929};
  for (size_t j = 0; j < 3; ++j) {
    EXPECT_DIGITS(s[j], s0[j], 1e-10);
    EXPECT_DIGITS(x[j], x0[j], 1e-10);
  }
  w.tape->backward(l);
  const std::pair<const char*, double> grads[] = {{"discriminators.0.discriminator.0.weight", 1.986585559e-05},
                                                  {"encoders_specific.0.models.0.weight", 5.11616694484e-05},
                                                  {"encoders_specific.1.models.4.weight", .000152281044226},
                                                  {"decoders_specific.0.models.0.weight", .000126888097608},
                                                  {"decoders_specific.1.models.4.weight", .00531384268602},
                                                  {"encoder_share.models.0.weight", 6.18277817163e-06},
                                                  {"encoder_share.models.4.weight", 1.71435985297e-05}};
  for (const auto& [name, value] : grads) EXPECT_DIGITS(w.gradient(name), value, 1e-9) << name;
}

TEST(GmaeVectors, TermsReachTheCodes) {
  World w({});
  w.forward();
  const auto codes = [&](const char* name) { return w.taps.at(name); };
  Tensor z = Tensor::empty(w.ctx, DType::f64, {360, 128});
  const char* names[] = {"S", "P.0", "P.1"};
  for (int64_t u = 0; u < 3; ++u) z.row_range(120 * u, 120).copy_from(codes(names[u]));
  const auto norms = [&](const std::function<Var(Tape&, const Var&)>& term) {
    Tape t(w.ctx);
    const Var x = t.input(z), l = term(t, x);
    t.backward(l);
    std::vector<double> n;
    for (int64_t u = 0; u < 3; ++u) n.push_back(length(t.grad_of(x).row_range(120 * u, 120).to_vector<double>()));
    return n;
  };
  const auto mi = norms([&](Tape&, const Var& x) { return decorrelation(codes("S"), row_range(x, 120, 120)); });
  EXPECT_EQ(mi[0], 0);
  EXPECT_DIGITS(mi[1], .770864860627, 1e-11);
  EXPECT_EQ(mi[2], 0);
  const auto ad = norms([&](Tape& t, const Var& x) {
    std::vector<Var> layers[4];
    for (int i = 0; i < 4; ++i)
      for (const char* v : {"0", "1"})
        layers[i].push_back(t.constant(w.store.value(
            w.store.find(str("discriminators.", v, ".discriminator.", i < 2 ? 0 : 2, i % 2 ? ".bias" : ".weight")))));
    return row_range(discriminators(row_range(x, 120, 240), layers[0], layers[1], layers[2], layers[3], true), 0, 1);
  });
  EXPECT_EQ(ad[0], 0);
  EXPECT_DIGITS(ad[1], .00193026899037, 1e-10);
  EXPECT_DIGITS(ad[2], .0031613644234, 1e-10);
  const auto con = norms([&](Tape&, const Var& x) {
    const NeighbourLists l = neighbour_lists(w.ctx, w.views, list_sizes(120, {}));
    const NeighbourContrast::Attr lists{.table = neighbour_table(w.ctx, l.positives, l.negatives, 120),
                                        .skip_last = true};
    return neighbour_contrast(normalize(side_by_side(x, 3), 1e-8), lists);
  });
  EXPECT_DIGITS(con[0], .127800871541, 1e-11);
  EXPECT_DIGITS(con[1], .126129790833, 1e-11);
  EXPECT_DIGITS(con[2], .120280735459, 1e-11);
}

TEST(GmaeVectors, Steps) {
  World w({});
  Optimizer adam(w.store, {.lr = 1e-3});
  const double totals[] = {1.02158375613, 1.02096262257, 1.02047225622, 1.02006737934};
  for (const double expected : totals) {
    const Var l = w.forward();
    EXPECT_DIGITS(l.value.item(), expected, 1e-11);
    w.tape->backward(l);
    adam.step(l.value);
    w.ctx.end_step();
  }
}

TEST(GmaeVectors, Classification) {
  World w({}, true);
  w.forward("classify");
  EXPECT_DIGITS(w.losses.at("con"), 82.00608263317045, 1e-12);
  EXPECT_DIGITS(w.losses.at("ce"), 1.114297668585624, 1e-12);
  EXPECT_DIGITS(w.losses.at("total"), 3.24542161777, 1e-11);
  const auto l = w.taps.at("logits").to_vector<double>();
  const double first[] = {.50139700014, .102525951792, .0680140270884};
  for (size_t k = 0; k < 3; ++k) EXPECT_DIGITS(l[k], first[k], 1e-10);
}

TEST(GmaeVectors, ReversalTurnsTheCodesGradientOnly) {
  World plain({{"do_contrast", "false"}, {"do_mi", "false"}}),
      turned({{"do_contrast", "false"}, {"do_mi", "false"}, {"reversal", "true"}});
  World none({{"do_contrast", "false"}, {"do_mi", "false"}, {"do_ad", "false"}});
  for (World* w : {&plain, &turned, &none}) {
    const Var l = w->forward();
    w->tape->backward(l);
  }
  EXPECT_EQ(plain.losses.at("total"), turned.losses.at("total"));
  const auto of = [](World& w, const char* name) { return w.store.grad(w.store.find(name)).to_vector<double>(); };
  EXPECT_EQ(of(plain, "discriminators.1.discriminator.0.weight"),
            of(turned, "discriminators.1.discriminator.0.weight"));
  const char* encoder = "encoders_specific.0.models.4.weight";
  const auto a = of(plain, encoder), b = of(turned, encoder), c = of(none, encoder);
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i] - c[i], c[i] - b[i], 1e-15);
  EXPECT_GT(length(a), 0);
  EXPECT_FALSE(*none.store.written(none.store.find("discriminators.0.discriminator.0.weight")));
}

}  // namespace
}  // namespace parallax::testing

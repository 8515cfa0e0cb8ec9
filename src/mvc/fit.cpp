#include "fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace parallax {

std::unique_ptr<Method> configured_method(const FitOptions& o) {
  PLX_CHECK(config, o.profile == "sound" || o.profile == "reference", "profile must be sound or reference, not '",
            o.profile, "'");
  std::unique_ptr<Method> m = make_method(o.method);
  m->profile(o.profile == "reference");
  Visitor v;
  m->params(v);
  apply_settings(v, o.set, o.method);
  return m;
}

namespace {
// Scaled, corrupted views in the training type, and the plans for later rows.
std::vector<Tensor> prepare(const FitOptions& o, const std::string& scale, const MultiView& data, Context& ctx,
                            FitResult& result) {
  for (const View& v : data.views) result.model.scaling.push_back(fit_scale(v, parse_scale(scale)));
  if (!o.corrupt.any()) return scaled_views(ctx, o.type, data, result.model.scaling);
  std::vector<std::vector<double>> views;
  for (size_t v = 0; v < data.views.size(); ++v)
    views.push_back(apply_scale_f64(result.model.scaling[v], data.views[v]));
  result.masks = corrupt(views, data.dims(), data.samples, data.labels.values, data.labels.classes(), o.corrupt);
  std::vector<Tensor> tensors;
  for (size_t v = 0; v < views.size(); ++v) {
    tensors.push_back(Tensor::samples(ctx, o.type, {data.views[v].rows, data.views[v].cols}));
    tensors.back().assign(views[v]);
  }
  return tensors;
}

std::vector<double> zero_fractions(const MultiView& data) {
  std::vector<double> all;
  for (const View& v : data.views) {
    int64_t zeros = 0;
    for (int64_t i = 0; i < v.rows; ++i)
      for (int64_t j = 0; j < v.cols; ++j) zeros += v.at(i, j) == 0;
    all.push_back(static_cast<double>(zeros) / static_cast<double>(v.rows * v.cols));
  }
  return all;
}

// Views of large values. Data sets of methods that do not scale are small counts or shares; others mostly want scaling.
std::string large_views(const MultiView& data) {
  std::string views;
  for (const View& v : data.views) {
    double sum = 0;
    for (int64_t i = 0; i < v.rows; ++i)
      for (int64_t j = 0; j < v.cols; ++j) sum += v.at(i, j) * v.at(i, j);
    const double size = std::sqrt(sum / static_cast<double>(std::max<int64_t>(1, v.rows * v.cols)));
    if (size > 10) views += str(views.empty() ? "" : ", ", v.name, " (root mean square ", std::round(size), ")");
  }
  return views;
}

int clusters_of(const FitOptions& o, const MultiView& data) {
  const int k = o.clusters ? o.clusters : data.labels.classes();
  PLX_CHECK(config, k > 0, data.name, " has no labels, so the number of clusters must be given (--clusters K)");
  PLX_CHECK(config, k <= data.samples, k, " clusters for ", data.samples, " samples");
  return k;
}
}  // namespace

int64_t planned_epochs(const FitOptions& o, const DataSpec& spec) {
  Context ctx;
  const std::unique_ptr<Method> m = configured_method(o);
  std::map<std::string, Tensor> state;
  ParamStore store(ctx, DType::f32);
  std::vector<Tensor> none;
  for (const int64_t d : spec.dims) none.push_back(Tensor::persistent(ctx, DType::f32, {1, d}));
  Build b{ctx, store, spec, none, state, [](const std::string&) {}};
  b.predict = true;
  m->build(b);
  int64_t epochs = 0;
  for (const Phase& p : m->plan()) epochs += p.epochs;
  return epochs;
}

FitResult fit(const FitOptions& o, const MultiView& data, Context& ctx, const std::string& model_path) {
  const auto start = std::chrono::steady_clock::now();
  const std::unique_ptr<Method> method = configured_method(o);
  const Breadcrumb crumb{o.method};
  FitResult result;
  Model& model = result.model;
  model.method = o.method;
  model.profile = o.profile;
  model.seed = ctx.seed();
  for (const View& v : data.views) model.view_names.push_back(v.name);
  result.scale = o.scale.empty() ? method->default_scale() : o.scale;
  EvaluateOptions eval;
  eval.clusters = clusters_of(o, data);
  eval.restarts = o.restarts ? o.restarts : method->restarts();
  eval.seed = ctx.seed();
  eval.labelling = method->labelling();

  Trainer trainer(ctx, *method, prepare(o, result.scale, data, ctx, result), eval.clusters, model.view_names);
  trainer.raw_zeros(zero_fractions(data));
  trainer.build(o.log);
  if (o.log && o.scale.empty() && result.scale == "none")
    if (const std::string large = large_views(data); !large.empty())
      o.log(str("large values go in as they are, which is this method's rule: ", large,
                "; with --scale minmax they would lie in 0 to 1"));
  model.spec = trainer.spec();
  if (Backend* device = ctx.backend(); device && o.log)
    o.log(str("memory on ", device->name(), ": data, parameters and optimiser state ",
              static_cast<double>(ctx.memory()->live) / 1e6, " MB, free ",
              static_cast<double>(device->free_bytes()) / 1e6, " MB"));
  int64_t epochs = 0;
  for (const Phase& p : method->plan()) epochs += p.epochs, model.phase = p.epochs ? p.name : model.phase;

  std::vector<FeatureScores> now;
  TrainerOptions t;
  t.eval_every = o.eval_every;
  t.log = o.log;
  t.on_evaluation = [&](const EpochRow&, const Features& f, bool last) {
    if (!data.has_labels() && !last) return;  // nothing to score
    const Partition p = partition(ctx, f, eval);
    if (data.has_labels()) now = score_features(ctx, f, p, data.labels.values, eval);
    if (!last) return;
    result.labels = p.labels;
    result.confidence = p.confidence;
    const Tensor& fused = *f.find("fused");
    result.embedding = fused.to_vector<float>();
    result.dim = fused.cols();
    model.centres = p.centres;
    result.scores = now;
    result.label_free = label_free(ctx, fused, p.labels, p.inertia);
  };
  t.on_epoch = [&](const EpochRow& row) {
    result.history.push_back({row, std::move(now)});
    now.clear();
    return !o.progress || o.progress(result.history.back(), epochs);
  };
  trainer.train(t);
  Visitor v;
  method->params(v);
  for (const Key& k : v.keys) model.settings.emplace_back(k.name, k.text());
  result.epochs = trainer.epochs();
  result.peak_bytes = ctx.memory()->peak;
  if (!model_path.empty()) save_model(model_path, model, trainer.store());
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace parallax

#include "model.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../io/hdf5.h"
#include "../io/hdf5_write.h"

namespace parallax {

std::unique_ptr<Method> Model::make() const {
  std::unique_ptr<Method> m = make_method(method);
  m->profile(profile == "reference");
  Visitor v;
  m->params(v);
  apply_settings(v, settings, method);
  return m;
}

std::vector<Tensor> scaled_views(Context& ctx, DType type, const MultiView& data, const std::vector<ScalePlan>& plans) {
  std::vector<Tensor> tensors;
  for (size_t v = 0; v < data.views.size(); ++v) {
    Tensor t = Tensor::samples(ctx, type, {data.views[v].rows, data.views[v].cols});
    if (type == DType::f64)
      t.assign(apply_scale_f64(plans.at(v), data.views[v]));
    else
      t.assign(apply_scale(plans.at(v), data.views[v]));
    tensors.push_back(t);
  }
  return tensors;
}

namespace {
std::string settings_json(const std::vector<Setting>& s) {
  nlohmann::ordered_json j = nlohmann::ordered_json::object();
  for (const auto& [k, v] : s) j[k] = v;
  return j.dump();
}
std::vector<uint64_t> shape_of(const Tensor& t) {
  return {static_cast<uint64_t>(t.rows()), static_cast<uint64_t>(t.cols())};
}
}  // namespace

void save_model(const std::string& path, const Model& m, ParamStore& store) {
  write_hdf5(path, [&](H5Writer& w) {
    w.attribute("/", "format", std::string("parallax-model-1"));
    w.attribute("/", "method", m.method);
    w.attribute("/", "profile", m.profile);
    w.attribute("/", "settings", settings_json(m.settings));
    w.attribute("/", "phase", m.phase);
    w.attribute("/", "seed", static_cast<int64_t>(m.seed));
    w.attribute("/", "samples", m.spec.samples);
    w.attribute("/", "clusters", static_cast<int64_t>(m.spec.clusters));
    w.attribute("/", "dims", m.spec.dims);
    w.attribute("/", "view_names", m.view_names);
    const H5Store checked{.compress = true, .checksum = true};
    w.group("/param");
    for (int i = 0; i < store.count(); ++i) {
      const Param p{i};
      const Tensor t = store.value(p);
      // published layouts: a bias or norm vector has one dimension
      const std::vector<uint64_t> shape =
          t.rows() == 1 ? std::vector<uint64_t>{static_cast<uint64_t>(t.cols())} : shape_of(t);
      by_float(t.dtype(), [&]<class T>(T) {
        const std::vector<T> v = t.to_vector<T>();
        w.dataset("/param/" + store.name(p), std::span<const T>(v), shape, checked);
      });
    }
    for (size_t v = 0; v < m.scaling.size(); ++v) {
      const std::string group = str("/scale/view", v);
      w.group(group);
      w.attribute(group, "kind", std::string(name_of(m.scaling[v].kind)));
      w.attribute(group, "single", static_cast<int64_t>(m.scaling[v].single));
      const auto put = [&](const char* name, const std::vector<double>& x) {
        if (!x.empty()) w.dataset(group + "/" + name, std::span<const double>(x), {x.size()}, checked);
      };
      put("a", m.scaling[v].a);
      put("b", m.scaling[v].b);
    }
    if (!m.centres.empty()) {
      const uint64_t k = static_cast<uint64_t>(m.spec.clusters);
      w.dataset("/centres", std::span<const double>(m.centres), {k, m.centres.size() / k}, checked);
    }
  });
}

struct Predictor::Impl {
  Device device;
  int threads;
  Model model;
  std::unique_ptr<Context> own;  // with the model's seed: evaluation may draw
  std::unique_ptr<Method> method;
  std::unique_ptr<ParamStore> store;
  std::map<std::string, Tensor> state;
};

Predictor::Predictor(const Context& ctx, const std::string& given)
    : impl_(new Impl{ctx.device(), ctx.threads(), {}, nullptr, nullptr, nullptr, {}}) {
  const std::string path =
      std::filesystem::is_directory(given) ? (std::filesystem::path(given) / "model.h5").string() : given;
  const H5Tree tree = read_hdf5(path);
  const H5Node& root = tree.root();
  PLX_CHECK(data, root.text("format", "") == "parallax-model-1", path, ": not a model of this program");
  Model& m = impl_->model;
  m.method = root.text("method");
  m.profile = root.text("profile");
  m.phase = root.text("phase");
  m.seed = static_cast<uint64_t>(root.integer("seed"));
  m.spec.samples = root.integer("samples");
  m.spec.clusters = static_cast<int>(root.integer("clusters"));
  m.spec.dims = root.attrs.at("dims").as_i64("dims");
  m.view_names = root.attrs.at("view_names").strings("view_names");
  m.spec.names = m.view_names;
  PLX_CHECK(data, !m.spec.dims.empty() && m.spec.clusters > 0, path, ": no widths or clusters");
  const nlohmann::json settings = nlohmann::json::parse(root.text("settings"), nullptr, false);
  PLX_CHECK(data, settings.is_object(), path, ": the settings are damaged");
  for (const auto& [k, v] : settings.items())
    m.settings.emplace_back(k, v.is_string() ? v.get<std::string>() : v.dump());
  for (size_t v = 0; v < m.spec.dims.size(); ++v) {
    const std::string group = str("/scale/view", v);
    const H5Node& g = tree.at(group);
    ScalePlan p;
    p.kind = parse_scale(g.text("kind"));
    p.single = g.integer("single") != 0;
    for (const char* name : {"a", "b"})
      if (const H5Node* n = tree.find(group + "/" + name)) (*name == 'a' ? p.a : p.b) = n->as_f64(n->path);
    const size_t want = p.kind == Scale::minmax_global                       ? 1
                        : p.kind == Scale::none || p.kind == Scale::unit_row ? 0
                                                                             : static_cast<size_t>(m.spec.dims[v]);
    PLX_CHECK(data, p.a.size() == want && p.b.size() == want, path, ": the scaling of view ", v, " is damaged");
    m.scaling.push_back(p);
  }
  if (const H5Node* c = tree.find("/centres")) m.centres = c->as_f64("/centres");

  impl_->own =
      std::make_unique<Context>(Context::Options{.device = impl_->device, .seed = m.seed, .threads = impl_->threads});
  Context& own = *impl_->own;
  impl_->method = m.make();
  impl_->store = std::make_unique<ParamStore>(own, DType::f32);
  std::vector<Tensor> none;
  for (const int64_t d : m.spec.dims) none.push_back(Tensor::persistent(own, DType::f32, {1, d}));
  Build b{own, *impl_->store, m.spec, none, impl_->state, [](const std::string&) {}};
  b.predict = true;
  impl_->method->build(b);
  impl_->store->allocate();
  for (int i = 0; i < impl_->store->count(); ++i) {
    const std::string name = "/param/" + impl_->store->name(Param{i});
    Tensor t = impl_->store->value(Param{i});
    const std::vector<float> v = tree.at(name).as_f32(name);
    PLX_CHECK(data, static_cast<int64_t>(v.size()) == t.count(), path, ": ", name, " has ", v.size(), " values, ",
              t.shape(), " are needed");
    t.assign(v);
  }
}
Predictor::~Predictor() = default;
const Model& Predictor::model() const { return impl_->model; }

Prediction Predictor::predict(const MultiView& data) const {
  const Model& m = impl_->model;
  PLX_CHECK(data, data.dims() == m.spec.dims, data.path, ": ", data.views.size(),
            " views of widths that are not the model's (", m.spec.views(), " views)");
  PLX_CHECK(data, impl_->method->repeatable_by_row(),
            "this run draws random numbers at evaluation (reference profile), so its result cannot be repeated for "
            "single rows; train with profile=sound");
  Features f = map_rows(*impl_->own, *impl_->store, scaled_views(*impl_->own, DType::f32, data, m.scaling), m.phase,
                        [&](Rows& r) { impl_->method->embed(r); });
  Prediction p;
  label_rows(*impl_->own, f, m.centres, p.labels, p.confidence);
  const Tensor* fused = f.find("fused");
  p.embedding = fused->to_vector<float>();
  p.dim = fused->cols();
  return p;
}

}  // namespace parallax

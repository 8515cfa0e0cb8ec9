#include "mlp.h"

namespace parallax {

MlpStack::MlpStack(ParamStore& store, const std::vector<std::string>& names, const std::vector<int64_t>& inputs,
                   const std::vector<LayerSpec>& layers, const std::vector<int64_t>& outputs)
    : problems_(static_cast<int>(names.size())) {
  PLX_CHECK(config, names.size() <= static_cast<size_t>(kMaxProblems), "more than ", kMaxProblems - 1,
            " views are not supported");
  for (size_t l = 0; l < layers.size(); ++l) {
    Layer layer;
    layer.spec = layers[l];
    for (size_t g = 0; g < names.size(); ++g) {
      const int64_t in = l ? layers[l - 1].width : inputs[g];
      const int64_t out = l + 1 == layers.size() && !outputs.empty() ? outputs[g] : layers[l].width;
      PLX_CHECK(config, in > 0 && out > 0, names[g], ".", layers[l].name, ": a layer of ", in, " -> ", out);
      const std::string base = names[g] + "." + layers[l].name;
      layer.w.push_back(
          store.add(base + ".weight", {out, in}, layers[l].kaiming ? init::kaiming_normal(in) : init::fan_in(in)));
      if (layers[l].bias) layer.b.push_back(store.add(base + ".bias", {1, out}, init::fan_in(in)));
      if (layers[l].dropout > 0) layer.draws.emplace_back("dropout." + names[g] + "." + layers[l].drop);
    }
    layers_.push_back(std::move(layer));
  }
}

namespace {
Small<Var> values(Pass& p, const std::vector<Param>& params) {
  Small<Var> list;
  for (const Param q : params) list.push_back(p.param(q));
  return list;
}
}  // namespace

Var MlpStack::layer(Pass& p, int index, std::span<const Var> x, bool with_dropout) const {
  const Layer& l = layers_[static_cast<size_t>(index)];
  LinearOptions o{.act = l.spec.act, .slope = l.spec.slope};
  const bool fused = with_dropout && l.spec.dropout > 0 && p.dropping() && l.spec.act == Act::relu;
  if (fused) {
    o.dropout = l.spec.dropout;
    o.draws = p.draws(l.draws);
  }
  const Small<Var> w = values(p, l.w), b = values(p, l.b);
  const Var y = linear(x, w.span(), b.span(), problems_, o);
  return with_dropout && !fused ? drop(p, index, y) : y;
}

Var MlpStack::product(Pass& p, int index, std::span<const Var> x) const {
  return linear(x, values(p, layers_[static_cast<size_t>(index)].w).span(), {}, problems_);
}
Small<Var> MlpStack::biases(Pass& p, int index) const { return values(p, layers_[static_cast<size_t>(index)].b); }

Var MlpStack::drop(Pass& p, int index, const Var& x) const {
  const Layer& l = layers_[static_cast<size_t>(index)];
  return l.spec.dropout > 0 && p.dropping() ? dropout(x, l.spec.dropout, p.draws(l.draws)) : x;
}

Var MlpStack::forward(Pass& p, std::span<const Var> x) const {
  Var h = layer(p, 0, x);
  for (int i = 1; i < layers(); ++i) h = layer(p, i, {&h, 1});
  return h;
}

Var MlpStack::forward_softmax(Pass& p, std::span<const Var> x) const {
  const int last = layers() - 1;
  const Layer& l = layers_.back();
  Var h = layer(p, 0, x, last > 0);
  for (int i = 1; i <= last; ++i) h = layer(p, i, {&h, 1}, i < last);
  return l.spec.dropout > 0 && p.dropping() ? softmax(h, l.spec.dropout, p.draws(l.draws)) : softmax(h);
}

Var MlpStack::forward_mse(Pass& p, const Var& z, std::span<const Tensor> targets,
                          std::span<const Tensor> outputs) const {
  Var h = z;
  for (int i = 0; i + 1 < layers(); ++i) h = layer(p, i, {&h, 1});
  const Small<Var> w = values(p, layers_.back().w), b = values(p, layers_.back().b);
  return linear_mse(h, w.span(), b.span(), targets, outputs);
}

}  // namespace parallax

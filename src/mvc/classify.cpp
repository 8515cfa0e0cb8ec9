#include "classify.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "../tensor/random.h"
#include "evaluate.h"

namespace parallax {

const ClassifyValue* ClassifyRow::find(const std::string& name) const {
  for (const ClassifyValue& v : values)
    if (v.name == name) return &v;
  return nullptr;
}
const ClassifyRow* ClassifyResult::find(const std::string& rows, const std::string& labelling) const {
  for (const ClassifyRow& r : table)
    if (r.rows == rows && r.labelling == labelling) return &r;
  return nullptr;
}

std::vector<uint8_t> split_rows(const std::vector<int32_t>& labels, int classes, double share, bool stratified,
                                uint64_t seed) {
  const int64_t n = static_cast<int64_t>(labels.size());
  const std::vector<int64_t> order = shuffled(n, seed, tag_of("classify.split"), 0);
  std::vector<uint8_t> training(labels.size(), 0);
  if (!stratified) {
    const auto take = static_cast<int64_t>(std::floor(share * static_cast<double>(n)));
    for (int64_t i = 0; i < take; ++i) training[static_cast<size_t>(order[static_cast<size_t>(i)])] = 1;
    return training;
  }
  std::vector<int64_t> left(static_cast<size_t>(classes), 0);
  for (const int32_t c : labels) ++left[static_cast<size_t>(c)];
  for (int64_t& m : left) {
    const auto wanted = static_cast<int64_t>(std::lround(share * static_cast<double>(m)));
    m = m < 2 ? m : std::clamp<int64_t>(wanted, 1, m - 1);
  }
  for (const int64_t i : order) {
    int64_t& m = left[static_cast<size_t>(labels[static_cast<size_t>(i)])];
    if (m > 0) training[static_cast<size_t>(i)] = 1, --m;
  }
  return training;
}

namespace {

View part_of(const View& v, const std::vector<int64_t>& rows) {
  View p = v;
  p.rows = static_cast<int64_t>(rows.size());
  std::visit(
      [&](auto& values) {
        std::remove_reference_t<decltype(values)> kept;
        kept.reserve(rows.size() * static_cast<size_t>(v.cols));
        for (const int64_t i : rows)
          kept.insert(kept.end(), values.begin() + i * v.cols, values.begin() + (i + 1) * v.cols);
        values = std::move(kept);
      },
      p.values);
  return p;
}

std::vector<Tensor> tensors_of(Context& ctx, DType type, const std::vector<std::vector<double>>& views,
                               const MultiView& data, const std::vector<int64_t>& rows) {
  std::vector<Tensor> list;
  for (size_t v = 0; v < views.size(); ++v) {
    const int64_t d = data.views[v].cols;
    std::vector<double> part;
    part.reserve(rows.size() * static_cast<size_t>(d));
    for (const int64_t i : rows) part.insert(part.end(), views[v].begin() + i * d, views[v].begin() + (i + 1) * d);
    list.push_back(Tensor::samples(ctx, type, {static_cast<int64_t>(rows.size()), d}));
    list.back().assign(part);
  }
  return list;
}

struct Collector {
  std::vector<ClassifyRow>& table;
  void add(const std::string& rows, const std::string& labelling, const std::string& name, double x) {
    auto r = std::find_if(table.begin(), table.end(),
                          [&](const ClassifyRow& q) { return q.rows == rows && q.labelling == labelling; });
    if (r == table.end()) r = table.insert(table.end(), ClassifyRow{rows, labelling, {}});
    auto v = std::find_if(r->values.begin(), r->values.end(), [&](const ClassifyValue& q) { return q.name == name; });
    if (v == r->values.end()) v = r->values.insert(v, ClassifyValue{name, 0, 0, 0, {}});
    v->values.push_back(x);
  }
  void finish() {
    for (ClassifyRow& r : table)
      for (ClassifyValue& v : r.values) {
        v.n = static_cast<int>(v.values.size());
        for (const double x : v.values) v.mean += x / v.n;
        double s = 0;
        for (const double x : v.values) s += (x - v.mean) * (x - v.mean);
        v.std = v.n > 1 ? std::sqrt(s / (v.n - 1)) : 0;
      }
  }
};

}  // namespace

ClassifyResult classify(const ClassifyOptions& o, const MultiView& data, Context& ctx) {
  PLX_CHECK(data, data.has_labels(), "classification needs labels, ", data.name, " has none");
  PLX_CHECK(config, o.train_share > 0 && o.train_share < 1,
            "the share of training rows must lie between 0 and 1, it is ", o.train_share);
  PLX_CHECK(config, o.reference || o.repeats > 0, "classification needs at least one run");
  const int classes = data.labels.classes();
  const std::vector<int32_t>& truth = data.labels.values;
  ClassifyResult result;
  Collector collect{result.table};
  for (int repeat = 0; repeat < (o.reference ? 1 : o.repeats); ++repeat) {
    const uint64_t seed = ctx.seed() + static_cast<uint64_t>(repeat);
    const Breadcrumb crumb{"run", repeat + 1};
    Context run({.device = ctx.device(), .seed = seed, .threads = ctx.threads()});
    const std::vector<uint8_t> training = split_rows(truth, classes, o.train_share, o.stratified && !o.reference, seed);
    std::vector<int64_t> sides[2];  // test, training
    for (size_t i = 0; i < training.size(); ++i) sides[training[i]].push_back(static_cast<int64_t>(i));
    PLX_CHECK(data, !sides[0].empty() && !sides[1].empty(), "a split of ", data.samples,
              " samples with a training share of ", o.train_share, " leaves one side empty");

    std::vector<std::vector<double>> views;
    for (const View& v : data.views) {
      const bool all = o.reference || !o.scale_on_training;
      views.push_back(apply_scale_f64(fit_scale(all ? v : part_of(v, sides[1]), o.scale), v));
    }
    if (o.corrupt) o.corrupt(views, truth, seed);

    const std::unique_ptr<Method> method = make_method(o.method);
    method->profile(o.reference);
    Visitor keys;
    method->params(keys);
    PLX_CHECK(config, std::any_of(keys.keys.begin(), keys.keys.end(), [](const Key& k) { return k.name == "task"; }),
              o.method, " has no classifier; gmae has one");
    std::vector<Setting> settings = o.set;
    settings.emplace_back("task", "classify");
    apply_settings(keys, settings, o.method);
    Trainer trainer(run, *method, tensors_of(run, o.type, views, data, sides[1]), classes);
    const auto integers = [&](const std::string& name, const std::vector<int64_t>& v) {
      Tensor& t = trainer.state()[name] = Tensor::persistent(run, DType::i64, {static_cast<int64_t>(v.size()), 1});
      t.assign(v);
    };
    std::vector<int64_t> known;
    for (const int64_t i : sides[1]) known.push_back(truth[static_cast<size_t>(i)]);
    integers("labels", known);
    if (o.reference) {  // published numbering: see GMAE 4.7, number 5
      integers("original_ids", sides[1]);
      std::vector<int64_t> place(sides[1].size());
      for (size_t i = 0; i < place.size(); ++i) place[i] = static_cast<int64_t>(i);
      integers("shuffle", place);
    }
    trainer.build(o.log);
    TrainerOptions options;
    options.log = o.log;
    if (o.progress) options.on_epoch = [&](const EpochRow& row) { return o.progress(repeat, row); };
    trainer.train(options);

    std::vector<int32_t> predicted(truth.size(), -1);
    for (const int side : {1, 0}) {
      const Features f = trainer.embed(tensors_of(run, o.type, views, data, sides[side]));
      const std::string rows = side ? "train" : "test";
      std::vector<int64_t> own;
      for (const int64_t i : sides[side]) own.push_back(truth[static_cast<size_t>(i)]);
      const auto score_labels = [&](const std::string& labelling, const std::vector<int32_t>& labels) {
        const std::vector<int64_t> given(labels.begin(), labels.end());
        if (labelling == "classifier") {
          const ClassificationScores c = score_classification(own, given);
          collect.add(rows, labelling, "accuracy", c.accuracy);
          collect.add(rows, labelling, "precision", c.precision);
          collect.add(rows, labelling, "recall", c.recall);
          collect.add(rows, labelling, "f", c.f);
        }
        const Scores s = score(own, given);
        collect.add(rows, labelling, "matched", s.acc);
        collect.add(rows, labelling, "nmi", s.nmi);
        collect.add(rows, labelling, "ari", s.ari);
        collect.add(rows, labelling, "purity", s.purity);
        if (!o.reference) return;
        const GmaeCodedScores c = score_gmae_coded(own, given);
        collect.add(rows, labelling, "coded_acc", c.acc);
        collect.add(rows, labelling, "coded_nmi", c.nmi);
        collect.add(rows, labelling, "coded_purity", c.purity);
        collect.add(rows, labelling, "coded_ari", c.ari);
      };
      EvaluateOptions e{
          .clusters = classes, .restarts = method->restarts(), .seed = seed, .labelling = Labelling::argmax};
      const std::vector<int32_t> labels = partition(run, f, e).labels;
      for (size_t i = 0; i < labels.size(); ++i) predicted[static_cast<size_t>(sides[side][i])] = labels[i];
      score_labels("classifier", labels);
      if (!o.kmeans || static_cast<int>(own.size()) < classes) continue;
      e.labelling = Labelling::kmeans;
      score_labels("kmeans", partition(run, f, e).labels);
    }
    result.predicted.push_back(std::move(predicted));
    result.training.push_back(training);
  }
  collect.finish();
  return result;
}

}  // namespace parallax

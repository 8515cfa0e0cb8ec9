#include "trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "../tensor/elementwise.h"
#include "../tensor/random.h"

namespace parallax {

Features map_rows(Context& ctx, ParamStore& store, const std::vector<Tensor>& views, const std::string& phase,
                  const std::function<void(Rows&)>& f) {
  constexpr int64_t B = Rows::kBlock;
  PLX_CHECK(shape, !views.empty(), "no views");
  const int64_t n = views[0].rows();
  Features all;
  Tensor ids = Tensor::persistent(ctx, DType::i64, {B, 1});
  Tape tape(ctx);
  for (int64_t first = 0; first < n; first += B) {
    const int64_t m = std::min(B, n - first);
    const ScratchScope scope(ctx);
    tape.clear();
    std::vector<Tensor> block;
    for (const Tensor& v : views) {
      if (m == B) {
        block.push_back(v.row_range(first, B));
        continue;
      }
      Tensor padded = Tensor::zeros(ctx, v.dtype(), {B, v.cols()});
      axpby(ctx, 1, v.row_range(first, m), 0, padded.row_range(0, m));
      block.push_back(padded);
    }
    std::vector<int64_t> row_ids(static_cast<size_t>(B));
    for (int64_t i = 0; i < B; ++i) row_ids[static_cast<size_t>(i)] = first + i;
    ids.assign(row_ids);
    Rows rows(tape, store, std::move(block), phase);
    rows.use_ids(ids);
    f(rows);
    for (const auto& [name, t] : rows.results()) {
      auto at =
          std::find_if(all.list.begin(), all.list.end(), [&name = name](const auto& e) { return e.first == name; });
      if (at == all.list.end()) {
        all.list.emplace_back(name, Tensor::persistent(ctx, t.dtype(), {n, t.cols()}));
        at = all.list.end() - 1;
      }
      axpby(ctx, 1, t.row_range(0, m), 0, at->second.row_range(first, m));
    }
  }
  return all;
}

struct Trainer::Impl final : Eval {
  Context& context;
  Method& method;
  std::vector<Tensor> views;
  DataSpec data_spec;
  ParamStore params;
  std::map<std::string, Tensor> states;
  std::string phase;
  std::function<void(const std::string&)> log_line;
  int64_t epochs_done = 0, steps_done = 0;

  Impl(Context& c, Method& m, std::vector<Tensor> v, int clusters, std::vector<std::string> names)
      : context(c), method(m), views(std::move(v)), params(c, views.at(0).dtype()) {
    data_spec.samples = views[0].rows();
    for (const Tensor& t : views) data_spec.dims.push_back(t.cols());
    data_spec.clusters = clusters;
    data_spec.names = std::move(names);
  }

  Context& ctx() override { return context; }
  ParamStore& store() override { return params; }
  const DataSpec& spec() const override { return data_spec; }
  std::map<std::string, Tensor>& state() override { return states; }
  Features map_rows(const std::function<void(Rows&)>& f) override {
    return parallax::map_rows(context, params, views, phase, f);
  }
  void log(const std::string& line) override {
    if (log_line) log_line(line);
  }
  Features embed(const std::vector<Tensor>& v) {
    return parallax::map_rows(context, params, v, phase, [this](Rows& r) { method.embed(r); });
  }

  // A batch: the rows `index`, gathered into buffers that keep their place; or all rows as they lie.
  struct Batch {
    std::vector<Tensor> views;
    Tensor ids;
    int64_t rows = 0;
    bool whole = false;
  };
  Batch make_batch(int64_t wanted) {
    Batch b;
    const int64_t n = data_spec.samples;
    b.rows = wanted > 0 ? std::min(wanted, n) : n;
    b.whole = wanted == 0;
    b.ids = Tensor::persistent(context, DType::i64, {b.rows, 1});
    std::vector<int64_t> all(static_cast<size_t>(b.rows));
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int64_t>(i);
    b.ids.assign(all);
    for (const Tensor& v : views)
      b.views.push_back(b.whole ? v : Tensor::persistent(context, v.dtype(), {b.rows, v.cols()}));
    return b;
  }

  struct Running {  // of one update
    const Update* update;
    std::unique_ptr<Optimizer> optimizer;
    std::unique_ptr<Tape> tape;
  };
  // A phase under way: its batch, updates and the order of the present epoch.
  struct Current {
    Batch batch;
    std::vector<Running> updates;
    std::vector<int64_t> order;
    int64_t batches = 1, next = 0;
  } current;

  struct Sums {
    std::vector<std::pair<std::string, double>> list;
    void add(const std::string& name, double x) {
      for (auto& [n, v] : list)
        if (n == name) {
          v += x;
          return;
        }
      list.emplace_back(name, x);
    }
  };

  void one_update(Running& u, Batch& b, Sums& sums, bool prefix) {
    context.begin_step();
    u.tape->clear();
    params.begin_step();
    Step step(*u.tape, params, b.views, states);
    step.use_ids(b.ids);
    const Var loss = u.update->loss(step);
    u.tape->backward(loss);
    u.optimizer->step(loss.value);
    if (u.update->after) u.update->after(step);
    sums.add(prefix ? u.update->name + ".total" : "total", loss.value.item());
    for (const Step::Logged& l : step.logged()) sums.add(*l.name, l.column.row_range(l.row, 1).item());
    PLX_CHECK(numeric, !u.optimizer->nonfinite(), "the loss or its gradient is not finite in phase ", phase, ", epoch ",
              epoch, ", update ", steps_done + 1,
              "; the weights are those before it. A smaller learning rate or another scaling (--scale) may help");
    ++steps_done;
    context.end_step();
  }

  void start_phase(const Phase& p) {
    current = {};
    current.batch = make_batch(p.batch);
    current.batches = std::max<int64_t>(1, data_spec.samples / current.batch.rows);
    for (const Update& u : p.updates)
      current.updates.push_back(
          {&u, std::make_unique<Optimizer>(params, u.opt, u.params), std::make_unique<Tape>(context)});
  }

  // The next batch of the epoch (a new order begins each epoch), one update of each kind.
  void next_batch(Sums& sums) {
    Batch& b = current.batch;
    if (!b.whole) {
      if (current.next == 0)
        current.order =
            shuffled(data_spec.samples, context.seed(), tag_of("shuffle"), static_cast<uint32_t>(epochs_done + 1));
      const auto from = current.order.begin() + current.next * b.rows;
      b.ids.assign(std::vector<int64_t>(from, from + b.rows));
      for (size_t v = 0; v < views.size(); ++v) gather_rows(context, views[v], b.ids, b.views[v]);
    }
    current.next = (current.next + 1) % current.batches;
    for (Running& u : current.updates) one_update(u, b, sums, current.updates.size() > 1);
  }

  void run(const TrainerOptions& o) {
    log_line = o.log;
    const auto start = std::chrono::steady_clock::now();
    std::vector<Phase> plan = method.plan();
    while (!plan.empty() && plan.back().epochs == 0) plan.pop_back();
    PLX_CHECK(config, !plan.empty(), "nothing to train: every phase has 0 epochs");
    for (size_t k = 0; k < plan.size(); ++k) {
      Phase& p = plan[k];
      if (p.epochs == 0) continue;
      phase = p.name;
      const Breadcrumb crumb{phase};
      epoch = 0;
      if (p.before) p.before(*this);
      start_phase(p);
      Selection best;
      for (epoch = 1; epoch <= p.epochs; ++epoch) {
        const Breadcrumb at{"epoch", epoch};
        if (p.before_epoch) p.before_epoch(*this);
        if (p.lr_factor)
          for (Running& u : current.updates) u.optimizer->set_lr(u.update->opt.lr * p.lr_factor(epoch));
        Sums sums;
        for (int64_t i = 0; i < current.batches; ++i) next_batch(sums);
        ++epochs_done;
        EpochRow row{phase,
                     epochs_done,
                     steps_done,
                     std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                     {}};
        for (auto& [name, x] : sums.list) row.losses.emplace_back(name, x / static_cast<double>(current.batches));
        if (p.select && (epoch % p.select_every == 0 || epoch == p.epochs)) best.offer(params, p.select(*this), epoch);
        const bool end = epoch == p.epochs;
        if (end && p.select) {
          best.restore(params);
          log(str("kept the weights of epoch ", best.epoch, " (lowest selection value ", best.value, ", label-free)"));
        }
        const int64_t every = o.eval_every ? o.eval_every : p.eval_every;
        if (o.on_evaluation && (end || (every && epoch % every == 0)))
          o.on_evaluation(row, embed(views), end && k + 1 == plan.size());
        if (o.on_epoch && !o.on_epoch(row)) PLX_FAIL(interrupted, "stopped after epoch ", epochs_done);
      }
    }
  }

  // Label-free choice of an epoch: the weights with the lowest value.
  struct Selection {
    double value = 0;
    int64_t epoch = 0;
    std::vector<std::vector<double>> weights;
    void offer(ParamStore& store, double candidate, int64_t at) {
      if (!std::isfinite(candidate) || (epoch && candidate >= value)) return;
      value = candidate;
      epoch = at;
      weights.clear();
      for (int i = 0; i < store.count(); ++i) weights.push_back(store.value(Param{i}).to_vector<double>());
    }
    void restore(ParamStore& store) const {
      for (size_t i = 0; i < weights.size(); ++i) store.value(Param{static_cast<int>(i)}).assign(weights[i]);
    }
  };
};

Trainer::Trainer(Context& ctx, Method& method, std::vector<Tensor> views, int clusters, std::vector<std::string> names)
    : impl_(std::make_unique<Impl>(ctx, method, std::move(views), clusters, std::move(names))) {
  const std::string no = method.unfit(impl_->data_spec);
  PLX_CHECK(data, no.empty(), no);
}
Trainer::~Trainer() = default;

void Trainer::build(const std::function<void(const std::string&)>& log) {
  Impl& m = *impl_;
  Build b{m.context, m.params, m.data_spec, m.views, m.states, log ? log : [](const std::string&) {}};
  m.method.build(b);
  m.params.allocate();
  m.method.initialise(m.params);
  const std::vector<Phase> plan = m.method.plan();
  if (!plan.empty()) m.phase = plan.back().name;
}
void Trainer::train(const TrainerOptions& options) { impl_->run(options); }
void Trainer::prepare(Phase& p) {
  impl_->phase = p.name;
  impl_->epoch = 0;
  if (p.before) p.before(*impl_);
  impl_->start_phase(p);
  impl_->epoch = 1;
  if (p.before_epoch) p.before_epoch(*impl_);
}
void Trainer::step(Phase&) {
  Impl::Sums sums;
  impl_->next_batch(sums);
}
Features Trainer::embed(const std::vector<Tensor>& views) const { return impl_->embed(views); }
Features Trainer::embed() const { return impl_->embed(impl_->views); }
ParamStore& Trainer::store() { return impl_->params; }
const DataSpec& Trainer::spec() const { return impl_->data_spec; }
void Trainer::raw_zeros(std::vector<double> fractions) { impl_->data_spec.raw_zeros = std::move(fractions); }
std::map<std::string, Tensor>& Trainer::state() { return impl_->states; }
int64_t Trainer::epochs() const { return impl_->epochs_done; }

}  // namespace parallax

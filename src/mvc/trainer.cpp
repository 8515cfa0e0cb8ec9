#include "trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "../tensor/elementwise.h"
#include "../tensor/random.h"
#include "../tensor/small.h"
#include "batch_kernels.h"

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

  // A batch: rows gathered into buffers that keep their place; or all rows as they lie.
  struct Batch {
    std::vector<Tensor> views;
    Tensor ids, order, cursor;  // order [N]: of the present epoch; cursor: the next batch of it
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
    if (!b.whole) {
      b.order = Tensor::persistent(context, DType::i64, {n, 1});
      b.cursor = Tensor::persistent(context, DType::i64, {1, 1});
    }
    for (const Tensor& v : views)
      b.views.push_back(b.whole ? v : Tensor::samples(context, v.dtype(), {b.rows, v.cols()}));
    return b;
  }

  struct Running {  // of one update
    const Update* update;
    std::unique_ptr<Optimizer> optimizer;
    std::unique_ptr<Tape> tape;
    std::vector<std::string> names;  // of what a step logs, the total first
    Tensor ring, slot;               // the values of the last steps, and where the next ones go
  };
  // A phase under way: its batch, updates, and the recorded step where the device records.
  struct Current {
    Batch batch;
    std::vector<Running> updates;
    int64_t batches = 1, next = 0;
    int64_t slots = 1;  // steps that the rings hold: whole epochs
    int eager = 0;
    std::shared_ptr<void> recording;
  } current;

  void one_update(Running& u, Batch& b, bool prefix) {
    context.begin_step();
    u.tape->clear();
    params.begin_step();
    Step step(*u.tape, params, b.views, states);
    step.use_ids(b.ids);
    const Var loss = u.update->loss(step);
    u.tape->backward(loss);
    u.optimizer->step(loss.value);
    if (u.update->after) u.update->after(step);
    push_losses(u, loss, step.logged(), prefix);
    context.end_step();
  }

  void push_losses(Running& u, const Var& loss, const std::vector<Step::Logged>& logged, bool prefix) {
    if (u.names.empty()) {
      u.names.push_back(prefix ? u.update->name + ".total" : "total");
      for (const Step::Logged& l : logged) u.names.push_back(*l.name);
      PLX_CHECK(internal, u.names.size() <= kMaxLogged, "more than ", kMaxLogged, " logged losses");
      u.ring = Tensor::persistent(context, loss.dtype(), {current.slots, static_cast<int64_t>(u.names.size())});
      u.slot = Tensor::persistent(context, DType::i64, {1, 1});
    }
    PLX_CHECK(internal, logged.size() + 1 == u.names.size(), "a step logged ", logged.size(),
              " losses, an earlier one ", u.names.size() - 1);
    by_float(loss.dtype(), [&]<class T>(T) {
      PushValues<T> k;
      k.from[k.count++] = loss.value.ptr<T>();
      for (const Step::Logged& l : logged) k.from[k.count++] = l.column.row_range(l.row, 1).ptr<T>();
      k.ring = u.ring.mat<T>();
      k.slot = u.slot.ptr<int64_t>();
      const bool last = &u == &current.updates.back();
      k.cursor = last && !current.batch.whole ? current.batch.cursor.ptr<int64_t>() : nullptr;
      k.batches = current.batches;
      run(context, k);
    });
  }

  void start_phase(const Phase& p) {
    current = {};
    current.batch = make_batch(p.batch);
    current.batches = std::max<int64_t>(1, data_spec.samples / current.batch.rows);
    current.slots = std::max<int64_t>(1, 64 / current.batches) * current.batches;
    for (const Update& u : p.updates)
      current.updates.push_back(
          {&u, std::make_unique<Optimizer>(params, u.opt, u.params), std::make_unique<Tape>(context), {}, {}, {}});
  }

  // One update of each kind on the next batch: what is recorded.
  void batch_step() {
    Batch& b = current.batch;
    if (!b.whole) {
      by_float(params.dtype(), [&]<class T>(T) {
        SelectRows<T> k;
        k.order = b.order.ptr<int64_t>();
        k.cursor = b.cursor.ptr<int64_t>();
        k.ids = b.ids.ptr<int64_t>();
        k.n = b.rows;
        for (size_t v = 0; v < views.size(); ++v, ++k.views) k.x[v] = views[v].mat<T>(), k.y[v] = b.views[v].mat<T>();
        run(context, k);
      });
    }
    for (Running& u : current.updates) one_update(u, b, current.updates.size() > 1);
  }

  // The next batch of the epoch; a new order begins each epoch. A device runs it twice as it is (first allocations,
  // choice of algorithms), then records it, and from then on launches the recording.
  void next_batch() {
    Batch& b = current.batch;
    if (!b.whole && current.next == 0)
      b.order.assign(
          shuffled(data_spec.samples, context.seed(), tag_of("shuffle"), static_cast<uint32_t>(epochs_done + 1)));
    current.next = (current.next + 1) % current.batches;
    Backend* device = context.backend();
    if (current.recording) {
      context.note_replayed(static_cast<uint32_t>(current.updates.size()));
      device->replay(current.recording.get());
    } else if (!device || !context.capture() || current.eager < 2) {
      ++current.eager;
      batch_step();
    } else {
      device->begin_recording();
      try {
        batch_step();
        current.recording = device->end_recording();
      } catch (...) {
        device->abandon_recording();
        throw;
      }
      device->replay(current.recording.get());
    }
    steps_done += static_cast<int64_t>(current.updates.size());
  }

  // The mean losses of the epochs since the last call, oldest first; the rings begin anew.
  void collect(std::vector<EpochRow>& rows) {
    for (Running& u : current.updates) {
      const std::vector<double> v =
          u.ring.row_range(0, static_cast<int64_t>(rows.size()) * current.batches).to_vector<double>();
      const size_t width = u.names.size(), per_epoch = static_cast<size_t>(current.batches);
      for (size_t e = 0; e < rows.size(); ++e) {
        for (size_t i = 0; i < width; ++i) {
          double sum = 0;
          for (size_t s = 0; s < per_epoch; ++s) sum += v[(e * per_epoch + s) * width + i];
          auto at = std::find_if(rows[e].losses.begin(), rows[e].losses.end(),
                                 [&](const auto& l) { return l.first == u.names[i]; });
          if (at == rows[e].losses.end()) at = rows[e].losses.insert(at, {u.names[i], 0.0});
          at->second += sum / static_cast<double>(per_epoch);
        }
      }
      if (u.optimizer->nonfinite()) {
        size_t bad = 0;
        while (bad + 1 < rows.size() * per_epoch && std::isfinite(v[bad * width])) ++bad;
        fail_nonfinite(rows[bad / per_epoch], bad % per_epoch);
      }
      u.slot.fill(0);
    }
  }
  [[noreturn]] void fail_nonfinite(const EpochRow& row, size_t batch) {
    const int64_t first = row.step - current.batches * static_cast<int64_t>(current.updates.size());
    PLX_FAIL(
        numeric, "the loss or its gradient is not finite in phase ", phase, ", epoch ", row.epoch, ", update ",
        first + static_cast<int64_t>(batch * current.updates.size()) + 1,
        " or soon after; the weights are those before it. A smaller learning rate or another scaling (--scale) may "
        "help");
  }

  void run_phase(Phase& p, const TrainerOptions& o, std::chrono::steady_clock::time_point start, bool last) {
    phase = p.name;
    const Breadcrumb crumb{phase};
    epoch = 0;
    if (p.before) p.before(*this);
    start_phase(p);
    Selection best;
    std::vector<EpochRow> waiting;  // epochs whose losses the device still has
    for (epoch = 1; epoch <= p.epochs; ++epoch) {
      const Breadcrumb at{"epoch", epoch};
      if (p.before_epoch) p.before_epoch(*this);
      if (p.lr_factor)
        for (Running& u : current.updates) u.optimizer->set_lr(u.update->opt.lr * p.lr_factor(epoch));
      for (int64_t i = 0; i < current.batches; ++i) next_batch();
      ++epochs_done;
      waiting.push_back({phase,
                         epochs_done,
                         steps_done,
                         std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
                         {}});
      if (p.select && (epoch % p.select_every == 0 || epoch == p.epochs)) best.offer(params, p.select(*this), epoch);
      const bool end = epoch == p.epochs;
      if (end && p.select) {
        best.restore(params);
        log(str("kept the weights of epoch ", best.epoch, " (lowest selection value ", best.value, ", label-free)"));
      }
      const int64_t every = o.eval_every ? o.eval_every : p.eval_every;
      const bool scored = o.on_evaluation && (end || (every && epoch % every == 0));
      // a device is asked for its losses when the rings are full, the CPU after every epoch
      const bool full = !context.backend() || static_cast<int64_t>(waiting.size()) * current.batches >= current.slots;
      if (!scored && !end && !full) continue;
      collect(waiting);
      for (const EpochRow& row : waiting) {
        if (scored && &row == &waiting.back()) o.on_evaluation(row, embed(views), end && last);
        if (o.on_epoch && !o.on_epoch(row)) PLX_FAIL(interrupted, "stopped after epoch ", row.epoch);
      }
      waiting.clear();
    }
  }

  void run_plan(const TrainerOptions& o) {
    log_line = o.log;
    const auto start = std::chrono::steady_clock::now();
    std::vector<Phase> plan = method.plan();
    while (!plan.empty() && plan.back().epochs == 0) plan.pop_back();
    PLX_CHECK(config, !plan.empty(), "nothing to train: every phase has 0 epochs");
    for (size_t k = 0; k < plan.size(); ++k)
      if (plan[k].epochs > 0) run_phase(plan[k], o, start, k + 1 == plan.size());
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
  PLX_CHECK(data, impl_->views.size() < kMaxProblems, impl_->views.size(), " views; at most ", kMaxProblems - 1,
            " are supported");
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
void Trainer::train(const TrainerOptions& options) { impl_->run_plan(options); }
void Trainer::prepare(Phase& p) {
  impl_->phase = p.name;
  impl_->epoch = 0;
  if (p.before) p.before(*impl_);
  impl_->start_phase(p);
  impl_->epoch = 1;
  if (p.before_epoch) p.before_epoch(*impl_);
}
void Trainer::step(Phase&) { impl_->next_batch(); }
std::vector<double> Trainer::recent_losses(int64_t count) const {
  const Impl::Running& u = impl_->current.updates.at(0);
  if (!u.ring.defined()) return {};
  const int64_t slots = u.ring.rows(), width = u.ring.cols(), next = u.slot.to_vector<int64_t>()[0];
  const std::vector<double> all = u.ring.to_vector<double>();
  std::vector<double> list;
  for (int64_t i = std::min(count, slots); i > 0; --i)
    list.push_back(all[static_cast<size_t>((next - i + slots) % slots * width)]);
  return list;
}
Features Trainer::embed(const std::vector<Tensor>& views) const { return impl_->embed(views); }
Features Trainer::embed() const { return impl_->embed(impl_->views); }
ParamStore& Trainer::store() { return impl_->params; }
const DataSpec& Trainer::spec() const { return impl_->data_spec; }
void Trainer::raw_zeros(std::vector<double> fractions) { impl_->data_spec.raw_zeros = std::move(fractions); }
std::map<std::string, Tensor>& Trainer::state() { return impl_->states; }
int64_t Trainer::epochs() const { return impl_->epochs_done; }

}  // namespace parallax

// What a method is: hyper-parameters, modules, a plan of phases, and what it computes for a row. It never sees loops,
// streams, files, ranks or labels.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../nn/mlp.h"
#include "../nn/optimizer.h"
#include "visitor.h"

namespace parallax {

struct DataSpec {
  int64_t samples = 0;
  std::vector<int64_t> dims;
  int clusters = 0;
  std::vector<std::string> names = {};  // of the views, where the caller knows them
  std::vector<double> raw_zeros = {};   // fraction of zeros of each view before scaling, where the caller knows them
  int views() const { return static_cast<int>(dims.size()); }
};

// Given to build(): the store to declare parameters in, the data (scaled, in the store's type) and state.
struct Build {
  Context& ctx;
  ParamStore& store;
  DataSpec spec;
  std::vector<Tensor> views;                    // [N, D_v]; a golden check gives its batch
  std::map<std::string, Tensor>& state;         // named tensors that steps read (neighbour lists, pseudo-labels)
  std::function<void(const std::string&)> log;  // what was decided, for the user
  bool predict = false;  // only embed() will be called: views hold one row of zeros, no state is needed
};

// Named tensors of all samples: representations that are clustered and scored.
struct Features {
  std::vector<std::pair<std::string, Tensor>> list;  // [N, d]
  const Tensor* find(const std::string& name) const {
    for (const auto& [n, t] : list)
      if (n == name) return &t;
    return nullptr;
  }
};

// One training step, seen from a method.
class Step : public Pass {
 public:
  Step(Tape& tape, ParamStore& store, std::vector<Tensor> views, std::map<std::string, Tensor>& state)
      : Pass(tape, store, true), views_(std::move(views)), state_(state) {}
  int64_t rows() const { return views_.empty() ? 0 : views_[0].rows(); }
  int views() const { return static_cast<int>(views_.size()); }
  const Tensor& view(int v) const { return views_[static_cast<size_t>(v)]; }
  std::span<const Tensor> all_views() const { return views_; }
  const Tensor& state(const std::string& name) const {
    const auto it = state_.find(name);
    PLX_CHECK(internal, it != state_.end(), "no state called ", name);
    return it->second;
  }
  bool has_state(const std::string& name) const { return state_.count(name) > 0; }
  // Loss terms under the golden files' names; entry i of a column belongs to names[i]. The names must outlive the step.
  void log(const std::vector<std::string>& names, const Var& column) {
    for (size_t i = 0; i < names.size(); ++i) logged_.push_back({&names[i], column.value, static_cast<int64_t>(i)});
  }
  void log(const std::string& name, const Var& scalar) { logged_.push_back({&name, scalar.value, 0}); }
  // Intermediate results, only where someone asked (a golden check).
  bool tapping() const { return taps_ != nullptr; }
  void tap(const std::string& name, const Tensor& t) {
    if (taps_) (*taps_)[name] = t;
  }
  void tap(const std::string& name, const Var& v) { tap(name, v.value); }
  void collect_taps(std::map<std::string, Tensor>* taps) { taps_ = taps; }

  struct Logged {
    const std::string* name;
    Tensor column;
    int64_t row;
  };
  const std::vector<Logged>& logged() const { return logged_; }

 private:
  std::vector<Tensor> views_;
  std::map<std::string, Tensor>& state_;
  std::vector<Logged> logged_;
  std::map<std::string, Tensor>* taps_ = nullptr;
};

// A block of rows in evaluation: always the same number, zero-padded, so that a row's result is a function of that row.
class Rows : public Pass {
 public:
  static constexpr int64_t kBlock = 256;
  Rows(Tape& tape, ParamStore& store, std::vector<Tensor> views, const std::string& phase)
      : Pass(tape, store, false), views_(std::move(views)), phase_(phase) {}
  int views() const { return static_cast<int>(views_.size()); }
  const Tensor& view(int v) const { return views_[static_cast<size_t>(v)]; }
  Var input(int v) const { return {view(v), &tape(), -1}; }
  const std::string& phase() const { return phase_; }  // of the plan, by name
  void out(const std::string& name, const Var& v) { results_.emplace_back(name, v.value); }
  const std::vector<std::pair<std::string, Tensor>>& results() const { return results_; }

 private:
  std::vector<Tensor> views_;
  const std::string& phase_;
  std::vector<std::pair<std::string, Tensor>> results_;
};

// Given to hooks between steps: everything about all samples, without labels.
class Eval {
 public:
  virtual ~Eval() = default;
  virtual Context& ctx() = 0;
  virtual ParamStore& store() = 0;
  virtual const DataSpec& spec() const = 0;
  virtual std::map<std::string, Tensor>& state() = 0;
  // Runs f on every block of rows and gathers what it puts out, [N, d] each.
  virtual Features map_rows(const std::function<void(Rows&)>& f) = 0;
  virtual void log(const std::string& line) = 0;
  int64_t epoch = 0;  // of the phase, from 1
};

struct Update {
  std::string name;
  std::vector<std::string> params = {"*"};  // globs of parameter names
  std::function<Var(Step&)> loss;           // [1, 1]
  OptimizerSpec opt;
  std::function<void(Step&)> after = {};  // in the step, after the optimiser (moving averages)
};

struct Phase {
  std::string name;
  int64_t epochs = 0;
  int64_t batch = 0;  // 0: all samples, in file order; else shuffled, the last partial batch dropped
  std::vector<Update> updates;
  std::function<void(Eval&)> before = {};  // once
  std::function<void(Eval&)> before_epoch = {};
  std::function<double(int64_t epoch)> lr_factor = {};  // epoch from 1
  int64_t eval_every = 0;  // epochs between scored evaluations; 0: at the end of the phase only
  // Label-free model selection: every `select_every` epochs; the weights with the lowest value are kept at the end.
  int64_t select_every = 0;
  std::function<double(Eval&)> select = {};
};

// How labels come out of the representations.
enum class Labelling {
  kmeans,  // k-means on "fused"
  argmax,  // arg-max of "probabilities" (lowest index on ties); "fused" is what is exported
};

struct Method {
  virtual ~Method() = default;
  virtual std::string name() const = 0;
  // Sets the members to the defaults of a profile: `sound` = the page's recommendation, `reference` = the published
  // code.
  virtual void profile(bool reference) = 0;
  virtual void params(Visitor& p) = 0;
  virtual void build(Build& b) = 0;
  // After the parameters have their initial values: copies of other parameters, tables in buffers.
  virtual void initialise(ParamStore&) {}
  virtual std::vector<Phase> plan() = 0;
  // Representations of a block of rows: view<v>, global, fused, probabilities.
  virtual void embed(Rows& r) = 0;
  virtual Labelling labelling() const { return Labelling::kmeans; }
  virtual std::string default_scale() const { return "minmax"; }
  virtual int restarts() const { return 100; }
  // The total loss of a phase, for a golden check; the plan uses the same function.
  virtual Var loss(Step& s, const std::string& phase) = 0;
  // What cannot be done, as a sentence for the user; empty: nothing. Looked at before the start.
  virtual std::string unfit(const DataSpec&) const { return ""; }
  virtual bool repeatable_by_row() const { return true; }  // false: profiles that draw at evaluation
};

using MethodFactory = std::unique_ptr<Method> (*)();
void register_method(const std::string& name, MethodFactory factory);  // for methods outside the library
std::unique_ptr<Method> make_method(const std::string& name);          // throws Error(config), naming the nearest
std::vector<std::string> method_names();

#define PLX_METHOD(NAME, TYPE)           \
  std::unique_ptr<Method> make_##NAME(); \
  std::unique_ptr<Method> make_##NAME() { return std::make_unique<TYPE>(); }

}  // namespace parallax

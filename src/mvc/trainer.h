// Runs a method's plan: phases, epochs, batches, updates; gathers losses; evaluates without labels in between. It knows
// methods only through method.h.
#pragma once
#include <functional>
#include <memory>

#include "method.h"

namespace parallax {

// One line of the history: an epoch.
struct EpochRow {
  std::string phase;
  int64_t epoch = 0;                                   // over all phases, from 1
  int64_t step = 0;                                    // updates so far
  double seconds = 0;                                  // since the start of training
  std::vector<std::pair<std::string, double>> losses;  // mean over the epoch's batches, `total` among them
};

struct TrainerOptions {
  int64_t eval_every = 0;  // 0: the method's own
  std::function<void(const std::string&)> log = {};
  // After every epoch; returning false stops the training cleanly (Error(interrupted)).
  std::function<bool(const EpochRow&)> on_epoch = {};
  // Where the plan wants an evaluation, and once after the last epoch (`last`).
  std::function<void(const EpochRow&, const Features&, bool last)> on_evaluation = {};
};

class Trainer {
 public:
  // `views`: [N, D_v] of the scalar type that training runs in; kept, not copied.
  Trainer(Context& ctx, Method& method, std::vector<Tensor> views, int clusters,
          std::vector<std::string> view_names = {});
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // Declares and fills the parameters. Once, before anything else.
  void build(const std::function<void(const std::string&)>& log = {});
  void train(const TrainerOptions& options);
  // Stepping by hand: prepare() makes the batch and the optimiser of a phase (hooks included), step() does one update
  // of each kind on the next batch. Used by benches and by callers with a loop of their own.
  void prepare(Phase& phase);
  void step(Phase& phase);
  // Total losses of the last `count` steps of the phase's first update, oldest first; as many as are still held.
  std::vector<double> recent_losses(int64_t count) const;
  // Representations of other rows with the present weights; of the training rows without arguments.
  Features embed(const std::vector<Tensor>& views) const;
  Features embed() const;
  ParamStore& store();
  const DataSpec& spec() const;
  void raw_zeros(std::vector<double> fractions);  // before build()
  std::map<std::string, Tensor>& state();
  int64_t epochs() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Runs f on blocks of rows, the last one padded with zeros; what it puts out is gathered to [N, d].
Features map_rows(Context& ctx, ParamStore& store, const std::vector<Tensor>& views, const std::string& phase,
                  const std::function<void(Rows&)>& f);

}  // namespace parallax

#include "context.h"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace parallax {

struct Context::Pool {
  explicit Pool(int threads) : limit(tbb::global_control::max_allowed_parallelism, 1024), arena(threads) {}
  tbb::global_control limit;  // the bound is the arena's, also where it exceeds the cores
  tbb::task_arena arena;
};

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  // container quota, cgroup v2: "<quota|max> <period>"
  if (FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    double quota = 0, period = 0;
    if (std::fscanf(f, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0)
      cores = std::min(cores, std::max(1, static_cast<int>(std::ceil(quota / period))));
    std::fclose(f);
  }
  return std::max(1, cores);
}

Context::Context(const Options& o)
    : device_(o.device), seed_(o.seed), threads_(o.threads > 0 ? o.threads : available_cores()), capture_(o.capture) {
  if (device_.kind == Device::cuda) memory_->device = backend_ = open_cuda(device_.index);
  if (threads_ > 1) pool_ = std::make_unique<Pool>(threads_);
}
Context::~Context() = default;

void Context::parallel(int64_t n, TaskRef task) {
  if (!pool_ || n < 2) {
    for (int64_t i = 0; i < n; ++i) task(i);
    return;
  }
  pool_->arena.execute([&] {
    tbb::parallel_for(
        tbb::blocked_range<int64_t>(0, n, 1),
        [&](const tbb::blocked_range<int64_t>& r) {
          for (int64_t i = r.begin(); i < r.end(); ++i) task(i);
        },
        tbb::simple_partitioner());
  });
}

Context& Context::host() {
  if (!backend_) return *this;
  if (!host_) host_ = std::make_unique<Context>(Options{.device = {}, .seed = seed_, .threads = threads_});
  return *host_;
}

void Context::set_step(uint32_t step) {
  step_ = step;
  if (backend_) backend_->set_step(step);
}

void Context::begin_step() {
  arena_.reset();
  ++step_;
  if (backend_) backend_->advance_step();
  in_step_ = true;
}

ScratchScope::ScratchScope(Context& ctx) : ctx_(ctx), was_in_step_(ctx.in_step_), mark_(ctx.arena_.mark()) {
  ctx.in_step_ = true;
}
ScratchScope::~ScratchScope() {
  ctx_.arena_.rewind(mark_);
  ctx_.in_step_ = was_in_step_;
}

}  // namespace parallax

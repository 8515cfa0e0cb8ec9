// The context of everything that computes: device, threads, seed, memory, step counter. Passed explicitly, never
// global; one per thread that trains. Two contexts do not know of each other.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include "backend.h"
#include "dtype.h"
#include "memory.h"

namespace parallax {

struct Device {
  enum Kind : uint8_t { cpu, cuda } kind = cpu;
  int index = 0;
  bool operator==(const Device&) const = default;
};

// What the context did so far; a test holds the per-step figures at zero after warm-up.
struct Counters {
  uint64_t kernels = 0, gemms = 0;
  uint64_t allocations = 0;  // persistent blocks and arena growth
  uint64_t step_bytes_peak = 0;
};

// Non-owning reference to a callable, so that task loops need no allocation and no template in the library's interface.
class TaskRef {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, TaskRef>>>
  TaskRef(const F& f)  // NOLINT(google-explicit-constructor): a view of the argument, like string_view
      : object_(&f), call_([](const void* o, int64_t i) { (*static_cast<const F*>(o))(i); }) {}
  void operator()(int64_t i) const { call_(object_, i); }

 private:
  const void* object_;
  void (*call_)(const void*, int64_t);
};

class Context {
 public:
  struct Options {
    Device device = {};
    uint64_t seed = 0;
    int threads = 1;      // bound on the threads used; 0 = the cores this process may use
    bool capture = true;  // a device records training steps and launches the recording
  };
  explicit Context(const Options& options);
  Context() : Context(Options{}) {}
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Device device() const { return device_; }
  Backend* backend() const { return backend_.get(); }  // null on the CPU
  // This context, or on another device a CPU context with the same seed and threads, for work that runs on the host.
  Context& host();
  uint64_t seed() const { return seed_; }
  int threads() const { return threads_; }
  bool capture() const { return capture_; }

  // Runs task(0..n-1), in any order, on up to threads() threads; returns when all are done. Tasks write disjoint
  // results, so what is computed does not depend on the number of threads. The first exception is rethrown.
  void parallel(int64_t n, TaskRef task);

  // A step: tensors made inside live in the arena, at the same addresses in every step, until the next one begins.
  void begin_step();  // arena to zero, step counter + 1
  void end_step() { in_step_ = false; }
  bool in_step() const { return in_step_; }
  const uint32_t* step_counter() const { return backend_ ? backend_->step_counter() : &step_; }  // device memory
  uint32_t step() const { return step_; }
  void set_step(uint32_t step);
  void note_replayed(uint32_t steps) { step_ += steps; }  // of a recording: the device has counted them itself

  Arena& arena() { return arena_; }
  const std::shared_ptr<MemoryMeter>& memory() const { return memory_; }
  Counters& counters() { return counters_; }
  // A bench's ear: called with every list of f32 products (a Products<float>) that runs. Null otherwise.
  std::function<void(const void*)> on_products;

 private:
  friend class ScratchScope;
  Device device_;
  uint64_t seed_;
  int threads_;
  bool capture_;
  uint32_t step_ = 0;
  bool in_step_ = false;
  Counters counters_;
  std::shared_ptr<MemoryMeter> memory_ = std::make_shared<MemoryMeter>();
  Arena arena_{memory_};
  struct Pool;
  std::unique_ptr<Pool> pool_;
  std::shared_ptr<Backend> backend_;
  std::unique_ptr<Context> host_;
};

// Tensors made in this scope come from the arena and are gone at its end: work outside of training steps (evaluation,
// k-means) that must not leave persistent blocks behind. Nests, also inside a step.
class ScratchScope {
 public:
  explicit ScratchScope(Context& ctx);
  ~ScratchScope();
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

 private:
  Context& ctx_;
  bool was_in_step_;
  Arena::Mark mark_;
};

// The cores this process may use: affinity mask and container quota.
int available_cores();

}  // namespace parallax

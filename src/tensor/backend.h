// What a device other than the CPU brings: memory, copies, kernels and recorded steps. One object per context, made by
// the module of that device, which is loaded on demand: the core neither includes nor links its libraries.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "error.h"

namespace parallax {

class Context;

// Runs one kernel: the erased form of a twin, `kernel` points to its arguments.
using DeviceTwin = void (*)(Context& ctx, const void* kernel);

// What a device did for one context. A step after its warm-up adds one to `replays` and nothing else.
struct DeviceCounters {
  uint64_t launches = 0;  // kernels of ours
  uint64_t library = 0;   // calls of vendor libraries that launch
  uint64_t copies = 0;    // between host and device
  uint64_t synchronisations = 0;
  uint64_t allocations = 0;
  uint64_t replays = 0;
  uint64_t branches = 0;  // of the last recording: pieces of work that may run side by side, where it is widest
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;  // "cuda:0 NVIDIA H100 (sm_90, 79.2 GB)"

  // Memory of the device; zeroed, 256-byte aligned. Errors: memory.
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* p) noexcept = 0;
  virtual size_t free_bytes() = 0;

  // Copies of `rows` rows of `width` bytes, in the order of the context's work. The host side of an upload may be used
  // again on return; a download waits for what it reads.
  struct Rows {
    size_t width, rows, to_pitch, from_pitch;
  };
  virtual void upload(void* to, const void* from, const Rows& r) = 0;
  virtual void download(void* to, const void* from, const Rows& r) = 0;
  virtual void copy(void* to, const void* from, const Rows& r) = 0;
  virtual void zero(void* p, size_t bytes) = 0;
  virtual void synchronise() = 0;

  // The step counter in device memory.
  virtual const uint32_t* step_counter() const = 0;
  virtual void advance_step() = 0;
  virtual void set_step(uint32_t step) = 0;

  // Recorded work: everything queued between begin and end becomes one graph that is launched by replay().
  virtual void begin_recording() = 0;
  virtual std::shared_ptr<void> end_recording() = 0;
  virtual void abandon_recording() noexcept = 0;
  virtual void replay(void* recording) = 0;
  virtual bool recording() const = 0;

  // The twin of a kernel by the name of its type; null where the module has none.
  virtual DeviceTwin twin(const char* type_name) const = 0;
  DeviceCounters counters;
};

// One line per device of a kind that can be used here, and why none can be.
struct DeviceList {
  std::vector<std::string> devices;
  std::vector<std::string> libraries;  // "cuBLAS 13.1.0"
  std::string why_none;
};
DeviceList list_cuda_devices();
// "auto" (a CUDA device where one can be used, else the CPU), "cpu", "cuda" or "cuda:i". Errors: config for other
// texts, device where the one that was asked for cannot be used.
struct Device;
bool is_device_name(const std::string& text);
Device choose_device(const std::string& text);
std::string name_of(const Device& device);  // "cpu", "cuda:0"
// Loads the module and opens device `index`. Errors: device, with what to do.
std::shared_ptr<Backend> open_cuda(int index);

// What the core lends to a module: errors are made where breadcrumbs are known.
struct ModuleHost {
  void (*fail)(ErrorKind kind, const char* message, const char* file, int line);  // throws
  void* (*scratch)(Context& ctx, size_t bytes);  // of the step arena; gone when the step or scope ends
};
// The one function that a module exports, as "parallax_device_module". A module of another version is refused.
struct DeviceModule {
  int version = 0;
  std::shared_ptr<Backend> (*open)(int index, const ModuleHost& host) = nullptr;
  DeviceList (*list)() = nullptr;
};
inline constexpr int kModuleVersion = 1;

}  // namespace parallax

// Two lifetimes of memory: persistent blocks, freed by handle count, and the step arena, which only bumps and is
// emptied as a whole when the next step begins.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace parallax {

inline constexpr size_t kAlign = 64;  // one cache line, one 512-bit vector

class Backend;

// Bytes alive and at most alive of one context, and the device that they are taken from.
struct MemoryMeter {
  std::shared_ptr<Backend> device;  // null: host memory
  std::atomic<uint64_t> live{0}, peak{0};
  void add(uint64_t bytes) {
    const uint64_t now = live += bytes;
    uint64_t top = peak;
    while (now > top && !peak.compare_exchange_weak(top, now)) {}
  }
};

// Zeroed, aligned memory, counted by the meter while it lives. Throws Error(memory) with the size that was asked for.
std::shared_ptr<void> allocate_block(size_t bytes, std::shared_ptr<MemoryMeter> meter = nullptr);

class Arena {
 public:
  explicit Arena(std::shared_ptr<MemoryMeter> meter = nullptr) : meter_(std::move(meter)) {}
  struct Mark {
    size_t chunk = 0, used = 0;
  };
  // Uninitialised, aligned, valid until reset() or a rewind() to an earlier mark. Grows by whole chunks; nothing moves.
  void* take(size_t bytes);
  Mark mark() const { return at_; }
  void rewind(Mark m) { at_ = m; }
  void reset();                              // all of it; a new generation begins
  uint64_t taken() const { return taken_; }  // bytes given out in this generation
  uint64_t generation() const { return generation_; }
  const uint64_t* generation_address() const { return &generation_; }
  size_t capacity() const;
  uint64_t growths() const { return growths_; }

 private:
  struct Chunk {
    std::shared_ptr<void> memory;
    size_t bytes = 0;
  };
  std::shared_ptr<MemoryMeter> meter_;
  std::vector<Chunk> chunks_;
  Mark at_;
  uint64_t generation_ = 1, growths_ = 0, taken_ = 0;
};

}  // namespace parallax

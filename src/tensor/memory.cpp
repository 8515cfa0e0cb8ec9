#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "backend.h"
#include "error.h"

namespace parallax {

std::shared_ptr<void> allocate_block(size_t bytes, std::shared_ptr<MemoryMeter> meter) {
  const size_t rounded = std::max<size_t>((bytes + kAlign - 1) / kAlign * kAlign, kAlign);
  if (meter && meter->device) {
    void* d = meter->device->allocate(rounded);
    meter->add(rounded);
    return std::shared_ptr<void>(d, [meter = std::move(meter), rounded](void* q) {
      meter->device->release(q);
      meter->live -= rounded;
    });
  }
  void* p = rounded < bytes ? nullptr : std::aligned_alloc(kAlign, rounded);
  PLX_CHECK(memory, p != nullptr, "out of memory: ", bytes, " bytes were asked for");
  std::memset(p, 0, rounded);
  if (meter) meter->add(rounded);
  return std::shared_ptr<void>(p, [meter = std::move(meter), rounded](void* q) {
    std::free(q);
    if (meter) meter->live -= rounded;
  });
}

void* Arena::take(size_t bytes) {
  const size_t need = std::max<size_t>((bytes + kAlign - 1) / kAlign * kAlign, kAlign);
  while (at_.chunk < chunks_.size() && at_.used + need > chunks_[at_.chunk].bytes) {
    ++at_.chunk;
    at_.used = 0;
  }
  if (at_.chunk == chunks_.size()) {
    const size_t grow = std::max({need, capacity(), size_t{1} << 20});
    chunks_.push_back({allocate_block(grow, meter_), grow});
    at_.used = 0;
    ++growths_;
  }
  void* p = static_cast<char*>(chunks_[at_.chunk].memory.get()) + at_.used;
  at_.used += need;
  taken_ += need;
#ifndef NDEBUG
  if (!meter_ || !meter_->device)
    std::memset(p, 0xFF, need);  // NaN in both precisions: reading what nothing wrote shows
#endif
  return p;
}

void Arena::reset() {
  at_ = {};
  taken_ = 0;
  ++generation_;
}

size_t Arena::capacity() const {
  size_t sum = 0;
  for (const Chunk& c : chunks_) sum += c.bytes;
  return sum;
}

}  // namespace parallax

#include "isa.h"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace parallax {
namespace {
Isa detect() {
  Isa best = Isa::v2;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) best = Isa::v3;
  if (best == Isa::v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    best = Isa::v4;
#endif
  if (const char* limit = std::getenv("PARALLAX_ISA")) {
    if (std::strcmp(limit, "v2") == 0) best = Isa::v2;
    if (std::strcmp(limit, "v3") == 0 && best == Isa::v4) best = Isa::v3;
  }
  return best;
}
std::atomic<int>& chosen() {
  static std::atomic<int> value{static_cast<int>(detect())};
  return value;
}
}  // namespace

Isa isa() { return static_cast<Isa>(chosen().load(std::memory_order_relaxed)); }
const char* isa_name() { return isa() == Isa::v4 ? "AVX-512" : isa() == Isa::v3 ? "AVX2" : "baseline"; }
void lower_isa(Isa limit) {
  const Isa can = detect();
  chosen() = static_cast<int>(limit < can ? limit : can);
}
}  // namespace parallax

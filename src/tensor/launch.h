// How an op runs a kernel. A kernel is a plain-data struct (its arguments) whose body is written once, for a *team*:
// one lane of the CPU or one warp of a GPU. PLX_KERNEL in the header declares its CPU twins, one per instruction set;
// PLX_ROWS or PLX_COLUMNS in a *_kernels.cpp defines them. A kernel without a twin does not link.
#pragma once
#include <typeinfo>

#include "context.h"
#include "isa.h"
#include "scalar.h"

namespace parallax {

// A kernel that only devices have, in contexts on one: losses that a device computes as a whole (see tiled()).
template <class K> void run_device(Context& ctx, const K& kernel) {
  ++ctx.counters().kernels;
  const Backend* device = ctx.backend();
  PLX_CHECK(internal, device != nullptr, "the kernel ", typeid(K).name(), " has no twin on the CPU");
  // looked up once per kernel; the core never links a device's module
  static const DeviceTwin twin = device->twin(typeid(K).name());
  PLX_CHECK(internal, twin != nullptr, "the kernel ", typeid(K).name(), " has no twin on ", device->name());
  twin(ctx, &kernel);
}

template <class K> void run(Context& ctx, const K& kernel) {
  if (ctx.backend()) return run_device(ctx, kernel);
  ++ctx.counters().kernels;
  cpu_twin(ctx, kernel);
}

// Whether a loss over pairs of rows takes its device's kernel for all tiles and views, which exists in single
// precision.
inline bool tiled(const Context& ctx, DType type) { return ctx.backend() && type == DType::f32; }

}  // namespace parallax

#define PLX_KERNEL_IN(NS, K)                   \
  namespace NS {                               \
  void twin(Context& ctx, const K<float>& k);  \
  void twin(Context& ctx, const K<double>& k); \
  }
#if defined(__x86_64__)
#define PLX_KERNEL(K)                                             \
  PLX_KERNEL_IN(isa_v2, K)                                        \
  PLX_KERNEL_IN(isa_v3, K)                                        \
  PLX_KERNEL_IN(isa_v4, K)                                        \
  template <class T> void cpu_twin(Context& ctx, const K<T>& k) { \
    switch (isa()) {                                              \
      case Isa::v4: return isa_v4::twin(ctx, k);                  \
      case Isa::v3: return isa_v3::twin(ctx, k);                  \
      case Isa::v2: return isa_v2::twin(ctx, k);                  \
    }                                                             \
  }
#else
#define PLX_KERNEL(K)      \
  PLX_KERNEL_IN(isa_v2, K) \
  template <class T> void cpu_twin(Context& ctx, const K<T>& k) { isa_v2::twin(ctx, k); }
#endif

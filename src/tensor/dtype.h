// Element types. Training runs in f32, proofs and golden checks in f64; the rest are indices, labels and masks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "error.h"

// Functions that both compilers see.
#if defined(__CUDACC__)
#define PLX_HD __host__ __device__ __forceinline__
#else
#define PLX_HD inline __attribute__((always_inline))
#endif

namespace parallax {

enum class DType : uint8_t { f32, f64, i32, i64, u8 };

constexpr size_t size_of(DType t) { return t == DType::u8 ? 1 : (t == DType::f32 || t == DType::i32) ? 4 : 8; }
constexpr const char* name_of(DType t) {
  constexpr const char* names[] = {"f32", "f64", "i32", "i64", "u8"};
  return names[static_cast<int>(t)];
}
template <class T> constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::f64;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::i32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return DType::i64;
  else {
    static_assert(std::is_same_v<T, uint8_t>, "no such element type");
    return DType::u8;
  }
}

// Calls f with a value of the element type, so that code is written once for both precisions.
template <class F> decltype(auto) by_float(DType t, F&& f) {
  if (t == DType::f32) return f(float{});
  PLX_CHECK(dtype, t == DType::f64, "a floating-point tensor is needed, not ", name_of(t));
  return f(double{});
}

// What kernels receive, by value: rows x cols, row pitch ld >= cols (in elements).
template <class T> struct Mat {
  T* p = nullptr;
  int64_t rows = 0, cols = 0, ld = 0;
  PLX_HD T* row(int64_t i) const { return p + i * ld; }
  template <class U, class = std::enable_if_t<std::is_same_v<U, const T> && !std::is_same_v<U, T>>>
  PLX_HD operator Mat<U>() const {
    return {p, rows, cols, ld};
  }
};

}  // namespace parallax

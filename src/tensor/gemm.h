// Matrix products C = alpha op(A) op(B) + beta C, with bias and activation applied while the block is hot.
// Parallel work is tasks: whole problems first, then blocks of the longer output side whose size depends on the shape
// alone; the summed length is never split between threads. So the bits do not depend on the number of threads, and
// (with PLX_GEMM=own and fused multiply-add hardware) not on the processor.
#pragma once
#include <initializer_list>
#include <span>

#include "launch.h"
#include "tensor.h"

namespace parallax {

enum class Act : uint8_t { none, relu, leaky, sigmoid, tanh };

template <class T> struct Product {
  Mat<const T> a, b;
  Mat<T> c;
  bool ta = false, tb = false;
  T alpha = 1, beta = 0;
  const T* alpha_by = nullptr;  // further factor in device memory
  const T* bias = nullptr;      // [1, c.cols], added before the activation
  Act act = Act::none;
  T slope = 0;  // of leaky
  // Only where epilogues() says so. relu_mask: a bit for every entry of c, `mask_ld` of them a row (a multiple of 128).
  // With act = relu it is written: which entries passed. Without, the other entries of c become 0 and bias_grad [n]
  // gets c's column sums. bias_grad [m] without a mask, with ta: gets the column sums of a.
  uint8_t* relu_mask = nullptr;
  int64_t mask_ld = 0;
  T* bias_grad = nullptr;
  int64_t m() const { return c.rows; }
  int64_t n() const { return c.cols; }
  int64_t k() const { return ta ? a.rows : a.cols; }
};

// One kernel: any number of independent products (no result may be another's operand).
template <class T> struct Products {
  const Product<T>* list = nullptr;
  int64_t n = 0;
};
PLX_KERNEL(Products)

// Whether products carry ReLU's gradient and bias gradients with them.
inline bool epilogues(const Context& ctx, DType type) { return ctx.backend() && type == DType::f32; }

struct GemmOptions {
  bool ta = false, tb = false;
  double alpha = 1, beta = 0;
  Tensor alpha_by = {};  // [1, 1]
  Tensor bias = {};      // [1, n]
  Act act = Act::none;
  double slope = 0.01;
};
// Describes one product; checks the shapes.
template <class T> Product<T> product(const Tensor& a, const Tensor& b, const Tensor& c, const GemmOptions& o);
template <class T> void gemm(Context& ctx, std::span<const Product<T>> products);
void gemm(Context& ctx, const Tensor& a, const Tensor& b, const Tensor& c, const GemmOptions& o = {});

const char* gemm_backend();  // "own (AVX-512)", "BLIS", "OpenBLAS"

// The processor's measured peak of fused multiply-adds on one thread, GFLOP/s. Takes a few milliseconds.
double measure_peak_gflops(DType type);

}  // namespace parallax

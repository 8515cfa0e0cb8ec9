#include "gemm.h"

#include <algorithm>

namespace parallax {

template <class T> Product<T> product(const Tensor& a, const Tensor& b, const Tensor& c, const GemmOptions& o) {
  const int64_t m = o.ta ? a.cols() : a.rows(), k = o.ta ? a.rows() : a.cols();
  const int64_t kb = o.tb ? b.cols() : b.rows(), n = o.tb ? b.rows() : b.cols();
  PLX_CHECK(shape, k == kb, "gemm: the inner sizes differ, ", k, " (", a.shape(), o.ta ? " transposed" : "", ") and ",
            kb, " (", b.shape(), o.tb ? " transposed" : "", ")");
  PLX_CHECK(shape, c.rows() == m && c.cols() == n, "gemm: the result is ", m, " x ", n, ", the target ", c.shape());
  PLX_CHECK(shape, !o.bias.defined() || (o.bias.count() == n && o.bias.contiguous()), "gemm: ", o.bias.count(),
            " biases for ", n, " columns");
  Product<T> p;
  p.a = a.mat<T>();
  p.b = b.mat<T>();
  p.c = c.mat<T>();
  p.ta = o.ta;
  p.tb = o.tb;
  p.alpha = static_cast<T>(o.alpha);
  p.beta = static_cast<T>(o.beta);
  p.alpha_by = o.alpha_by.defined() ? o.alpha_by.ptr<T>() : nullptr;
  p.bias = o.bias.defined() ? o.bias.ptr<T>() : nullptr;
  p.act = o.act;
  p.slope = static_cast<T>(o.slope);
  return p;
}
template Product<float> product(const Tensor&, const Tensor&, const Tensor&, const GemmOptions&);
template Product<double> product(const Tensor&, const Tensor&, const Tensor&, const GemmOptions&);

template <class T> void gemm(Context& ctx, std::span<const Product<T>> products) {
  ctx.counters().gemms += products.size();
  const Products<T> list{products.data(), static_cast<int64_t>(products.size())};
  if constexpr (sizeof(T) == 4)
    if (ctx.on_products) ctx.on_products(&list);
  run(ctx, list);
}
template void gemm(Context&, std::span<const Product<float>>);
template void gemm(Context&, std::span<const Product<double>>);

void gemm(Context& ctx, const Tensor& a, const Tensor& b, const Tensor& c, const GemmOptions& o) {
  by_float(c.dtype(), [&]<class T>(T) {
    const Product<T> p = product<T>(a, b, c, o);
    gemm(ctx, std::span<const Product<T>>(&p, 1));
  });
}

const char* gemm_backend() {
#if defined(PLX_GEMM_blis)
  return "BLIS through CBLAS, one thread a call";
#elif defined(PLX_GEMM_openblas)
  return "OpenBLAS through CBLAS, one thread a call; results depend on the processor type";
#else
  return isa() == Isa::v4 ? "own, AVX-512" : isa() == Isa::v3 ? "own, AVX2" : "own, baseline";
#endif
}

#if defined(__x86_64__)
namespace isa_v2 {
double peak(float);
double peak(double);
}  // namespace isa_v2
namespace isa_v3 {
double peak(float);
double peak(double);
}  // namespace isa_v3
namespace isa_v4 {
double peak(float);
double peak(double);
}  // namespace isa_v4
double measure_peak_gflops(DType type) {
  return by_float(type, [&]<class T>(T t) {
    return isa() == Isa::v4 ? isa_v4::peak(t) : isa() == Isa::v3 ? isa_v3::peak(t) : isa_v2::peak(t);
  });
}
#else
namespace isa_v2 {
double peak(float);
double peak(double);
}  // namespace isa_v2
double measure_peak_gflops(DType type) {
  return by_float(type, [&]<class T>(T t) { return isa_v2::peak(t); });
}
#endif

}  // namespace parallax

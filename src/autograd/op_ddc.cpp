#include "op_ddc.h"

#include "../tensor/elementwise.h"
#include "../tensor/gemm.h"
#include "ddc_kernels.h"

namespace parallax {

Tensor Ddc::forward(Context& ctx, const Attr& at, Saved& s, In x) {
  const Tensor &q = x[0], &h = x[1];
  const int64_t n = q.rows(), K = q.cols();
  PLX_CHECK(shape, n == h.rows() && n > 1 && K > 0, "ddc: ", q.shape(), " assignments for hidden rows ", h.shape());
  PLX_CHECK(config, at.rel_width > 0, "ddc: rel_width is ", at.rel_width);
  const DType type = q.dtype();
  const double rows = static_cast<double>(n), k = static_cast<double>(K);
  const double all_pairs = K > 1 ? 2 / (k * (k - 1)) : 0.0;  // one cluster has no pairs
  const double c = at.norm == pairs ? all_pairs : K > 1 ? 1 / k : 0.0;
  const double factor = at.second == samples ? 2 / (rows * (rows - 1)) : at.second == clusters ? all_pairs / rows : 1.0;
  const auto empty = [&](int64_t r, int64_t cols) { return Tensor::samples(ctx, type, {r, cols}); };
  s.dq = empty(n, K);
  s.dh = empty(n, h.cols());
  const Tensor parts = at.parts.defined() ? at.parts : empty(3, 1), width = at.width.defined() ? at.width : empty(1, 1);
  const Tensor values = empty(2 * n, 2 * K), by_g = empty(2 * n, 2 * K);  // [Kmat B; B] and those times g, B = [Q, W]
  const Tensor kb = values.row_range(0, n), qw = values.row_range(n, n), db = by_g.row_range(0, n),
               bg = by_g.row_range(n, n);
  const Tensor m = empty(2 * K, K), g = empty(2 * K, K), columns = empty(1, K), sums = empty(n, 1);
  const bool on_device = tiled(ctx, type), by_median = at.fixed_width <= 0;
  Tensor gram, kmat;  // of all pairs of samples; single precision on a device does without
  if (!on_device) gram = empty(n, n), kmat = empty(n, n);
  if (!by_median) fill(ctx, width, at.fixed_width);
  by_float(type, [&]<class T>(T) {
    run(ctx, CornerRows<T>{q.mat<T>(), qw.mat<T>()});
    if (on_device) {
      PLX_CHECK(shape, n <= 46340, "ddc: ", n,
                " samples at a time, a device takes 46340");  // n^2 is counted in 31 bits
      Tensor counts;
      if (by_median) {
        counts = Tensor::empty(ctx, DType::i32, {1, kDistanceCounts});
        run_device(ctx, DistanceCounts{h.mat<float>(), counts.ptr<int32_t>()});
      }
      run_device(ctx, KernelTimes{h.mat<float>(), qw.mat<float>(), kb.mat<float>(),
                                  by_median ? counts.ptr<int32_t>() : nullptr, width.ptr<float>(), at.rel_width});
    } else {
      gemm(ctx, h, h, gram, {.tb = true});
      run(ctx, GramDistances<T>{gram.mat<T>(), kmat.mat<T>()});
      if (by_median) run(ctx, MedianWidth<T>{kmat.mat<T>(), width.ptr<T>(), at.rel_width});
      run(ctx, KernelRows<T>{kmat.mat<T>(), width.ptr<T>()});
      gemm(ctx, kmat, qw, kb);
    }
    const auto half = [&](const Tensor& t, int i) { return t.col_range(i * K, K); };
    const auto block = [&](const Tensor& t, int i) { return t.row_range(i * K, K); };
    const Product<T> moments[] = {product<T>(half(qw, 0), half(kb, 0), block(m, 0), {.ta = true}),
                                  product<T>(half(qw, 1), half(kb, 1), block(m, 1), {.ta = true})};
    gemm<T>(ctx, moments);
    run(ctx, SchwarzPairs<T>{m.mat<T>(), g.mat<T>(), parts.ptr<T>(), static_cast<T>(c)});
    run(ctx, SecondTerm<T>{q.mat<T>(), columns.ptr<T>(), parts.ptr<T>(), static_cast<T>(factor), at.second == samples});
    const Product<T> back[] = {product<T>(half(values, 0), block(g, 0), half(by_g, 0), {}),
                               product<T>(half(values, 1), block(g, 1), half(by_g, 1), {})};
    gemm<T>(ctx, back);
    if (on_device) {
      run_device(ctx, DistanceGrads{h.mat<float>(), qw.mat<float>(), bg.mat<float>(), width.ptr<float>(),
                                    s.dh.mat<float>(), sums.ptr<float>()});
    } else {
      gemm(ctx, bg, qw, gram, {.tb = true});  // dloss/dKmat, both terms
      run(ctx, DistanceGrad<T>{kmat.mat<T>(), gram.mat<T>(), width.ptr<T>(), sums.ptr<T>()});
      gemm(ctx, gram, h, s.dh, {.alpha = -2});
    }
    run(ctx, DdcFinish<T>{q.mat<T>(), qw.mat<T>(), db.mat<T>(), columns.ptr<T>(), static_cast<T>(factor),
                          at.second == samples, s.dq.mat<T>(), s.dh.mat<T>(), h.mat<T>(), sums.ptr<T>()});
  });
  return sum_rows(ctx, parts);
}

void Ddc::backward(Context& ctx, const Attr&, const Saved& s, const Tensor& gy, Grads g) {
  for (size_t i = 0; i < 2; ++i)
    if (g[i]) {
      const Grad::Open o = g[i].open(ctx);
      axpby(ctx, 1, i ? s.dh : s.dq, o.beta, o.tensor, gy);
    }
}

}  // namespace parallax

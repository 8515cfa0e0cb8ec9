#include "elementwise.h"

#include <algorithm>

namespace parallax {

void fill(Context& ctx, const Tensor& t, double value) {
  by_float(t.dtype(), [&]<class T>(T) {
    Axpby<T> k;
    k.y = t.mat<T>();
    k.a = static_cast<T>(value);
    run(ctx, k);
  });
}

namespace {
template <class T> Axpby<T> axpby_of(const AxpbyPart& p) {
  PLX_CHECK(shape, p.x.shape() == p.y.shape(), "axpby of ", p.x.shape(), " and ", p.y.shape());
  return {p.x.mat<T>(), p.y.mat<T>(), static_cast<T>(p.a), static_cast<T>(p.b),
          p.a_by.defined() ? p.a_by.ptr<T>() : nullptr};
}
// Whether two ranges of one tensor, or two tensors, share an entry.
template <class T> bool overlap(const Mat<T>& a, const Mat<T>& b) {
  if (a.rows * a.cols == 0 || b.rows * b.cols == 0) return false;
  const auto end = [](const Mat<T>& m) { return m.row(m.rows - 1) + m.cols; };
  if (end(a) <= b.p || end(b) <= a.p) return false;
  if (a.ld != b.ld) return true;
  const int64_t shift = ((b.p - a.p) % a.ld + a.ld) % a.ld;
  return shift < a.cols || shift + b.cols > a.ld;
}
}  // namespace

void axpby(Context& ctx, double a, const Tensor& x, double b, const Tensor& y, const Tensor& a_by) {
  by_float(y.dtype(), [&]<class T>(T) { run(ctx, axpby_of<T>({a, x, b, y, a_by})); });
}

void axpby(Context& ctx, std::span<const AxpbyPart> parts) {
  if (parts.empty()) return;
  by_float(parts[0].y.dtype(), [&]<class T>(T) {
    AxpbyParts<T> k;
    for (const AxpbyPart& p : parts) {
      const Axpby<T> one = axpby_of<T>(p);
      bool full = k.parts == kMaxProblems;
      for (int64_t q = 0; q < k.parts && !full; ++q) full = overlap(one.y, k.part[q].y);
      if (full) {
        run(ctx, k);
        k.parts = 0;
      }
      k.part[k.parts] = one;
      k.end[k.parts] = one.y.rows + (k.parts ? k.end[k.parts - 1] : 0);
      k.widest = std::max(k.widest, one.y.cols);
      ++k.parts;
    }
    if (k.parts) run(ctx, k);
  });
}

void gather_rows(Context& ctx, const Tensor& x, const Tensor& index, const Tensor& y) {
  PLX_CHECK(shape, index.count() == y.rows() && x.cols() == y.cols(), "gather of ", index.count(), " rows of ",
            x.shape(), " into ", y.shape());
  by_float(y.dtype(), [&]<class T>(T) { run(ctx, GatherRows<T>{x.mat<T>(), index.ptr<int64_t>(), y.mat<T>()}); });
}

Tensor sum_rows(Context& ctx, const Tensor& x, int64_t problems, double weight) {
  PLX_CHECK(shape, problems > 0 && x.rows() % problems == 0, x.rows(), " rows are not ", problems, " equal problems");
  Tensor out = Tensor::empty(ctx, x.dtype(), {problems, 1});
  by_float(x.dtype(), [&]<class T>(T) {
    run(ctx, SumRows<T>{x.mat<T>(), out.ptr<T>(), problems, static_cast<T>(weight), T(0)});
  });
  return out;
}

}  // namespace parallax

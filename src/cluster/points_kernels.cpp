// Column statistics and the strip layout of points.h.
#include "points.h"
#include "strip_dots.h"

namespace parallax::cluster_detail::PLX_ISA {
namespace {

template <class T> void column_sums(Context& ctx, const ColumnSums<T>& k) {
  const int64_t n = k.x.rows, d = k.x.cols;
  ctx.parallel((n + kSumRows - 1) / kSumRows, [&](int64_t b) {
    double* out = k.out + b * d;
    for (int64_t j = 0; j < d; ++j) out[j] = 0;
    const int64_t end = (b + 1) * kSumRows < n ? (b + 1) * kSumRows : n;
    for (int64_t i = b * kSumRows; i < end; ++i) {
      const T* x = k.x.row(i);
      if (k.mean) {
        for (int64_t j = 0; j < d; ++j) {
          const double t = static_cast<double>(x[j]) - k.mean[j];
          out[j] += t * t;
        }
      } else {
        for (int64_t j = 0; j < d; ++j) out[j] += static_cast<double>(x[j]);
      }
    }
  });
}

template <class T> void pack_strips(Context& ctx, const PackStrips<T>& k) {
  const int64_t n = k.x.rows, d = k.x.cols, strips = (n + kStrip - 1) / kStrip, per_task = 16;
  ctx.parallel((strips + per_task - 1) / per_task, [&](int64_t b) {
    for (int64_t s = b * per_task; s < strips && s < (b + 1) * per_task; ++s) {
      T* strip = k.strips + s * d * kStrip;
      for (int64_t l = 0; l < kStrip; ++l) {
        const int64_t i = s * kStrip + l;
        if (i >= n) {
          for (int64_t j = 0; j < d; ++j) strip[j * kStrip + l] = T(0);
          k.norms[i] = T(0);
          continue;
        }
        const T* x = k.x.row(i);
        T* row = k.rows ? k.rows + i * d : nullptr;
        const auto value = [&](int64_t j) { return (static_cast<double>(x[j]) - k.mean[j]) * k.scale; };
        for (int64_t j = 0; j < d; ++j) strip[j * kStrip + l] = static_cast<T>(value(j));
        if (row)
          for (int64_t j = 0; j < d; ++j) row[j] = static_cast<T>(value(j));
        const double square = Lane{}.sum<double>(d, [&](int64_t j) {
          const double t = value(j);
          return t * t;
        });
        k.norms[i] = static_cast<T>(fn::sqrt(square) * (1 + 4 * unit_roundoff<T>()));
      }
    }
  });
}

}  // namespace

void twin(Context& ctx, const ColumnSums<float>& k) { column_sums(ctx, k); }
void twin(Context& ctx, const ColumnSums<double>& k) { column_sums(ctx, k); }
void twin(Context& ctx, const PackStrips<float>& k) { pack_strips(ctx, k); }
void twin(Context& ctx, const PackStrips<double>& k) { pack_strips(ctx, k); }

}  // namespace parallax::cluster_detail::PLX_ISA

// The CPU's team and launch shapes, for *_kernels.cpp only (compiled once per instruction set, see isa.h; the CUDA
// module compiles the same files with the teams of team_cuda.cuh). A sum runs in 16 fixed partial sums and a fixed tree
// whatever the vector width: the same bits everywhere.
#pragma once
#include "launch.h"
#include "scalar.h"

#ifndef PLX_ISA
#error "team.h belongs in *_kernels.cpp files"
#endif

#if defined(__CUDACC__)
#include "team_cuda.cuh"
#else

namespace parallax::PLX_ISA {

struct Lane {
  static constexpr bool serial = true;     // one lane: plain loops over arrays of a row's pieces are possible
  static constexpr int64_t kColumns = 64;  // at most so many columns at once
  template <class F> PLX_HD void each(int64_t n, F f) const {
    for (int64_t j = 0; j < n; ++j) f(j);
  }
  template <class T, class F> PLX_HD T sum(int64_t n, F f) const {
    T part[16] = {};
    const int64_t whole = n & ~int64_t{15};
    for (int64_t j = 0; j < whole; j += 16)
      for (int l = 0; l < 16; ++l) part[l] += f(j + l);
    for (int64_t j = whole; j < n; ++j) part[j & 15] += f(j);
    for (int half = 8; half; half >>= 1)
      for (int l = 0; l < half; ++l) part[l] += part[l + half];
    return part[0];
  }
  template <class T, class F> PLX_HD T max(int64_t n, F f) const {
    T part[16];
    for (int l = 0; l < 16; ++l) part[l] = f(l < n ? l : 0);
    const int64_t whole = n & ~int64_t{15};
    for (int64_t j = 0; j < whole; j += 16)
      for (int l = 0; l < 16; ++l) {
        const T x = f(j + l);
        part[l] = x > part[l] ? x : part[l];
      }
    for (int64_t j = whole; j < n; ++j) {
      const T x = f(j);
      part[j & 15] = x > part[j & 15] ? x : part[j & 15];
    }
    T top = part[0];
    for (int l = 1; l < 16; ++l) top = part[l] > top ? part[l] : top;
    return top;
  }
  PLX_HD bool leader() const { return true; }
  PLX_HD void sync() const {}

  // For kernels over columns: f(row) for the rows that are this team's, in order; of a device several threads share a
  // column, and the leader alone may write what belongs to it.
  template <class F> PLX_HD void rows(int64_t first, int64_t n, F f) const {
    for (int64_t i = first; i < first + n; ++i) f(i);
  }
  // sum += what f(row, sum) adds for every row; two levels of sums, for many rows
  template <class T, size_t N, class F> PLX_HD void down(int64_t first, int64_t n, T (&sum)[N], F f) const {
    T part[N] = {};
    for (int64_t i = first; i < first + n; ++i) {
      if (((i - first) & 255) == 0)
        for (size_t j = 0; j < N; ++j) sum[j] += part[j], part[j] = 0;
      f(i, part);
    }
    for (size_t j = 0; j < N; ++j) sum[j] += part[j];
  }
  // top = the greatest of what f(row, top) leaves there
  template <class T, size_t N, class F> PLX_HD void down_max(int64_t first, int64_t n, T (&top)[N], F f) const {
    for (int64_t i = first; i < first + n; ++i) f(i, top);
  }
};

// Elements of work per task: enough to pay for handing it out. Depends on the shape alone.
inline constexpr int64_t kGrain = 16384;

// body(Lane, row) for every row
template <class K> static void rows_shape(Context& ctx, const K& k) {
  const int64_t n = k.rows(), width = k.width() > 0 ? k.width() : 1;
  const int64_t block = kGrain / width > 0 ? kGrain / width : 1;
  ctx.parallel((n + block - 1) / block, [&](int64_t b) {
    const int64_t end = (b + 1) * block < n ? (b + 1) * block : n;
    for (int64_t i = b * block; i < end; ++i) k(Lane{}, i);
  });
}

// body(first column, columns): a block of columns, all rows; sums over rows have one order.
template <class K> static void columns_shape(Context& ctx, const K& k) {
  constexpr int64_t kColumns = Lane::kColumns;
  const int64_t d = k.width(), per = k.problems();  // problems stacked as rows
  const int64_t blocks = (d + kColumns - 1) / kColumns;
  const auto body = [&](int64_t t) {
    const int64_t g = t / blocks, c = t % blocks * kColumns;
    k(Lane{}, g, c, c + kColumns < d ? kColumns : d - c);
  };
  if (k.rows() * d * per < kGrain) {
    for (int64_t t = 0; t < blocks * per; ++t) body(t);
  } else {
    ctx.parallel(blocks * per, body);
  }
}

}  // namespace parallax::PLX_ISA

#define PLX_TWINS(K, SHAPE)                                      \
  namespace parallax::PLX_ISA {                                  \
  void twin(Context& ctx, const K<float>& k) { SHAPE(ctx, k); }  \
  void twin(Context& ctx, const K<double>& k) { SHAPE(ctx, k); } \
  }
#define PLX_ROWS(K) PLX_TWINS(K, rows_shape)
#define PLX_COLUMNS(K) PLX_TWINS(K, columns_shape)
#endif

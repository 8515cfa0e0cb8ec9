// The packed matrix product. B is copied strip by strip into a block that stays in the first-level cache, A is read in
// place (its elements are broadcast, so both orders do), and a register tile of C gathers KC products before it goes
// back. Every element of C is one chain of fused multiply-adds per block of KC, whatever the vector width. Each tile
// asks memory ahead for what follows: weights and their gradients come from beyond the caches.
#include <time.h>

#include "gemm.h"
#include "gemm_vec.h"
#include "team.h"
#if !defined(PLX_GEMM_own)
extern "C" {
void cblas_sgemm(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
void cblas_dgemm(int, int, int, int, int, int, double, const double*, int, const double*, int, double, double*, int);
#if defined(PLX_GEMM_blis)
void bli_thread_set_num_threads(long);
#else
void openblas_set_num_threads(int);
#endif
}
#endif

namespace parallax::PLX_ISA {
namespace {

constexpr int64_t kKc = 256;  // depth of a packed block
constexpr int64_t kMc = 448;  // rows of A that stay in the second-level cache meanwhile
constexpr int kNv = 2;        // vectors per strip

template <class T> PLX_HD T activate(T x, Act act, T slope) {
  switch (act) {
    case Act::none: return x;
    case Act::relu: return fn::relu(x);
    case Act::leaky: return x > 0 ? x : slope * x;
    case Act::sigmoid: return fn::sigmoid(x);
    case Act::tanh: return fn::tanh(x);
  }
  return x;
}

// What happens to a finished row segment of C.
template <class T> struct Finish {
  const Product<T>* p;
  T alpha;
  bool first, last;
  PLX_HD void row(const T* acc, T* c, int64_t j0, int64_t width) const {
    const T beta = first ? p->beta : T(1);
    if (beta == T(0)) {
      for (int64_t j = 0; j < width; ++j) c[j] = alpha * acc[j];
    } else {
      for (int64_t j = 0; j < width; ++j) c[j] = beta * c[j] + alpha * acc[j];
    }
    if (!last) return;
    if (p->bias)
      for (int64_t j = 0; j < width; ++j) c[j] += p->bias[j0 + j];
    if (p->act == Act::relu) {
      for (int64_t j = 0; j < width; ++j) c[j] = fn::relu(c[j]);
    } else if (p->act != Act::none) {
      for (int64_t j = 0; j < width; ++j) c[j] = activate(c[j], p->act, p->slope);
    }
  }
};

// Lines of B that the next strip will be packed from: p, p + step, ... A tile asks for a pair of them every kAhead k,
// so kAhead tiles ask for all of a strip.
template <class T> struct Ahead {
  const T* p;
  int64_t step;
};
constexpr int64_t kAhead = 8;
template <class T> constexpr int64_t kLine = 64 / sizeof(T);  // elements of a cache line
template <class T> bool pages_apart(int64_t ld) { return ld % (64 * kLine<T>) == 0; }

// Across: op(A) is A', its rows lie side by side; else its depth does. `far` is the other distance.
template <class T, int R, int NV, bool Across>
PLX_HD void micro(const T* a, int64_t far, const T* strip, int64_t depth, T* c, int64_t ldc, int64_t j0, int64_t width,
                  const Finish<T>& finish, Ahead<T> b_ahead) {
  using V = Vec<T>;
  constexpr int64_t line = kLine<T>;
  const int64_t a_row = Across ? 1 : far, a_k = Across ? far : 1;
  const T *c_ahead = c, *c_last = c + (R - 1) * ldc;
  V acc[R][NV];
  for (int i = 0; i < R; ++i)
    for (int v = 0; v < NV; ++v) acc[i][v] = V::zero();
  const auto turn = [&](const T* x, const T* s) {
    if (Across) __builtin_prefetch(x + (2 * R - 1), 0, 3);
    V b[NV];
    for (int v = 0; v < NV; ++v) b[v] = V::load(s + v * V::W);
#pragma GCC unroll 14
    for (int i = 0; i < R; ++i) {
      const V each = V::all(x[i * a_row]);
      for (int v = 0; v < NV; ++v) acc[i][v] = V::fma(each, b[v], acc[i][v]);
    }
  };
  // Requests are spread over the tile: as a burst between tiles they would fill the processor's miss buffers.
  const bool pages = pages_apart<T>(far);
  int64_t k = 0;
  for (; k + kAhead <= depth; k += kAhead) {
    // The next tile's rows of A, half of them at a time; rows pages apart share a few places of the cache and would
    // drive out each other.
    if (!Across && !pages) {
      const T* next = a + (R + k / kAhead % 2 * (R / 2)) * a_row + k / line * line;
      for (int i = 0; i < R / 2; ++i) __builtin_prefetch(next + i * a_row, 0, 3);
    }
    __builtin_prefetch(b_ahead.p + line - 1, 0, 2);  // a strip's row may start within a line
    __builtin_prefetch(b_ahead.p + 2 * line - 1, 0, 2);
    b_ahead.p += b_ahead.step;
    __builtin_prefetch(c_ahead, 1, 3);
    __builtin_prefetch(c_ahead + NV * V::W - 1, 1, 3);
    c_ahead = c_ahead < c_last ? c_ahead + ldc : c_last;
    const T *x = a + k * a_k, *s = strip + k * NV * V::W;
#pragma GCC unroll 4
    for (int u = 0; u < kAhead; ++u) {
      turn(x, s + u * NV * V::W);
      x += a_k;
    }
  }
  for (; k < depth; ++k) turn(a + k * a_k, strip + k * NV * V::W);
  const Product<T>& p = *finish.p;
  const bool relu = finish.last && p.act == Act::relu, bias = finish.last && p.bias;
  if (width == NV * V::W && finish.alpha == T(1) && (!finish.first || p.beta == T(0)) &&
      (!finish.last || relu || p.act == Act::none)) {
    // the common case stays in registers
    for (int i = 0; i < R; ++i)
      for (int v = 0; v < NV; ++v) {
        T* out = c + i * ldc + v * V::W;
        V x = acc[i][v];
        if (!finish.first) x = V::load(out) + x;
        if (bias) x = x + V::load(p.bias + j0 + v * V::W);
        if (relu) x = x.relu();
        x.store(out);
      }
    return;
  }
  for (int i = 0; i < R; ++i) {
    alignas(64) T row[NV * V::W];
    for (int v = 0; v < NV; ++v) acc[i][v].store(row + v * V::W);
    if (width == NV * V::W)
      finish.row(row, c + i * ldc, j0, NV * V::W);
    else
      finish.row(row, c + i * ldc, j0, width);
  }
}

// Rows [i0, i1) of one strip; a: their block of A, `far` as in micro.
template <class T, int NV>
void strip_rows(const Product<T>& p, const T* a, int64_t far, int64_t i0, int64_t i1, int64_t depth, const T* strip,
                int64_t j0, int64_t width, const Finish<T>& f, Ahead<T> ahead) {
  const int64_t share = ahead.step == 0 ? 0 : p.tb ? 2 * kLine<T> : depth / kAhead * ahead.step;
  int64_t i = i0, asking = kAhead;
  const auto tile = [&]<int R>(std::integral_constant<int, R>) {
    for (; i + R <= i1; i += R) {
      if (p.ta)
        micro<T, R, NV, true>(a + (i - i0), far, strip, depth, p.c.row(i) + j0, p.c.ld, j0, width, f, ahead);
      else
        micro<T, R, NV, false>(a + (i - i0) * far, far, strip, depth, p.c.row(i) + j0, p.c.ld, j0, width, f, ahead);
      ahead = --asking > 0 ? Ahead<T>{ahead.p + share, ahead.step} : Ahead<T>{strip, 0};
    }
  };
  tile(std::integral_constant<int, kMr>{});
  if (kMr > 8) tile(std::integral_constant<int, 8>{});
  tile(std::integral_constant<int, 4>{});
  tile(std::integral_constant<int, 1>{});
}

// strip[k][0..nr) = op(B)[k0 + k][j0 ..], padded with zeros
template <class T>
void pack(const Product<T>& p, int64_t k0, int64_t depth, int64_t j0, int64_t width, int64_t nr, T* strip) {
  if (!p.tb) {
    for (int64_t k = 0; k < depth; ++k) {
      const T* b = p.b.row(k0 + k) + j0;
      T* s = strip + k * nr;
      if (width == nr) {
        for (int64_t j = 0; j < nr; ++j) s[j] = b[j];
      } else {
        for (int64_t j = 0; j < nr; ++j) s[j] = j < width ? b[j] : T(0);
      }
    }
    return;
  }
  int64_t j = 0;
#if defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    for (; j + kTurn <= width; j += kTurn) {
      int64_t k = 0;
      for (; k + kTurn <= depth; k += kTurn) transpose(p.b.row(j0 + j) + k0 + k, p.b.ld, strip + k * nr + j, nr);
      for (; k < depth; ++k)
        for (int64_t l = 0; l < kTurn; ++l) strip[k * nr + j + l] = p.b.row(j0 + j + l)[k0 + k];
    }
  }
#endif
  for (; j < width; ++j) {
    const T* b = p.b.row(j0 + j) + k0;
    for (int64_t k = 0; k < depth; ++k) strip[k * nr + j] = b[k];
  }
  for (; j < nr; ++j)
    for (int64_t k = 0; k < depth; ++k) strip[k * nr + j] = T(0);
}

// Few rows wait for memory, not for arithmetic: there single precision sums in double at no cost worth having. A
// product of two floats is exact in double, so these bits are the same on every instruction set.
constexpr int64_t kFewRows = 32, kTiny = int64_t{1} << 18;
template <class T> bool sums_in_double(const Product<T>& p) {
  return sizeof(T) == 4 && (p.m() <= kFewRows || p.m() * p.n() * p.k() <= kTiny);
}
void few_rows(const Product<float>& p, int64_t i0, int64_t i1, int64_t j0, int64_t j1, float* strip, float alpha) {
  constexpr int64_t nr = kNv * Vec<float>::W;
  alignas(64) double acc[kFewRows][nr];
  const int64_t a_row = p.ta ? 1 : p.a.ld, a_k = p.ta ? p.a.ld : 1, depth_total = p.k();
  for (int64_t j = j0; j < j1; j += nr) {
    const int64_t width = j1 - j < nr ? j1 - j : nr;
    for (int64_t i = 0; i < i1 - i0; ++i)
      for (int64_t l = 0; l < nr; ++l) acc[i][l] = 0;
    for (int64_t k0 = 0; k0 < depth_total; k0 += kKc) {
      const int64_t depth = k0 + kKc < depth_total ? kKc : depth_total - k0;
      pack(p, k0, depth, j, width, nr, strip);
      for (int64_t i = i0; i < i1; ++i) {
        const float* a = p.a.p + i * a_row + k0 * a_k;
        double sum[nr];
        for (int64_t l = 0; l < nr; ++l) sum[l] = acc[i - i0][l];
        for (int64_t k = 0; k < depth; ++k) {
          const double x = a[k * a_k];
          for (int64_t l = 0; l < nr; ++l) sum[l] += x * static_cast<double>(strip[k * nr + l]);
        }
        for (int64_t l = 0; l < nr; ++l) acc[i - i0][l] = sum[l];
      }
    }
    for (int64_t i = i0; i < i1; ++i) {  // bias and earlier content join before the one rounding
      float* c = p.c.row(i) + j;
      for (int64_t l = 0; l < width; ++l) {
        double x = static_cast<double>(alpha) * acc[i - i0][l];
        if (p.beta != 0) x += static_cast<double>(p.beta) * static_cast<double>(c[l]);
        if (p.bias) x += static_cast<double>(p.bias[j + l]);
        c[l] = activate(static_cast<float>(x), p.act, p.slope);
      }
    }
  }
}

// Rows pages apart share a few places of every cache: where a register tile has more rows than the first one has
// places, they drive out each other, and their block is copied into rows that lie otherwise.
template <class T> constexpr bool kPanel = kMr > 8 && sizeof(T) == 4;
template <class T> constexpr int64_t kApart(int64_t width) {
  return (width + kLine<T> - 1) / kLine<T> * kLine<T> + kLine<T>;
}
template <class T> void copy_rows(const T* from, int64_t ld, T* to, int64_t far, int64_t rows, int64_t width) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < width; ++j) to[i * far + j] = from[i * ld + j];
}

template <class T> void block(const Product<T>& p, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
  constexpr int64_t W = Vec<T>::W;
  alignas(64) static thread_local T strip[kKc * kNv * Vec<T>::W];
  const T alpha = p.alpha_by ? p.alpha * *p.alpha_by : p.alpha;
  const int64_t depth_total = p.k();
  if (depth_total == 0) {
    const Finish<T> f{&p, T(0), true, true};
    for (int64_t i = i0; i < i1; ++i)
      for (int64_t j = j0; j < j1; j += W) {
        for (int64_t l = 0; l < W; ++l) strip[l] = T(0);
        f.row(strip, p.c.row(i) + j, j, j1 - j < W ? j1 - j : W);
      }
    return;
  }
  if constexpr (sizeof(T) == 4)
    if (sums_in_double(p)) {
      for (int64_t i = i0; i < i1; i += kFewRows)
        few_rows(p, i, i + kFewRows < i1 ? i + kFewRows : i1, j0, j1, strip, alpha);
      return;
    }
  for (int64_t ib = i0; ib < i1; ib += kMc) {
    const int64_t ie = ib + kMc < i1 ? ib + kMc : i1;
    // depth outside: its block of A stays in the second-level cache for all strips
    for (int64_t k0 = 0; k0 < depth_total; k0 += kKc) {
      const int64_t depth = k0 + kKc < depth_total ? kKc : depth_total - k0;
      const Finish<T> f{&p, alpha, k0 == 0, k0 + depth == depth_total};
      const T* a = p.ta ? p.a.row(k0) + ib : p.a.row(ib) + k0;
      int64_t far = p.a.ld;
      if constexpr (kPanel<T>) {
        if (pages_apart<T>(far) && j1 - j0 > 2 * kNv * W) {
          alignas(64) static thread_local T panel[kMc * kApart<T>(kKc)];
          far = kApart<T>(p.ta ? ie - ib : depth);
          copy_rows(a, p.a.ld, panel, far, p.ta ? depth : ie - ib, p.ta ? ie - ib : depth);
          a = panel;
        }
      }
      for (int64_t j = j0; j < j1;) {
        const int64_t left = j1 - j, nr = left > W ? kNv * W : W, width = left < nr ? left : nr;
        pack(p, k0, depth, j, width, nr, strip);
        const bool turn = j + nr >= j1;  // to the next depth
        const int64_t kn = turn ? k0 + depth : k0, jn = turn ? j0 : j + nr;
        Ahead<T> ahead{strip, 0};
        if (kn < depth_total) ahead = {p.tb ? p.b.row(jn) + kn : p.b.row(kn) + jn, p.b.ld};
        if (nr == W)
          strip_rows<T, 1>(p, a, far, ib, ie, depth, strip, j, width, f, ahead);
        else
          strip_rows<T, kNv>(p, a, far, ib, ie, depth, strip, j, width, f, ahead);
        j += width;
      }
    }
  }
}

#if !defined(PLX_GEMM_own)
void call_cblas(int ta, int tb, int m, int n, int k, float al, const float* a, int lda, const float* b, int ldb,
                float be, float* c, int ldc) {
  cblas_sgemm(101, ta, tb, m, n, k, al, a, lda, b, ldb, be, c, ldc);
}
void call_cblas(int ta, int tb, int m, int n, int k, double al, const double* a, int lda, const double* b, int ldb,
                double be, double* c, int ldc) {
  cblas_dgemm(101, ta, tb, m, n, k, al, a, lda, b, ldb, be, c, ldc);
}
// The library's count of threads may be one of each of ours (OpenMP).
void one_thread_a_call() {
#if defined(PLX_GEMM_blis)
  static thread_local const bool set = (bli_thread_set_num_threads(1), true);
#else
  static thread_local const bool set = (openblas_set_num_threads(1), true);
#endif
  (void)set;
}
template <class T> void block_by_cblas(const Product<T>& p, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
  one_thread_a_call();
  const T alpha = p.alpha_by ? p.alpha * *p.alpha_by : p.alpha;
  if (p.k() == 0 || sums_in_double(p)) return block(p, i0, i1, j0, j1);
  const T* a = p.ta ? p.a.p + i0 : p.a.row(i0);
  const T* b = p.tb ? p.b.row(j0) : p.b.p + j0;
  call_cblas(p.ta ? 112 : 111, p.tb ? 112 : 111, int(i1 - i0), int(j1 - j0), int(p.k()), alpha, a, int(p.a.ld), b,
             int(p.b.ld), p.beta, p.c.row(i0) + j0, int(p.c.ld));
  Product<T> done = p;
  done.beta = 1;
  const Finish<T> f{&done, T(0), true, true};
  if (!p.bias && p.act == Act::none) return;
  alignas(64) T zero[64] = {};
  for (int64_t i = i0; i < i1; ++i)
    for (int64_t j = j0; j < j1; j += 64) f.row(zero, p.c.row(i) + j, j, j1 - j < 64 ? j1 - j : 64);
}
#endif

// Blocks of the result; a function of the shape alone. Columns first: a strip of B is packed once whoever computes it.
// Rows only where B would be packed again anyway.
struct Split {
  int64_t rows, cols, across, down;
};
#if defined(PLX_GEMM_own)
constexpr int64_t kRowStep = kMr;
#else
constexpr int64_t kRowStep = 16;  // the library may round otherwise in other blocks: the same ones on every set
#endif
template <class T> Split split_of(const Product<T>& p) {
  const int64_t m = p.m(), n = p.n();
  if (m * n * p.k() < (int64_t{1} << 20)) return {m, n, 1, 1};
  const int64_t across = (n + 127) / 128, cols = ((n + across - 1) / across + 31) / 32 * 32;
  const int64_t most = across == 1 ? 224 : kMc;
  const int64_t down = (m + most - 1) / most, rows = ((m + down - 1) / down + kRowStep - 1) / kRowStep * kRowStep;
  return {rows, cols, (n + cols - 1) / cols, (m + rows - 1) / rows};
}

template <class T> void all_products(Context& ctx, const Products<T>& k) {
  int64_t tasks = 0, work = 0;
  for (int64_t q = 0; q < k.n; ++q) {
    const Split s = split_of(k.list[q]);
    tasks += s.across * s.down;
    work += k.list[q].m() * k.list[q].n() * k.list[q].k();
  }
  const auto task = [&](int64_t t) {
    int64_t q = 0;
    Split s = split_of(k.list[0]);
    while (t >= s.across * s.down) {
      t -= s.across * s.down;
      s = split_of(k.list[++q]);
    }
    const Product<T>& p = k.list[q];
    const int64_t i0 = t / s.across * s.rows, j0 = t % s.across * s.cols;
    const int64_t i1 = i0 + s.rows < p.m() ? i0 + s.rows : p.m(), j1 = j0 + s.cols < p.n() ? j0 + s.cols : p.n();
#if defined(PLX_GEMM_own)
    block(p, i0, i1, j0, j1);
#else
    block_by_cblas(p, i0, i1, j0, j1);
#endif
  };
  if (work < (int64_t{1} << 20)) {
    for (int64_t t = 0; t < tasks; ++t) task(t);
  } else {
    ctx.parallel(tasks, task);
  }
}

double seconds() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class T> double measure_peak() {
  using V = Vec<T>;
  V a0 = V::all(T(1)), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, a8 = a0, a9 = a0;
  const V x = V::all(T(0.999));
  const auto turn = [&](V& a) {
    a = V::fma(x, x, a);
#if defined(__x86_64__)
    asm volatile("" : "+v"(a.v));  // keeps the chain in its register and the loop as written
#endif
  };
  double best = 0;
  for (int round = 0; round < 5; ++round) {
    const double start = seconds();
    constexpr int kTurns = 400000;
    for (int i = 0; i < kTurns; ++i) {
      turn(a0), turn(a1), turn(a2), turn(a3), turn(a4), turn(a5), turn(a6), turn(a7), turn(a8), turn(a9);
    }
    const double rate = 2.0 * kTurns * 10 * V::W / (seconds() - start) * 1e-9;
    best = rate > best ? rate : best;
  }
  return best;
}

}  // namespace

void twin(Context& ctx, const Products<float>& k) { all_products(ctx, k); }
void twin(Context& ctx, const Products<double>& k) { all_products(ctx, k); }
double peak(float);
double peak(double);
double peak(float) { return measure_peak<float>(); }
double peak(double) { return measure_peak<double>(); }

}  // namespace parallax::PLX_ISA

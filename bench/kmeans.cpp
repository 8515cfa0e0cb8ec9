// k-means on Gaussian blobs: seconds, points * clusters * iterations per second, GFLOP/s of the assignment, threads 1
// and 2; or on a device. bench_kmeans [--large] [--device cpu|cuda[:i]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "parallax/cluster/kmeans.h"
#include "parallax/cluster/knn.h"
#include "parallax/cluster/label_free.h"
#include "parallax/tensor/gemm.h"

using namespace parallax;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Device device;  // of --device

struct Case {
  const char* name;
  int64_t n, d, k, restarts;
  double spread;  // distance of the blob centres in units of their width
  bool large;
};

std::vector<float> blobs(const Case& c) {
  Draw<float> noise{1, tag_of("noise")}, centre{1, tag_of("centre")};
  std::vector<float> x(static_cast<size_t>(c.n * c.d));
  for (int64_t i = 0; i < c.n; ++i)
    for (int64_t j = 0; j < c.d; ++j)
      x[static_cast<size_t>(i * c.d + j)] =
          noise.normal(i, j) + static_cast<float>(c.spread) * centre.normal(i % c.k, j);
  return x;
}

void measure(const Case& c, int threads) {
  Context ctx({.device = device, .seed = 1, .threads = threads});
  const Tensor x = Tensor::from(ctx, blobs(c), {c.n, c.d});
  KMeansOptions o;
  o.k = c.k;
  o.restarts = c.restarts;
  KMeansResult r = kmeans(ctx, x, o);
  double best = 1e30;
  for (int repeat = 0; repeat < (c.large ? 2 : 5); ++repeat) {
    const double start = now();
    r = kmeans(ctx, x, o);
    best = std::min(best, now() - start);
  }
  std::printf("%-28s %7ld %5ld %4ld %4ld %2d  %9.4f s  inertia %.8g  best after %ld iterations\n", c.name, long(c.n),
              long(c.d), long(c.k), long(c.restarts), threads, best, r.inertia, long(r.iterations));
}

// Points * clusters * iterations: all restarts are forced through exactly `iterations` passes.
void passes(const Case& c, int threads) {
  Context ctx({.device = device, .seed = 1, .threads = threads});
  const Tensor x = Tensor::from(ctx, blobs(c), {c.n, c.d});
  KMeansOptions o;
  o.k = c.k;
  o.restarts = c.restarts;
  o.tol = 0;
  o.refine = 0;
  const auto time = [&](int64_t iterations) {
    o.max_iter = iterations;
    double best = 1e30;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const double start = now();
      kmeans(ctx, x, o);
      best = std::min(best, now() - start);
    }
    return best;
  };
  const double per_pass = (time(6) - time(1)) / 5, work = static_cast<double>(c.n * c.k * c.restarts);
  std::printf("%-28s %7ld %5ld %4ld %4ld %2d  %9.4f ms a pass  %8.2f G points*clusters/s  %7.1f GFLOP/s\n", c.name,
              long(c.n), long(c.d), long(c.k), long(c.restarts), threads, 1e3 * per_pass, work / per_pass * 1e-9,
              2e-9 * work * static_cast<double>(c.d) / per_pass);
}

// k nearest neighbours and silhouette of 5,000 rows.
void pairwise(int64_t d, int threads) {
  const Case c{"", 5000, d, 10, 1, 0.3, false};
  Context ctx({.device = device, .seed = 1, .threads = threads});
  const Tensor x = Tensor::from(ctx, blobs(c), {c.n, c.d});
  std::vector<int32_t> labels;
  for (int64_t i = 0; i < c.n; ++i) labels.push_back(static_cast<int32_t>(i % c.k));
  const auto best_of = [](auto f) {
    double best = 1e30;
    for (int repeat = 0; repeat < 3; ++repeat) {
      const double start = now();
      f();
      best = std::min(best, now() - start);
    }
    return best;
  };
  const double few = best_of([&] { nearest_neighbours(ctx, x, 10); });
  const double many = best_of([&] { nearest_neighbours(ctx, x, c.n / 4); });
  const double scores = best_of([&] { silhouette(ctx, x, labels); });
  std::printf("5000 x %ld, %d threads: 10 neighbours %.4f s, n/4 neighbours %.4f s, silhouette %.4f s\n", long(d),
              threads, few, many, scores);
}

}  // namespace

int main(int argc, char** argv) {
  bool large = false;
  std::string where = "cpu";
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--large") == 0)
      large = true;
    else if (std::strcmp(argv[i], "--device") == 0 && i + 1 < argc)
      where = argv[++i];
    else
      return std::fprintf(stderr, "usage: bench_kmeans [--large] [--device cpu|cuda[:i]]\n"), 2;
  }
  try {
    device = choose_device(where);
    std::printf("%s\n", device.kind == Device::cpu ? "cpu" : Context({.device = device}).backend()->name().c_str());
  } catch (const Error& e) {
    return std::fprintf(stderr, "bench_kmeans: %s\n", e.message.c_str()), 2;
  }
  const Case cases[] = {
      {"evaluation", 2000, 64, 10, 100, 0.3, false},         {"evaluation, wide", 2000, 384, 10, 100, 0.3, false},
      {"evaluation, wider", 2000, 640, 10, 100, 0.3, false}, {"ten thousand", 10000, 64, 20, 10, 0.3, false},
      {"hundred thousand", 100000, 64, 20, 10, 0.3, true},
  };
  const std::vector<int> threads_tried = device.kind == Device::cpu ? std::vector{1, 2} : std::vector{1};
  if (device.kind == Device::cpu) std::printf("peak %.0f GFLOP/s a thread\n", measure_peak_gflops(DType::f32));
  std::printf("%-28s %7s %5s %4s %4s %2s\n", "case", "n", "d", "k", "runs", "th");
  for (const Case& c : cases)
    for (const int threads : threads_tried) {
      if (c.large && !large) continue;
      measure(c, threads);
      passes(c, threads);
    }
  for (const int64_t d : {16, 128})
    for (const int threads : threads_tried) pairwise(d, threads);
}

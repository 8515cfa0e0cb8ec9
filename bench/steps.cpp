// Milliseconds of a training step beside its matrix products alone: every list of products that one step runs is taken
// down and run again by itself, on the same memory, in the same process. Methods at their default widths. Times are the
// fastest of all repeats (a step whole, products list by list): other programs on the machine do not count.
//   bench_steps [--threads N]... [--method NAME] [--seconds S] [--products]   (the products by shape, too)
// On a CUDA device: steps a second eager and replayed, and what one step launches (CSV with --count, which times
// nothing).
//   bench_steps --device cuda[:i] [--count [--steps N]] [--method NAME] [--seconds S]   (N steps of every phase, 3)
#include <parallax/mvc/trainer.h>
#include <parallax/tensor/gemm.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include <parallax/tensor/draw.h>

using namespace parallax;

namespace {

struct Case {
  const char* method;
  const char* data;  // whose shape
  int64_t samples;
  std::vector<int64_t> dims;
  int clusters;
  std::vector<Setting> set;
  double sparse = 0;  // fraction of zeros in view 0
};
const std::vector<Case> cases{
    {"sparsemvc", "MSRCV1 (210 rows, 6 views)", 210, {1302, 48, 512, 100, 256, 210}, 7, {}, 0.35},
    {"sparsemvc", "MNIST-USPS (batch 256)", 5000, {784, 784}, 10, {}, 0},
    {"gmae", "Digits-2V (2000 rows)", 2000, {240, 76}, 10, {}, 0},
    {"gdcn", "NGs (batch 256, 3 views)", 500, {2000, 2000, 2000}, 5, {}, 0},
    {"ddmc", "Handwritten (batch 100, 3 views)", 2000, {240, 76, 216}, 10, {}, 0},
    {"distilmvc", "BDGP (batch 256; stage 3 all rows)", 2500, {1750, 79}, 5, {}, 0},
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// A list of products that ran as one kernel.
struct Recorded {
  std::vector<Product<float>> list;
  double flops = 0, seconds = 1e9;
  std::string shapes() const {
    const Product<float>& p = list.front();  // of the first
    char s[80];
    std::snprintf(s, sizeof s, "%2zu x %lld x %lld x %lld%s%s", list.size(), static_cast<long long>(p.m()),
                  static_cast<long long>(p.n()), static_cast<long long>(p.k()), p.ta ? " A'" : "", p.tb ? " B'" : "");
    return s;
  }
};

void print_by_shape(const std::vector<Recorded>& lists, double peak) {
  std::map<std::string, Recorded> by;
  for (const Recorded& r : lists) {
    Recorded& sum = by.try_emplace(r.shapes(), Recorded{{}, 0, 0}).first->second;
    sum.flops += r.flops;
    sum.seconds += r.seconds;
  }
  for (const auto& [shapes, sum] : by)
    std::printf("    %-34s %9.3f ms %6.0f%%\n", shapes.c_str(), sum.seconds * 1e3,
                100 * sum.flops / sum.seconds * 1e-9 / peak);
}

// A method with its settings, and data of the case's shape in the context's memory.
struct Setup {
  std::unique_ptr<Method> method;
  std::vector<Tensor> views;
};
Setup set_up(Context& ctx, const Case& c) {
  std::unique_ptr<Method> method = make_method(c.method);
  method->profile(false);
  Visitor v;
  method->params(v);
  apply_settings(v, c.set, c.method);
  std::vector<Tensor> views;
  for (size_t i = 0; i < c.dims.size(); ++i) {
    Tensor t = Tensor::samples(ctx, DType::f32, {c.samples, c.dims[i]});
    std::vector<float> x(static_cast<size_t>(t.count()));
    for (size_t e = 0; e < x.size(); ++e) {
      const U4 r = philox(U4{{static_cast<uint32_t>(e), static_cast<uint32_t>(i), 0, 1}}, 3, 4);
      x[e] = i == 0 && unit_float(r.v[1]) < c.sparse ? 0.0f : unit_float(r.v[0]);
    }
    t.assign(x);
    views.push_back(t);
  }
  return {std::move(method), std::move(views)};
}

void measure(const Case& c, int threads, double seconds, bool by_shape) {
  Context ctx({.seed = 1, .threads = threads});
  const Setup setup = set_up(ctx, c);
  Method* method = setup.method.get();
  Trainer trainer(ctx, *method, setup.views, c.clusters);
  trainer.build();
  for (Phase& p : method->plan()) {
    trainer.prepare(p);
    const auto step = [&] { trainer.step(p); };
    for (int i = 0; i < 3; ++i) step();
    const uint64_t allocations = ctx.counters().allocations, kernels = ctx.counters().kernels;
    std::vector<Recorded> lists;
    double flops = 0;
    ctx.on_products = [&](const void* list) {
      const auto& q = *static_cast<const Products<float>*>(list);
      Recorded r{{q.list, q.list + q.n}};
      for (const Product<float>& one : r.list)
        r.flops += 2.0 * static_cast<double>(one.m() * one.n()) * static_cast<double>(one.k());
      flops += r.flops;
      lists.push_back(std::move(r));
    };
    step();
    ctx.on_products = nullptr;
    const uint64_t launches = ctx.counters().kernels - kernels;
    double w = 1e9, g = 0, peak = 0;
    const double until = now() + seconds;
    for (int repeats = 0; now() < until || repeats < 5; ++repeats) {
      peak = std::max(peak, threads * measure_peak_gflops(DType::f32));
      double t = now();
      step();
      w = std::min(w, now() - t);
      for (Recorded& r : lists) {
        t = now();
        gemm<float>(ctx, std::span<const Product<float>>(r.list));
        r.seconds = std::min(r.seconds, now() - t);
      }
    }
    for (const Recorded& r : lists) g += r.seconds;
    std::printf("%-10s %-36s %-9s %d  %9.2f %9.2f %6.2f %8.1f %6.0f%% %6llu %6llu\n", c.method, c.data, p.name.c_str(),
                threads, w * 1e3, g * 1e3, w / g, flops * 1e-9, 100 * flops / g * 1e-9 / peak,
                static_cast<unsigned long long>(launches),
                static_cast<unsigned long long>(ctx.counters().allocations - allocations));
    if (by_shape) print_by_shape(lists, peak);
    std::fflush(stdout);
  }
}

// What a step moves at least: each of its buffers once to memory and once back; a parameter that got a gradient for
// the forward and the backward pass, the gradient once each way, Adam's four numbers in and three out; a batch from the
// data to its place, and from there for either pass.
double least_bytes(const Case& c, const Phase& p, Trainer& trainer, uint64_t buffers) {
  int64_t weights = 0, inputs = 0;
  ParamStore& store = trainer.store();
  for (int i = 0; i < store.count(); ++i)
    if (*store.written(Param{i})) weights += store.value(Param{i}).count();
  const int64_t rows = p.batch > 0 ? std::min(p.batch, c.samples) : c.samples;
  for (const int64_t d : c.dims) inputs += rows * d;
  return 2.0 * static_cast<double>(buffers) + 10 * sizeof(float) * static_cast<double>(weights) +
         (p.batch > 0 ? 4 : 2) * sizeof(float) * static_cast<double>(inputs);
}

// Steps of every phase, one counted; and, unless only that is wanted, steps a second without and with recording.
void on_device(const Case& c, const Device& device, bool count, int steps_counted, double seconds) {
  for (const bool capture : {false, true}) {
    if (count && capture) continue;
    Case cheap = c;  // the hooks between phases are not counted: let them be short
    if (count) cheap.samples = std::min<int64_t>(c.samples, 600);
    if (count && cheap.method == std::string("distilmvc")) cheap.set.emplace_back("n_init", "1");
    Context ctx({.device = device, .seed = 1, .capture = capture});
    const Setup setup = set_up(ctx, cheap);
    Trainer trainer(ctx, *setup.method, setup.views, cheap.clusters);
    trainer.build();
    for (Phase& p : setup.method->plan()) {
      trainer.prepare(p);
      for (int i = 0; i < (count ? 2 : 5); ++i) trainer.step(p);
      if (count) {
        for (int i = 3; i < steps_counted; ++i) trainer.step(p);
        const DeviceCounters before = ctx.backend()->counters;
        trainer.step(p);
        const DeviceCounters& after = ctx.backend()->counters;
        std::printf("%s,%s,%llu,%llu,%llu,%.0f\n", c.method, p.name.c_str(),
                    static_cast<unsigned long long>(after.launches - before.launches),
                    static_cast<unsigned long long>(after.library - before.library),
                    static_cast<unsigned long long>(after.launches - before.launches + after.library - before.library),
                    least_bytes(cheap, p, trainer, ctx.arena().taken()));
        continue;
      }
      ctx.backend()->synchronise();
      const double start = now();
      int64_t steps = 0;
      while (now() - start < seconds || steps < 20) {
        for (int i = 0; i < 10; ++i) trainer.step(p);
        steps += 10;
        ctx.backend()->synchronise();
      }
      const double rate = static_cast<double>(steps) / (now() - start);
      std::printf("%-10s %-36s %-9s %-8s %10.1f steps/s\n", c.method, c.data, p.name.c_str(),
                  capture ? "replayed" : "eager", rate);
    }
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> threads;
  std::string only;
  double seconds = 3;
  std::string device = "cpu";
  bool count = false, by_shape = false;
  int steps = 3;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--count")) count = true;
    if (!std::strcmp(argv[i], "--products")) by_shape = true;
  }
  for (int i = 1; i + 1 < argc; ++i) {
    if (!std::strcmp(argv[i], "--device")) device = argv[i + 1];
    if (!std::strcmp(argv[i], "--threads")) threads.push_back(std::atoi(argv[i + 1]));
    if (!std::strcmp(argv[i], "--method")) only = argv[i + 1];
    if (!std::strcmp(argv[i], "--steps")) steps = std::max(3, std::atoi(argv[i + 1]));
    if (!std::strcmp(argv[i], "--seconds")) seconds = std::atof(argv[i + 1]);
  }
  if (device != "cpu") {
    if (const DeviceList l = list_cuda_devices(); l.devices.empty()) {
      std::fprintf(stderr, "skipped: %s\n", l.why_none.c_str());
      return 77;
    }
    const Device d = choose_device(device);
    if (count)
      std::printf("method,phase,kernels,library calls,launches,least bytes\n");
    else
      std::printf("%s\n", list_cuda_devices().devices.at(static_cast<size_t>(d.index)).c_str());
    for (size_t i = 0; i < cases.size(); ++i)
      if ((only.empty() || only == cases[i].method) && !(count && i == 1))
        on_device(cases[i], d, count, steps, seconds);
    return 0;
  }
  if (threads.empty()) threads = {1, 2};
  std::printf("measured peak %.0f GFLOP/s a thread (fused multiply-adds in registers); products: %s\n",
              measure_peak_gflops(DType::f32), gemm_backend());
  std::printf("%-10s %-36s %-9s %s  %9s %9s %6s %8s %7s %6s %6s\n", "method", "shape", "phase", "threads", "step ms",
              "products", "ratio", "GFLOP", "of peak", "kernels", "allocs");
  for (const Case& c : cases)
    for (const int t : threads)
      if (only.empty() || only == c.method) measure(c, t, seconds, by_shape);
}

// golden_check [--f32] [--threads N] [--device cpu|cuda[:i]] [--verbose] FILE|DIR...: exit code 1 on any excess.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "golden.h"

// --known FILE QUANTITY FACTOR: an excess up to FACTOR that is explained elsewhere; said, not hidden
struct Known {
  std::string file, quantity;
  double factor;
};

int main(int argc, char** argv) {
  using namespace parallax;
  DType type = DType::f64;
  Context::Options where;
  bool verbose = false;
  std::string device = "cpu";
  std::vector<Known> known;
  std::vector<std::string> files, missing;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--f32")
      type = DType::f32;
    else if (a == "--verbose")
      verbose = true;
    else if (a == "--known" && i + 3 < argc) {
      known.push_back({argv[i + 1], argv[i + 2], std::atof(argv[i + 3])});
      i += 3;
    } else if (a == "--threads" && i + 1 < argc)
      where.threads = std::max(1, std::atoi(argv[++i]));
    else if (a == "--device" && i + 1 < argc)
      device = argv[++i];
    else if (a.rfind("--", 0) == 0) {
      std::fprintf(stderr,
                   "golden_check: unknown option %s\nusage: golden_check [--f32] [--threads N] [--device cpu|cuda[:i]] "
                   "[--verbose] FILE|DIR...\n",
                   a.c_str());
      return 2;
    } else if (!std::filesystem::exists(a)) {
      missing.push_back(a);
    } else {
      const std::vector<std::string> found = golden::golden_files(a);
      if (found.empty()) std::fprintf(stderr, "golden_check: %s holds no *.h5 files\n", a.c_str());
      if (found.empty()) return 1;
      files.insert(files.end(), found.begin(), found.end());
    }
  }
  for (const std::string& a : missing) std::printf("SKIPPED: there are no reference files at %s\n", a.c_str());
  if (files.empty() && !missing.empty()) return 77;
  if (files.empty()) {
    std::fprintf(stderr, "usage: golden_check [--f32] [--threads N] [--device cpu|cuda[:i]] [--verbose] FILE|DIR...\n");
    return 2;
  }
  if (device.rfind("cuda", 0) == 0 && list_cuda_devices().devices.empty()) {
    std::printf("SKIPPED: %s\n", list_cuda_devices().why_none.c_str());
    return 77;
  }
  try {
    where.device = choose_device(device);
  } catch (const Error& e) {
    std::fprintf(stderr, "golden_check: %s\n", e.message.c_str());
    return 2;
  }
  int failed = 0;
  for (const std::string& f : files) {
    golden::Report r = golden::check_file(f, type, where);
    for (golden::Line& l : r.lines)
      for (const Known& k : known)
        if (f.size() >= k.file.size() && f.compare(f.size() - k.file.size(), k.file.size(), k.file) == 0 &&
            l.quantity == k.quantity && l.note.empty() && l.excess > 1 && l.excess <= k.factor) {
          std::printf("KNOWN %s %s: %.2g of what is allowed (see docs/numerics.md)\n", f.c_str(), l.quantity.c_str(),
                      l.excess);
          l.excess = 1;
        }
    double worst = 0;
    for (const golden::Line& l : r.lines) worst = std::max(worst, l.excess);
    std::printf("%s %s: %zu quantities, worst at %.2g of what is allowed\n", r.failed() ? "FAIL" : "ok  ", f.c_str(),
                r.lines.size(), worst);
    for (const golden::Line& l : r.lines)
      if (!l.note.empty() && l.absolute == 0 && l.allowed == 0)  // nothing was measured
        std::printf("  FAIL %s: %s\n", l.quantity.c_str(), l.note.c_str());
      else if (verbose || l.failed())
        std::printf("  %s %-60s abs %.3e rel %.3e allowed %.3e %s\n", l.failed() ? "FAIL" : "    ", l.quantity.c_str(),
                    l.absolute, l.relative, l.allowed, l.note.c_str());
    failed += r.failed();
  }
  std::printf("%zu files, %d failed (%s, %s)\n", files.size(), failed, name_of(type), device.c_str());
  return failed || !missing.empty() ? 1 : 0;
}

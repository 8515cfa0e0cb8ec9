// Damaged files: cut at every byte, and some thousand random mutations of each parser's input on every run. What
// libFuzzer does for a million inputs (docs/fuzzing.md), every build does for a few thousand, without clang.
#include <cstdlib>
#include <random>

#include <parallax/io/hdf5.h>
#include <parallax/io/load.h>

#include "../fuzz/targets.h"
#include "seeds.h"
#include "shared.h"

using namespace parallax;
using namespace parallax_test;

namespace {

using Target = bool (*)(const uint8_t*, size_t);

bool run(Target target, const std::string& bytes) {
  // a copy of the exact length, so that the address sanitizer sees a read one byte too far
  const std::vector<uint8_t> copy(bytes.begin(), bytes.end());
  return target(copy.data(), copy.size());
}

std::string mutated(const std::string& seed, std::mt19937_64& random) {
  std::string s = seed;
  const auto below = [&](size_t n) { return n ? static_cast<size_t>(random() % n) : 0; };
  for (size_t k = 1 + below(4); k > 0 && !s.empty(); --k) {
    const size_t at = below(s.size());
    switch (below(6)) {
      case 0: s[at] = static_cast<char>(random()); break;
      case 1: s[at] = static_cast<char>(s[at] ^ (1 << below(8))); break;
      case 2: s.erase(at, 1 + below(16)); break;
      case 3: s.insert(at, s.substr(below(s.size()), 1 + below(32))); break;
      case 4: {  // sizes and counts like these are where readers break
        static const uint32_t odd[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, 0x01000000, 255};
        const uint32_t v = odd[below(8)];
        if (at + 4 <= s.size()) s.replace(at, 4, reinterpret_cast<const char*>(&v), 4);
        break;
      }
      default: s.resize(at); break;
    }
  }
  return s;
}

// Seeds must be readable, or the mutations test nothing; with PLX_FUZZ_SEEDS=FOLDER they are left for libFuzzer.
void battery(const std::string& name, Target target, const Seeds& seeds, bool all_readable, int count) {
  const char* folder = std::getenv("PLX_FUZZ_SEEDS");
  int read = 0, alive = 0;
  std::mt19937_64 random(20240229);
  for (const auto& [seed, bytes] : seeds) {
    if (folder) {
      make_dirs(std::string(folder) + "/" + name);
      write_file(std::string(folder) + "/" + name + "/" + seed, bytes);
    }
    const bool readable = run(target, bytes);
    EXPECT_TRUE(readable || !all_readable) << name << " " << seed;
    read += readable;
    for (size_t cut = 0; cut < bytes.size(); ++cut) run(target, bytes.substr(0, cut));
    for (int i = 0; i < count; ++i) alive += run(target, mutated(bytes, random));
  }
  EXPECT_GT(read, 0);
  ::testing::Test::RecordProperty("mutants_still_readable", alive);
}

TEST(Mutation, Mat) { battery("mat", parallax_fuzz::mat, mat_seeds(), true, 1500); }
TEST(Mutation, Npz) { battery("npz", parallax_fuzz::npz, npz_seeds(), false, 1500); }
TEST(Mutation, Csv) { battery("csv", parallax_fuzz::csv, csv_seeds(), true, 2000); }
TEST(Mutation, Hdf5Reply) { battery("hdf5_reply", parallax_fuzz::hdf5_reply, hdf5_reply_seeds(), false, 3000); }

// A file cut anywhere is refused as a file, or, cut between variables, still whole: then it says so.
TEST(Truncation, EveryByteOfEveryContainer) {
  const std::string folder = scratch("cut");
  Seeds seeds;
  for (const auto& s : mat_seeds()) seeds.push_back({s.first + ".mat", s.second});
  seeds.push_back({"stored.npz", npz_seeds()[0].second});
  seeds.push_back({"deflated.npz", npz_seeds()[1].second});
  for (const auto& [name, bytes] : seeds) {
    const std::string path = folder + "/" + name;
    put(path, bytes);
    EXPECT_NO_THROW(load(path)) << name;
    size_t readable = 0;
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      put(path, bytes.substr(0, cut));
      try {
        const MultiView d = load(path);
        // cut exactly between two variables it is a valid file with fewer of them; what is read is whole in itself
        for (const View& v : d.views) EXPECT_EQ(v.rows, d.samples) << name << " cut at " << cut;
        EXPECT_TRUE(!d.has_labels() || static_cast<int64_t>(d.labels.values.size()) == d.samples);
        ++readable;
      } catch (const Error& e) {
        ASSERT_EQ(e.kind, ErrorKind::data) << name << " cut at " << cut << ": " << e.what();
      }
    }
    // at most the bytes of one tag or header behind each variable
    EXPECT_LE(readable, 100u) << name;
  }
}

TEST(Truncation, EveryByteOfAnHdf5File) {
  const std::string path = scratch("cut") + "/file.h5";
  const char* stride_text = std::getenv("PLX_HDF5_STRIDE");
  const size_t stride = stride_text ? std::strtoull(stride_text, nullptr, 10) : 61;
  for (const auto& [name, bytes] : hdf5_seeds()) {
    put(path, bytes);
    EXPECT_EQ(load(path).samples, 6) << name;
    for (size_t cut = 0; cut < bytes.size(); cut += stride) {
      put(path, bytes.substr(0, cut));
      EXPECT_HAS(refusal([&] { load(path); }), path);
    }
  }
}

// Mutated HDF5 files through the helper: whatever happens to the child, the parent gets a tree or a refusal.
TEST(Mutation, Hdf5FilesThroughTheHelper) {
  const char* text = std::getenv("PLX_HDF5_MUTANTS");
  const int count = text ? std::atoi(text) : 100;
  const std::string path = scratch("mutants") + "/file.h5";
  std::mt19937_64 random(7);
  int read = 0, refused = 0, crashed = 0, stopped = 0;
  const Seeds seeds = hdf5_seeds();
  H5Limits limits;
  limits.max_bytes = uint64_t{256} << 20;
  for (int i = 0; i < count; ++i) {
    put(path, mutated(seeds[static_cast<size_t>(i) % seeds.size()].second, random));
    LoadOptions options;
    options.max_bytes = limits.max_bytes;
    try {
      load(path, options);
      ++read;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind, ErrorKind::data) << e.what();
      crashed += e.message.find("crashed") != std::string::npos;
      stopped += e.message.find("stopped") != std::string::npos;
      ++refused;
    }
  }
  EXPECT_EQ(read + refused, count);
  std::printf("%d mutants: %d read, %d refused, of these %d by a crash and %d by a limit of the helper\n", count, read,
              refused, crashed, stopped);
}

}  // namespace

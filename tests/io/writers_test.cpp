// What we write: whole or absent, equal on reading back, the same bytes for the same content.
#include <signal.h>
#include <sys/resource.h>

#include <cmath>
#include <limits>

#include <parallax/io/csv.h>
#include <parallax/io/hdf5.h>
#include <parallax/io/hdf5_write.h>
#include <parallax/io/inspect.h>
#include <parallax/io/load.h>
#include <parallax/io/npy.h>
#include <parallax/io/sha256.h>

#include "shared.h"

using namespace parallax;
using namespace parallax_test;

namespace {

MultiView small() {
  MultiView d;
  d.name = "small";
  d.samples = 40;
  View a, b;
  a.name = "X{1}";
  a.rows = b.rows = 40;
  a.cols = 40;
  b.cols = 3;
  std::vector<double> x;
  std::vector<float> z;
  for (int i = 0; i < 1600; ++i) x.push_back(std::sin(i) * 1e10);
  for (int i = 0; i < 120; ++i) z.push_back(static_cast<float>(i) / 7);
  a.values = x;
  b.values = z;
  d.views = {a, b};
  for (int i = 0; i < 40; ++i) d.labels.values.push_back(i % 3);
  d.labels.originals = {"-1", "4", "7"};
  return d;
}

TEST(Writers, DataSetRoundTrip) {
  const std::string path = scratch("h5") + "/small.h5";
  const MultiView d = small();
  write_dataset(path, d);
  for (const bool trust : {false, true}) {
    LoadOptions o;
    o.trust_input = trust;
    const MultiView r = load(path, o);
    EXPECT_EQ(r.format, "hdf5");
    ASSERT_EQ(r.views.size(), 2u);
    EXPECT_TRUE(r.views[0].values == d.views[0].values);
    EXPECT_TRUE(r.views[1].values == d.views[1].values);
    EXPECT_EQ(r.views[0].name, "X{1}");
    EXPECT_EQ(r.labels.values, d.labels.values);
    EXPECT_EQ(r.labels.originals, d.labels.originals);
  }
  write_dataset(path + "2", d);
  EXPECT_EQ(read_text(path), read_text(path + "2"));
  EXPECT_EQ(entries(path.substr(0, path.rfind('/'))), 2u);
  // without labels rows are still the samples: the file says so itself
  MultiView bare = small();
  bare.labels = {};
  bare.views[1] = bare.views[0];
  write_dataset(path, bare);
  EXPECT_EQ(load(path).samples, 40);
}

TEST(Writers, MasksAndGoldenFilesAreNoData) {
  const std::string path = scratch("h5") + "/masks.h5";
  write_masks(path, {{"view_0", 6, 2, std::vector<uint8_t>(12, 1)}, {"view_1", 6, 3, std::vector<uint8_t>(18, 1)}});
  EXPECT_HAS(refusal([&] { load(path); }), "parallax-masks-1, not a data set");
  EXPECT_EQ(read_hdf5(path).at("/view_1").as_i64().size(), 18u);
}

TEST(Writers, TreeOfEveryType) {
  const std::string path = scratch("h5") + "/tree.h5";
  const std::vector<double> d = {1.5, -2, 1e300};
  const std::vector<int64_t> big(1000, std::numeric_limits<int64_t>::min());
  const std::vector<uint8_t> bits = {0, 1, 255};
  write_hdf5(path, [&](H5Writer& w) {
    w.attribute("/", "config", std::string("{\"a\": 1}"));
    w.attribute("/", "empty", std::string());
    w.attribute("/", "n", int64_t{-7});
    w.attribute("/", "tolerance", 1e-12);
    w.attribute("/", "dims", std::vector<int64_t>{3, 4});
    w.attribute("/", "names", std::vector<std::string>{"one", "three"});
    w.dataset("/param/enc0.1/w", std::span<const double>(d), {3, 1}, {false, false});
    w.dataset("/param/big", std::span<const int64_t>(big), {10, 100}, {true, true});
    w.dataset("/bits", std::span<const uint8_t>(bits), {3}, {true, true});
    w.dataset("/scalar", std::span<const float>(std::vector<float>{2.5f}), {});
    w.dataset("/none", std::span<const float>(), {0, 4});
    w.attribute("/bits", "digest", std::vector<double>{1, 2});
  });
  for (const bool trust : {false, true}) {
    const H5Tree t = read_hdf5(path, {}, trust);
    EXPECT_EQ(t.root().text("config"), "{\"a\": 1}");
    EXPECT_EQ(t.root().text("empty"), "");
    EXPECT_EQ(t.root().integer("n"), -7);
    EXPECT_EQ(t.root().real("tolerance"), 1e-12);
    EXPECT_EQ(t.root().attrs.at("dims").as_i64(), (std::vector<int64_t>{3, 4}));
    EXPECT_EQ(t.root().attrs.at("names").strings(), (std::vector<std::string>{"one", "three"}));
    EXPECT_EQ(t.at("/param/enc0.1/w").as_f64(), d);
    EXPECT_EQ(t.at("/param/big").as_i64(), big);
    EXPECT_EQ(t.at("/param/big").shape, (std::vector<uint64_t>{10, 100}));
    EXPECT_EQ(t.at("/bits").as_i64(), (std::vector<int64_t>{0, 1, 255}));
    EXPECT_TRUE(t.at("/bits").has("digest"));
    EXPECT_EQ(t.at("/scalar").as_f32(), std::vector<float>{2.5f});
    EXPECT_EQ(t.at("/none").as_f32().size(), 0u);
    EXPECT_EQ(t.children("/param").size(), 2u);
    EXPECT_EQ(t.find("/absent"), nullptr);
    EXPECT_HAS(refusal([&] { t.at("/absent"); }), "no /absent");
    EXPECT_HAS(refusal([&] { t.root().text("n"); }), "text wanted, found int64");
    EXPECT_HAS(refusal([&] { t.at("/param").as_f64("/param"); }), "numbers wanted");
  }
}

TEST(Writers, GoldenFilesRead) {
  PLX_NEEDS_SHARED("golden");
  int files = 0, without = 0;
  for (const std::string& name : list_folder(shared("golden"))) {
    if (name.size() < 3 || name.substr(name.size() - 3) != ".h5") continue;
    SCOPED_TRACE(name);
    const H5Tree t = read_hdf5(shared("golden/" + name));
    EXPECT_EQ(t.root().text("format"), "parallax-golden-1");
    ++files;
    for (const H5Node& n : t.nodes) {
      EXPECT_EQ(n.has("fill") || n.has("digest"), !n.has_storage) << n.path;
      if (n.has_storage) continue;
      ++without;
      EXPECT_GT(n.count(), 0u);
      EXPECT_HAS(refusal([&] { n.as_f64(n.path); }), "holds no values");
    }
    EXPECT_HAS(refusal([&] { load(shared("golden/" + name)); }), "not a data set");
  }
  EXPECT_GE(files, 30);
  EXPECT_GT(without, 10);
}

TEST(Writers, AFailureLeavesNothing) {
  const std::string folder = scratch("fail"), path = folder + "/m.h5";
  write_file(path, "old");
  EXPECT_HAS(
      refusal([&] { write_hdf5(path, [](H5Writer& w) { w.attribute("/nowhere", "a", int64_t{1}); }); }, ErrorKind::io),
      "/nowhere");
  EXPECT_EQ(read_text(path), "old");
  EXPECT_EQ(entries(folder), 1u);
  const std::string absent = folder + "/absent/x.txt";
  EXPECT_HAS(refusal([&] { write_file(absent, "x"); }, ErrorKind::io), absent + ": cannot create: No such file");
  EXPECT_HAS(refusal([&] { write_file("/proc/x.txt", "x"); }, ErrorKind::io), "/proc/x.txt");
  EXPECT_HAS(refusal([&] { make_dirs(path + "/sub"); }, ErrorKind::io), "cannot create the folder");
}

// A limit on the file size stands in for a full disk: the same paths fail in write, H5Fflush and gnuplot alike.
TEST(Writers, AFullDiskIsAnIoError) {
  const std::string folder = scratch("full");
  struct rlimit old {};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit tight = old;
  tight.rlim_cur = 8192;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  std::string text, hdf5;
  try {
    text = refusal([&] { write_file(folder + "/big.txt", std::string(100000, 'x')); }, ErrorKind::io);
    hdf5 = refusal(
        [&] {
          std::vector<double> noise;
          for (int i = 0; i < 100000; ++i) noise.push_back(std::sin(1.0 * i * i));
          write_hdf5(folder + "/big.h5",
                     [&](H5Writer& w) { w.dataset("/x", std::span<const double>(noise), {noise.size()}); });
        },
        ErrorKind::io);
  } catch (...) {
    ADD_FAILURE() << "another exception";
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, before);
  EXPECT_HAS(text, "big.txt: cannot write after 8192 of 100000 bytes: File too large");
  EXPECT_HAS(hdf5, "big.h5: cannot write after 8192 of ");
  EXPECT_EQ(entries(folder), 0u) << "a partial file was left";
}

TEST(Writers, NpyRoundTrip) {
  const std::string f = scratch("npy");
  const std::vector<int32_t> labels = {3, 0, -1, 2000000000};
  write_npy(f + "/labels.npy", std::span<const int32_t>(labels));
  EXPECT_EQ(read_npy_labels(f + "/labels.npy"), labels);
  EXPECT_EQ(read_text(f + "/labels.npy").substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  const std::vector<float> e = {1, 2, 3, 4, 5, 6};
  write_npy(f + "/e.npy", std::span<const float>(e), 2, 3);
  uint64_t rows = 0, cols = 0;
  EXPECT_EQ(read_npy_matrix(f + "/e.npy", rows, cols), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(rows, 2u);
  EXPECT_EQ(cols, 3u);
  EXPECT_HAS(refusal([&] { read_npy_labels(f + "/e.npy"); }), "one number per sample");
  EXPECT_HAS(refusal([&] { write_npy(f + "/e.npy", std::span<const float>(e), 2, 2); }, ErrorKind::shape),
             "6 values for a matrix of 2 x 2");
}

TEST(Files, NaturalOrder) {
  EXPECT_TRUE(natural_less("view2", "view10"));
  EXPECT_FALSE(natural_less("view10", "view2"));
  EXPECT_TRUE(natural_less("view02", "view2"));  // equal numbers: by text, so that the order is total
  EXPECT_FALSE(natural_less("view2", "view02"));
  EXPECT_TRUE(natural_less("a99999999999999999998", "a99999999999999999999"));
  EXPECT_TRUE(natural_less("a", "b1"));
  EXPECT_TRUE(natural_less("a1", "a1b"));
  EXPECT_FALSE(natural_less("x", "x"));
}

TEST(Files, Sha256KnownAnswers) {
  const auto hash = [](const std::string& s) { return sha256_hex(std::as_bytes(std::span(s.data(), s.size()))); };
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  const std::string path = scratch("sha") + "/f";
  write_file(path, std::string(1000000, 'a'));
  EXPECT_EQ(sha256_of_file(path), hash(std::string(1000000, 'a')));
}

TEST(Csv, NumbersAndQuotes) {
  EXPECT_EQ(csv_line({"a", "b,c", "d\"e", "f\ng"}), "a,\"b,c\",\"d\"\"e\",\"f\ng\"\n");
  EXPECT_EQ(number_text(0.1f), "0.1");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(number_text(std::nan("")), "");
}

TEST(Inspect, JsonHasTheContractsFields) {
  MultiView d = small();
  d.path = "a\"b\n\xff.mat";
  d.views[1].values = std::vector<float>(120, 0.f);
  d.notes = {"note"};
  const std::string j = to_json(inspect(d));
  EXPECT_HAS(j, "{\"path\": \"a\\\"b\\u000a\xef\xbf\xbd.mat\", \"format\"");
  EXPECT_HAS(j, "\"samples\": 40, \"classes\": 3");
  EXPECT_HAS(j, "\"dim\": 3");
  EXPECT_HAS(j,
             "\"zeros\": 1, \"sum\": 0, \"sum_squares\": 0, \"nonzeros\": 0, \"first\": 0, \"last\": 0, "
             "\"constant_columns\": 3, \"zero_rows\": 40, \"nan\": 0, \"transposed\": false}");
  EXPECT_HAS(j, "\"counts\": [14, 13, 13]");
  EXPECT_HAS(j, "\"notes\": [\"note\"]}");
  EXPECT_HAS(to_text(inspect(d)), "3 classes of 13 to 14 samples");
  d.labels = {};
  EXPECT_HAS(to_json(inspect(d)), "\"labels\": null");
}

}  // namespace

// HDF5 files that reach for other files, hide cycles or hold what has no plain values: each refused by name, through
// the helper and in this process alike. And what happens when the helper is missing, slow or broken.
#include <hdf5.h>

#include <cstdlib>
#include <functional>

#include <parallax/io/hdf5.h>
#include <parallax/io/hdf5_write.h>
#include <parallax/io/load.h>

#include "seeds.h"
#include "shared.h"

using namespace parallax;
using namespace parallax_test;

namespace {

std::string made(const std::function<void(hid_t)>& fill) {
  std::string path = scratch("hostile") + "/file.h5";
  const hid_t f = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  fill(f);
  H5Fclose(f);
  return path;
}
void expect_refused(const std::function<void(hid_t)>& fill, const std::string& reason) {
  const std::string path = made(fill);
  for (const bool trust : {false, true}) {
    const std::string message = refusal([&] { read_hdf5(path, {}, trust); });
    EXPECT_HAS(message, path);
    EXPECT_HAS(message, reason);
  }
}
hid_t plain(hid_t f, const char* name, hid_t type, std::vector<hsize_t> dims, hid_t plist = H5P_DEFAULT) {
  const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const hid_t d = H5Dcreate2(f, name, type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
  H5Sclose(space);
  return d;
}

TEST(HostileHdf5, OtherFiles) {
  expect_refused([](hid_t f) { H5Lcreate_external("/etc/passwd", "/x", f, "view_0", H5P_DEFAULT, H5P_DEFAULT); },
                 "/view_0 is an external link");
  expect_refused([](hid_t f) { H5Lcreate_soft("/nowhere", f, "view_0", H5P_DEFAULT, H5P_DEFAULT); }, "soft link");
  expect_refused(
      [](hid_t f) {
        const hid_t p = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_external(p, "/etc/passwd", 0, 800);
        H5Dclose(plain(f, "view_0", H5T_NATIVE_UINT8, {8, 100}, p));
        H5Pclose(p);
      },
      "keeps its values in an external file");
  expect_refused(
      [](hid_t f) {
        const hsize_t dims[2] = {6, 2};
        const hid_t p = H5Pcreate(H5P_DATASET_CREATE), s = H5Screate_simple(2, dims, nullptr);
        H5Pset_virtual(p, s, "/etc/hostname", "/x", s);
        H5Dclose(H5Dcreate2(f, "view_0", H5T_NATIVE_DOUBLE, s, H5P_DEFAULT, p, H5P_DEFAULT));
        H5Sclose(s);
        H5Pclose(p);
      },
      "virtual data set");
}

TEST(HostileHdf5, CyclesDepthAndRank) {
  expect_refused(
      [](hid_t f) {
        H5Gclose(H5Gcreate2(f, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        H5Lcreate_hard(f, "/", f, "/a/again", H5P_DEFAULT, H5P_DEFAULT);
      },
      "links form a cycle");
  expect_refused(
      [](hid_t f) {
        std::string path;
        for (int i = 0; i < 20; ++i) {
          path += "/g";
          H5Gclose(H5Gcreate2(f, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        }
      },
      "nested deeper than 16");
  expect_refused([](hid_t f) { H5Dclose(plain(f, "x", H5T_NATIVE_INT, {1, 1, 1, 1, 1})); }, "/x has 5 dimensions");
  expect_refused([](hid_t f) { H5Dclose(plain(f, std::string(1500, 'n').c_str(), H5T_NATIVE_INT, {1})); },
                 "longer than 1024");
  // a MATLAB cell that refers to itself
  const std::string path = scratch("hostile") + "/cycle.mat";
  const hid_t f = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
              d = plain(f, "X", H5T_STD_REF_OBJ, {2});
  hobj_ref_t refs[2];
  for (hobj_ref_t& r : refs) H5Rcreate(&r, f, "/X", H5R_OBJECT, -1);
  H5Dwrite(d, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, refs);
  H5Dclose(d);
  H5Fclose(f);
  EXPECT_HAS(refusal([&] { load(path); }), "contains itself");
}

TEST(HostileHdf5, TypesAndFilters) {
  expect_refused(
      [](hid_t f) {
        const hid_t t = H5Tcreate(H5T_COMPOUND, 16);
        H5Tinsert(t, "real", 0, H5T_NATIVE_DOUBLE);
        H5Tinsert(t, "imag", 8, H5T_NATIVE_DOUBLE);
        H5Dclose(plain(f, "view_0", t, {4}));
        H5Tclose(t);
      },
      "data set /view_0 has a compound type");
  expect_refused(
      [](hid_t f) {
        const hid_t t = H5Tvlen_create(H5T_NATIVE_INT);
        H5Dclose(plain(f, "x", t, {4}));
        H5Tclose(t);
      },
      "variable-length type");
  expect_refused([](hid_t f) { H5Dclose(plain(f, "x", H5T_STD_REF_DSETREG, {4})); }, "region references");
  const auto with_filter = [](H5Z_filter_t id) {
    return [id](hid_t f) {
      const hid_t p = H5Pcreate(H5P_DATASET_CREATE);
      const hsize_t chunk = 100;
      H5Pset_chunk(p, 1, &chunk);
      H5Pset_filter(p, id, H5Z_FLAG_OPTIONAL, 0, nullptr);
      H5Dclose(plain(f, "x", H5T_NATIVE_INT, {100}, p));
      H5Pclose(p);
    };
  };
  expect_refused(with_filter(32000), "/x is compressed with lzf (filter 32000), which is not supported");
  expect_refused(with_filter(32015), "zstd (filter 32015)");
  expect_refused(with_filter(31999), "filter 31999");
}

TEST(HostileHdf5, DeclaredSizes) {
  const std::string path = made([](hid_t f) {  // one stored chunk of an array of a terabyte
    const hid_t p = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t chunk[2] = {1, 1000};
    H5Pset_chunk(p, 2, chunk);
    H5Pset_deflate(p, 9);
    const hid_t d = plain(f, "view_0", H5T_NATIVE_DOUBLE, {1000000, 125000}, p);
    const hsize_t start[2] = {0, 0}, count[2] = {1, 1000};
    const hid_t space = H5Dget_space(d), memory = H5Screate_simple(2, count, nullptr);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nullptr, count, nullptr);
    const std::vector<double> x(1000, 1.0);
    H5Dwrite(d, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, x.data());
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(d);
    H5Pclose(p);
  });
  EXPECT_HAS(refusal([&] { read_hdf5(path); }), "declares 1e+12 bytes");
  H5Limits small;
  small.max_bytes = 10000;
  const std::string big = scratch("limit") + "/big.h5";
  const std::vector<double> x(5000, 1.0);
  write_hdf5(big, [&](H5Writer& w) { w.dataset("/x", std::span<const double>(x), {5000}); });
  EXPECT_HAS(refusal([&] { read_hdf5(big, small); }), "max_bytes");
}

TEST(HostileHdf5, VariableLengthTextEnumsAndUnwritten) {
  const std::string path = made([](hid_t f) {
    const hid_t text = H5Tcopy(H5T_C_S1), scalar = H5Screate(H5S_SCALAR);
    H5Tset_size(text, H5T_VARIABLE);
    const hid_t a = H5Acreate2(f, "config", text, scalar, H5P_DEFAULT, H5P_DEFAULT);
    const char* value = "{\"a\": \"\xc3\xa9\"}";
    H5Awrite(a, text, &value);
    H5Aclose(a);
    const hid_t boolean = H5Tenum_create(H5T_NATIVE_INT8);
    int8_t v = 0;
    H5Tenum_insert(boolean, "FALSE", &v);
    v = 1;
    H5Tenum_insert(boolean, "TRUE", &v);
    const hid_t d = plain(f, "mask", boolean, {3});
    const int8_t values[3] = {1, 0, 1};
    H5Dwrite(d, boolean, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(d);
    H5Dclose(plain(f, "unwritten", H5T_NATIVE_DOUBLE, {1000, 1000}));
    H5Dclose(plain(f, "half", H5T_IEEE_F32BE, {2}));
    H5Tclose(boolean);
    H5Tclose(text);
    H5Sclose(scalar);
  });
  const H5Tree t = read_hdf5(path);
  EXPECT_EQ(t.root().text("config"), "{\"a\": \"\xc3\xa9\"}");
  EXPECT_EQ(t.at("/mask").as_i64(), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_FALSE(t.at("/unwritten").has_storage);
  EXPECT_HAS(refusal([&] { t.at("/unwritten").as_f64("/unwritten"); }), "holds no values");
}

struct Environment {
  explicit Environment(const std::string& value) { ::setenv("PARALLAX_HDF5_HELPER", value.c_str(), 1); }
  ~Environment() { ::unsetenv("PARALLAX_HDF5_HELPER"); }
};

TEST(Helper, MissingSlowAndBroken) {
  const std::string folder = scratch("helper"), path = folder + "/file.h5";
  write_file(path, hdf5_seeds()[0].second);
  const auto helper = [&](const std::string& name, const std::string& body) {
    write_file(folder + "/" + name, "#!/bin/sh\n" + body + "\n");
    ::chmod((folder + "/" + name).c_str(), 0755);
    return folder + "/" + name;
  };
  {
    const Environment e("/nowhere/parallax-hdf5");
    EXPECT_HAS(refusal([&] { read_hdf5(path); }, ErrorKind::config), "trust_input");
    LoadOptions trust;
    trust.trust_input = true;
    EXPECT_EQ(load(path, trust).samples, 6);
  }
  {
    const Environment e(helper("slow", "exec sleep 60"));
    H5Limits limits;
    limits.seconds = 0.2;
    EXPECT_HAS(refusal([&] { read_hdf5(path, limits); }), "took longer than 0.2 s");
  }
  {
    const Environment e(helper("crash", "kill -SEGV $$"));
    EXPECT_HAS(refusal([&] { read_hdf5(path); }), "crashed on it (signal 11");
  }
  {
    const Environment e(helper("liar", "echo PLXTREE1garbagegarbagegarbage >&4; exit 0"));
    EXPECT_HAS(refusal([&] { read_hdf5(path); }), "announces");
  }
  {
    const Environment e(helper("silent", "exit 0"));
    EXPECT_HAS(refusal([&] { read_hdf5(path); }), "a reply of 0 bytes");
  }
  EXPECT_EQ(load(path).samples, 6);
}

TEST(Npz, Refusals) {
  const std::string path = scratch("npz") + "/set.npz";
  const auto content = [&](const std::string& x) {
    write_file(path, zip({{"view_0.npy", x},
                          {"view_1.npy", npy("|u1", "False", "(6, 2)", "abcdefghijkl")},
                          {"labels.npy", npy("|u1", "False", "(6,)", std::string("\0\0\1\1\2\2", 6))}},
                         true));
    return refusal([&] { load(path); });
  };
  EXPECT_HAS(content(npy("|O", "False", "(6, 2)", "")), "view_0 is an object array (a Python pickle)");
  EXPECT_HAS(content(npy("<f8", "False", "(6, 2)", "short")), "view_0 declares 6 x 2 values");
  EXPECT_HAS(content(npy("<f8", "False", "(4294967296, 4294967296)", "short")), "truncated or damaged");
  EXPECT_HAS(content(npy("<f2", "False", "(6, 2)", std::string(24, 'x'))), "element type '<f2'");
  EXPECT_HAS(content(npy("<c8", "False", "(6, 2)", std::string(96, 'x'))), "complex");
  EXPECT_HAS(content("{}"), "view_0: file truncated");
  write_file(path, zip({{"readme.txt", "words"}}, false));
  EXPECT_HAS(refusal([&] { load(path); }), "without npy members");
}

}  // namespace

#include "seeds.h"

#include <hdf5.h>
#include <zip.h>

#include <cstring>
#include <span>

#include <parallax/io/hdf5_reply.h>
#include <parallax/io/hdf5_transcode.h>
#include <parallax/io/hdf5_write.h>

#include "mat_writer.h"
#include "shared.h"

using namespace parallax;

namespace parallax_test {

namespace {
std::vector<double> ramp(int n) {
  std::vector<double> v;
  for (int i = 0; i < n; ++i) v.push_back(i * 0.5);
  return v;
}
const std::vector<double> labels = {1, 1, 2, 2, 3, 3};
}  // namespace

Seeds mat_seeds() {
  Seeds s;
  for (const bool big : {false, true}) {
    const MatWriter w(big);
    const std::string y = w.numeric("Y", {6, 1}, labels);
    const std::string cell = w.cell("X", {1, 3},
                                    {w.numeric("", {6, 2}, ramp(12)), w.bytes("", {4, 6}, "abcdefghijklmnopqrstuvwx"),
                                     w.sparse("", 6, 3, {0, 5, 2}, {0, 2, 2, 3}, {4, 6, 8})});
    s.push_back({"cell", w.file({cell, y})});
    s.push_back({"deflated", w.file({w.deflated(cell), w.deflated(y)})});
    s.push_back({"struct", w.file({w.structure("d", {{"X1", w.numeric("", {6, 2}, ramp(12))},
                                                     {"X2", w.floats("", {6, 1}, {1, 2, 3, 4, 5, 6})},
                                                     {"t", w.text("", "abc")},
                                                     {"gt", w.numeric("", {1, 6}, labels)}})})});
    s.push_back({"parts", w.file({w.numeric("a_train", {4, 2}, ramp(8)), w.numeric("a_test", {2, 2}, ramp(4)),
                                  w.numeric("b_train", {4, 3}, ramp(12)), w.numeric("b_test", {2, 3}, ramp(6)),
                                  w.numeric("Y_train", {4, 1}, {1, 1, 2, 2}), w.numeric("Y_test", {2, 1}, {1, 2})})});
    s.push_back({"image", w.file({w.numeric("X1", {6, 2, 2}, ramp(24)), w.numeric("X2", {2, 2, 6}, ramp(24)),
                                  w.numeric("mask", {6, 2}, std::vector<double>(12, 1)),
                                  w.numeric("L", {6, 3}, {1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1})})});
    s.push_back({"mat4", w.matrix4<double>("X1", 0, 6, 2, ramp(12)) + w.matrix4<float>("X2", 1, 6, 2, ramp(12)) +
                             w.matrix4<double>("X3", 0, 4, 3, {1, 2, 6, 6, 1, 2, 1, 2, 9, 8, 7, 0}, 2) +
                             w.matrix4<uint8_t>("Y", 5, 6, 1, labels)});
    if (big)
      for (auto& seed : s) seed.first += seed.first.find("-le") == std::string::npos ? "-be" : "";
    else
      for (auto& seed : s) seed.first += "-le";
  }
  return s;
}

std::string npy(const std::string& descr, const std::string& order, const std::string& shape,
                const std::string& values) {
  std::string dict = "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  dict.resize((dict.size() + 10) / 64 * 64 + 64 - 10 - 1, ' ');
  dict += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(dict.size() & 255) +
         static_cast<char>(dict.size() >> 8) + dict + values;
}

std::string zip(const std::vector<std::pair<std::string, std::string>>& members, bool deflate) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, &error);
  zip_source_keep(target);
  zip_t* z = zip_open_from_source(target, ZIP_TRUNCATE, &error);
  for (const auto& [name, bytes] : members) {
    const zip_int64_t i = zip_file_add(z, name.c_str(), zip_source_buffer(z, bytes.data(), bytes.size(), 0), 0);
    zip_set_file_compression(z, static_cast<zip_uint64_t>(i), deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  zip_close(z);
  zip_source_open(target);
  zip_source_seek(target, 0, SEEK_END);
  std::string out(static_cast<size_t>(zip_source_tell(target)), '\0');
  zip_source_seek(target, 0, SEEK_SET);
  zip_source_read(target, out.data(), out.size());
  zip_source_close(target);
  zip_source_free(target);
  return out;
}

Seeds npz_seeds() {
  const auto raw = [](auto values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
  };
  const std::string x1 = npy("<f8", "True", "(6, 2)", raw(ramp(12))),
                    x2 = npy("|u1", "False", "(6, 3)", "abcdefghijklmnopqr"),
                    y = npy("<i8", "False", "(6,)", raw(std::vector<int64_t>{1, 1, 2, 2, 3, 3})),
                    n = npy("<i8", "False", "()", raw(std::vector<int64_t>{2}));
  const std::vector<std::pair<std::string, std::string>> members = {
      {"view_0.npy", x1}, {"view_1.npy", x2}, {"labels.npy", y}, {"n_views.npy", n}};
  return {{"stored", zip(members, false)},
          {"deflated", zip(members, true)},
          {"f8", x1},
          {"u1", x2},
          {"i8", y},
          {"scalar", n},
          {"big", npy(">f4", "False", "(2L, 3)", raw(std::vector<float>{1, 2, 3, 4, 5, 6}))}};
}

Seeds csv_seeds() {
  return {{"plain", "1,2\n3,4\n5,6\n"},
          {"header", "\xef\xbb\xbf\"a\";b\r\n1.5;-2e-3\r\n+3;nan\r\n"},
          {"blanks", "1 2  3\n 4 5 6\n\n"},
          {"tabs", "1\t2\n3\tinf\n"}};
}

Seeds hdf5_seeds() {
  const std::string folder = scratch("seed");
  write_hdf5(folder + "/plain.h5", [](H5Writer& w) {
    const std::vector<double> x = ramp(18);
    const std::vector<float> z = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const std::vector<uint8_t> y = {1, 1, 2, 2, 3, 3};
    w.attribute("/", "title", std::string("a small one"));
    w.attribute("/", "dims", std::vector<int64_t>{3, 2});
    w.dataset("/view_0", std::span<const double>(x), {6, 3}, {true, true});
    w.attribute("/view_0", "name", std::string("first"));
    w.dataset("/view_1", std::span<const float>(z), {6, 2}, {false, false});
    w.dataset("/labels", std::span<const uint8_t>(y), {6}, {true, true});
  });
  // MATLAB's form: reversed sizes, a cell of references, a sparse group
  const std::string matlab = folder + "/matlab.mat";
  write_hdf5(matlab, [](H5Writer& w) {
    const std::vector<double> x = ramp(12), data = {4, 6, 8}, y = {1, 1, 2, 2, 3, 3};
    const std::vector<int64_t> ir = {0, 5, 2}, jc = {0, 2, 2, 3};
    w.dataset("/#refs#/a", std::span<const double>(x), {2, 6}, {false, false});
    w.attribute("/#refs#/a", "MATLAB_class", std::string("double"));
    w.group("/#refs#/b");
    w.attribute("/#refs#/b", "MATLAB_sparse", int64_t{6});
    w.attribute("/#refs#/b", "MATLAB_class", std::string("double"));
    w.dataset("/#refs#/b/data", std::span<const double>(data), {3});
    w.dataset("/#refs#/b/ir", std::span<const int64_t>(ir), {3});
    w.dataset("/#refs#/b/jc", std::span<const int64_t>(jc), {4});
    w.dataset("/Y", std::span<const double>(y), {1, 6});
    w.attribute("/Y", "MATLAB_class", std::string("double"));
  });
  const hid_t f = H5Fopen(matlab.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  const hsize_t dims[2] = {2, 1};
  const hid_t space = H5Screate_simple(2, dims, nullptr),
              cell = H5Dcreate2(f, "X", H5T_STD_REF_OBJ, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  hobj_ref_t refs[2];
  H5Rcreate(&refs[0], f, "/#refs#/a", H5R_OBJECT, -1);
  H5Rcreate(&refs[1], f, "/#refs#/b", H5R_OBJECT, -1);
  H5Dwrite(cell, H5T_STD_REF_OBJ, H5S_ALL, H5S_ALL, H5P_DEFAULT, refs);
  const hid_t type = H5Tcopy(H5T_C_S1), scalar = H5Screate(H5S_SCALAR);
  H5Tset_size(type, 5);
  const hid_t a = H5Acreate2(cell, "MATLAB_class", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
  H5Awrite(a, type, "cell");
  H5Aclose(a);
  H5Sclose(scalar);
  H5Tclose(type);
  H5Dclose(cell);
  H5Sclose(space);
  H5Fclose(f);
  return {{"plain", read_text(folder + "/plain.h5")}, {"matlab", read_text(matlab)}};
}

Seeds hdf5_reply_seeds() {
  Seeds out;
  const std::string path = scratch("seed") + "/file.h5";
  for (const auto& [name, bytes] : hdf5_seeds()) {
    write_file(path, bytes);
    std::string reply(24, '\0');
    H5TranscodeOptions o;
    o.open_path = o.shown = path;
    o.file_bytes = bytes.size();
    const uint64_t nodes =
        transcode_hdf5(o, [&](const void* p, size_t n) { reply.append(static_cast<const char*>(p), n); });
    const uint64_t total = reply.size();
    std::memcpy(reply.data(), h5_reply_magic, 8);
    std::memcpy(reply.data() + 8, &total, 8);
    std::memcpy(reply.data() + 16, &nodes, 8);
    out.push_back({name, reply});
  }
  const uint64_t n = 5;
  out.push_back(
      {"error", std::string(h5_error_magic, 8) + std::string(reinterpret_cast<const char*>(&n), 8) + "words"});
  return out;
}

}  // namespace parallax_test

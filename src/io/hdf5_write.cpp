#include "hdf5_write.h"

#include <algorithm>
#include <charconv>

#include "../tensor/error.h"
#include "files.h"
#include "hdf5.h"
#include "hdf5_id.h"
#include "hdf5_transcode.h"

namespace parallax {

namespace {

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  const std::string why = hdf5_error_text();
  PLX_FAIL(io, file, ": ", what, why.empty() ? "" : " (HDF5: " + why + ")",
           why.find("lock") != why.npos ? "; on network file systems set HDF5_USE_FILE_LOCKING=FALSE" : "");
}

hid_t link_properties() {
  const hid_t p = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(p, 1);
  return p;
}

// about 256 kB a chunk, whole rows where they fit
std::vector<hsize_t> chunk_shape(const std::vector<uint64_t>& shape, size_t width) {
  std::vector<hsize_t> chunk(shape.begin(), shape.end());
  constexpr uint64_t target = 256 * 1024;
  for (size_t d = 0; d < chunk.size(); ++d) {
    uint64_t rest = width;
    for (size_t e = d + 1; e < chunk.size(); ++e) rest *= chunk[e];
    chunk[d] = std::clamp<uint64_t>(target / std::max<uint64_t>(rest, 1), 1, std::max<uint64_t>(chunk[d], 1));
  }
  return chunk;
}

}  // namespace

void H5Writer::group(const std::string& path) {
  if (path == "/" || H5Lexists(file_, path.c_str(), H5P_DEFAULT) > 0) return;
  hdf5_error_text();
  const Id links(link_properties()), create(H5Pcreate(H5P_GROUP_CREATE));
  H5Pset_obj_track_times(create, false);
  const Id g(H5Gcreate2(file_, path.c_str(), links, create, H5P_DEFAULT));
  if (g < 0) fail(shown_, "cannot create group " + path);
}

void H5Writer::array(const std::string& path, const void* values, uint64_t count, size_t width, int64_t file_type,
                     int64_t memory_type, const std::vector<uint64_t>& shape, H5Store store) {
  uint64_t product = 1;
  for (const uint64_t s : shape) product *= s;
  PLX_CHECK(shape, product == count, shown_, ": data set ", path, ": ", count, " values for a shape of ", product);
  // intermediate groups by our own hand: those that HDF5 makes carry time stamps
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    group(path.substr(0, slash));
  const std::vector<hsize_t> dims(shape.begin(), shape.end());
  const Id space(shape.empty() ? H5Screate(H5S_SCALAR)
                               : H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr));
  const Id create(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(create, false);
  if (count > 0 && !shape.empty() && ((store.compress && count * width >= 4096) || store.checksum)) {
    const std::vector<hsize_t> chunk = chunk_shape(shape, width);
    H5Pset_chunk(create, static_cast<int>(chunk.size()), chunk.data());
    if (store.compress && count * width >= 4096) {
      H5Pset_shuffle(create);
      H5Pset_deflate(create, 4);
    }
    if (store.checksum) H5Pset_fletcher32(create);
  }
  const Id links(link_properties());
  const Id set(H5Dcreate2(file_, path.c_str(), file_type, space, links, create, H5P_DEFAULT));
  if (set < 0) fail(shown_, "cannot create data set " + path);
  if (count > 0 && H5Dwrite(set, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    fail(shown_, "cannot write data set " + path);
}

void H5Writer::dataset(const std::string& p, std::span<const float> v, const std::vector<uint64_t>& s, H5Store o) {
  array(p, v.data(), v.size(), 4, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, s, o);
}
void H5Writer::dataset(const std::string& p, std::span<const double> v, const std::vector<uint64_t>& s, H5Store o) {
  array(p, v.data(), v.size(), 8, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, s, o);
}
void H5Writer::dataset(const std::string& p, std::span<const int32_t> v, const std::vector<uint64_t>& s, H5Store o) {
  array(p, v.data(), v.size(), 4, H5T_STD_I32LE, H5T_NATIVE_INT32, s, o);
}
void H5Writer::dataset(const std::string& p, std::span<const int64_t> v, const std::vector<uint64_t>& s, H5Store o) {
  array(p, v.data(), v.size(), 8, H5T_STD_I64LE, H5T_NATIVE_INT64, s, o);
}
void H5Writer::dataset(const std::string& p, std::span<const uint8_t> v, const std::vector<uint64_t>& s, H5Store o) {
  array(p, v.data(), v.size(), 1, H5T_STD_U8LE, H5T_NATIVE_UINT8, s, o);
}

void H5Writer::attribute(const std::string& path, const std::string& name, const H5AttributeValue& value) {
  const std::string what = "attribute " + name + " of " + path;
  const Id object(H5Oopen(file_, path.c_str(), H5P_DEFAULT));
  if (object < 0) fail(shown_, "no " + path + " to attach " + name + " to");
  const auto write = [&](hid_t file_type, hid_t memory_type, const void* data, int64_t n) {
    const hsize_t size = static_cast<hsize_t>(n < 0 ? 0 : n);
    const Id space(n < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, nullptr));
    const Id a(H5Acreate2(object, name.c_str(), file_type, space, H5P_DEFAULT, H5P_DEFAULT));
    if (a < 0) fail(shown_, "cannot create " + what);
    if (n != 0 && H5Awrite(a, memory_type, data) < 0) fail(shown_, "cannot write " + what);
  };
  const auto text = [&](const std::vector<std::string>& list, int64_t n) {
    size_t width = 1;
    for (const std::string& s : list) width = std::max(width, s.size());
    std::string all;
    for (const std::string& s : list) all += s + std::string(width - s.size(), '\0');
    const Id type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type, width);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    H5Tset_cset(type, H5T_CSET_UTF8);
    write(type, type, all.data(), n);
  };
  if (const auto* s = std::get_if<std::string>(&value)) text({*s}, -1);
  if (const auto* i = std::get_if<int64_t>(&value)) write(H5T_STD_I64LE, H5T_NATIVE_INT64, i, -1);
  if (const auto* d = std::get_if<double>(&value)) write(H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, d, -1);
  if (const auto* v = std::get_if<std::vector<int64_t>>(&value))
    write(H5T_STD_I64LE, H5T_NATIVE_INT64, v->data(), static_cast<int64_t>(v->size()));
  if (const auto* v = std::get_if<std::vector<double>>(&value))
    write(H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, v->data(), static_cast<int64_t>(v->size()));
  if (const auto* v = std::get_if<std::vector<std::string>>(&value)) text(*v, static_cast<int64_t>(v->size()));
}

void write_hdf5(const std::string& path, const std::function<void(H5Writer&)>& fill) {
  // HDF5 builds the file in memory and never sees the disk: after a failed write (disk full) the library keeps broken
  // objects, which crash the process at its exit.
  const std::vector<std::byte> image = [&] {
    const std::lock_guard<std::recursive_mutex> lock(hdf5_mutex());
    silence_hdf5();
    const Id create(H5Pcreate(H5P_FILE_CREATE)), access(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_obj_track_times(create, false);
    H5Pset_fapl_core(access, size_t{16} << 20, false);
    const Id file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, create, access));
    if (file < 0) fail(path, "cannot create");
    H5Writer writer(file, path);
    fill(writer);
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) fail(path, "cannot write");
    const ssize_t size = H5Fget_file_image(file, nullptr, 0);
    std::vector<std::byte> bytes(size > 0 ? static_cast<size_t>(size) : 0);
    if (size <= 0 || H5Fget_file_image(file, bytes.data(), bytes.size()) != size) fail(path, "cannot write");
    return bytes;
  }();
  const auto produce = [&](const std::string& temporary) { write_bytes(temporary, image, path); };
  const auto check = [&](const std::string& temporary) {
    try {
      read_hdf5(temporary, {}, true);  // every value passes its checksum
    } catch (const Error& e) {
      PLX_FAIL(io, path, ": the file just written does not read back (", e.message, ")");
    }
  };
  replace_file(path, produce, check);
}

void write_dataset(const std::string& path, const MultiView& data) {
  write_hdf5(path, [&](H5Writer& w) {
    w.attribute("/", "format", std::string("parallax-data-1"));
    if (!data.name.empty()) w.attribute("/", "title", data.name);
    for (size_t v = 0; v < data.views.size(); ++v) {
      const View& view = data.views[v];
      const std::string name = "/view_" + std::to_string(v);
      const std::vector<uint64_t> shape = {static_cast<uint64_t>(view.rows), static_cast<uint64_t>(view.cols)};
      std::visit([&](const auto& x) { w.dataset(name, std::span(x), shape); }, view.values);
      if (!view.name.empty()) w.attribute(name, "name", view.name);
    }
    if (!data.has_labels()) return;
    std::vector<int64_t> labels(data.labels.values.begin(), data.labels.values.end());
    std::vector<int64_t> originals;
    for (const std::string& s : data.labels.originals) {
      int64_t x = 0;
      const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), x);
      if (error == std::errc() && end == s.data() + s.size()) originals.push_back(x);
    }
    if (originals.size() == data.labels.originals.size())
      for (int64_t& l : labels) l = originals.at(static_cast<size_t>(l));
    w.dataset("/labels", std::span<const int64_t>(labels), {labels.size()});
  });
}

void write_masks(const std::string& path, const std::vector<Mask>& masks) {
  write_hdf5(path, [&](H5Writer& w) {
    w.attribute("/", "format", std::string("parallax-masks-1"));
    for (const Mask& m : masks) w.dataset("/" + m.name, std::span<const uint8_t>(m.values), {m.rows, m.cols});
  });
}

}  // namespace parallax

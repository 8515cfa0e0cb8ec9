#include "hdf5_transcode.h"

#include <algorithm>
#include <cstring>

#include "hdf5_walk.h"

namespace parallax {

std::recursive_mutex& hdf5_mutex() {
  static std::recursive_mutex m;
  return m;
}

void silence_hdf5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

std::string hdf5_error_text() {
  std::string text;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned depth, const H5E_error2_t* e, void* data) -> herr_t {
        if (depth == 0 && e->desc) *static_cast<std::string*>(data) = e->desc;
        return 0;
      },
      &text);
  H5Eclear2(H5E_DEFAULT);
  return text;
}

std::vector<Link> Transcoder::links(hid_t group, const std::string& path) {
  unsigned order = 0;
  {
    const Id plist(H5Gget_create_plist(group));
    if (plist < 0 || H5Pget_link_creation_order(plist, &order) < 0) fail_hdf5("group " + path + " is unreadable");
  }
  struct State {
    std::vector<Link> list;
    bool too_many = false, bad_name = false;
  } state;
  hsize_t at = 0;
  const herr_t done = H5Literate(
      group, order & H5P_CRT_ORDER_INDEXED ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, &at,
      [](hid_t, const char* name, const H5L_info_t* info, void* data) -> herr_t {
        State& s = *static_cast<State*>(data);
        if (s.list.size() >= h5_max_nodes) return s.too_many = true, 1;
        if (strnlen(name, h5_max_name + 1) > h5_max_name) return s.bad_name = true, 1;
        try {
          s.list.push_back({name, info->type});
        } catch (...) {
          return -1;
        }
        return 0;
      },
      &state);
  PLX_CHECK(data, !state.too_many, o_.shown, ": group ", path, " holds more than ", h5_max_nodes, " links");
  PLX_CHECK(data, !state.bad_name, o_.shown, ": group ", path, " holds a name longer than ", h5_max_name, " bytes");
  if (done < 0) fail_hdf5("the links of group " + path + " are unreadable");
  return state.list;
}

// First pass: every path and the address of its object, so that references can be resolved.
void Transcoder::collect(hid_t parent, const std::string& path, int depth) {
  PLX_CHECK(data, depth <= static_cast<int>(h5_max_depth), o_.shown, ": group ", path, " is nested deeper than ",
            h5_max_depth);
  for (const Link& l : links(parent, path)) {
    const std::string child = (path == "/" ? "" : path) + "/" + l.name;
    if (path == "/" && l.name == "#subsystem#") continue;  // MATLAB's own objects
    PLX_CHECK(data, child.size() <= h5_max_name, o_.shown, ": a path of ", child.size(), " bytes");
    PLX_CHECK(data, l.type != H5L_TYPE_EXTERNAL, o_.shown, ": ", child,
              " is an external link to another file, which is refused");
    PLX_CHECK(data, l.type != H5L_TYPE_SOFT, o_.shown, ": ", child, " is a soft link; links are not followed");
    PLX_CHECK(data, l.type == H5L_TYPE_HARD, o_.shown, ": ", child, " is a user-defined link, which is refused");
    PLX_CHECK(data, objects_.size() < h5_max_nodes, o_.shown, ": more than ", h5_max_nodes, " objects");
    const Id object(H5Oopen(parent, l.name.c_str(), H5P_DEFAULT));
    if (object < 0) fail_hdf5(child + " is unreadable");
    H5O_info_t info;
    if (H5Oget_info(object, &info) < 0) fail_hdf5(child + " is unreadable");
    if (info.type == H5O_TYPE_NAMED_DATATYPE) continue;
    PLX_CHECK(data, info.type == H5O_TYPE_GROUP || info.type == H5O_TYPE_DATASET, o_.shown, ": ", child,
              " is neither group nor data set");
    const bool is_group = info.type == H5O_TYPE_GROUP;
    const bool fresh = by_address_.emplace(info.addr, child).second;
    PLX_CHECK(data, fresh || !is_group, o_.shown, ": group ", child, " is reached twice (", by_address_[info.addr],
              "): links form a cycle");
    objects_.push_back({child, is_group});
    if (is_group) collect(object, child, depth + 1);
  }
}

void Transcoder::attributes(hid_t object, const std::string& path) {
  H5O_info_t info;
  if (H5Oget_info(object, &info) < 0) fail_hdf5(path + " is unreadable");
  PLX_CHECK(data, info.num_attrs <= h5_max_attributes, o_.shown, ": ", path, " has ", info.num_attrs, " attributes");
  // what cannot be told as plain values (lists of field names and the like) is left out: attributes are extras
  struct Readable {
    std::string name;
    H5Type type;
    std::vector<hsize_t> shape;
    std::string payload;
  };
  std::vector<Readable> list;
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const Id a(H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT));
    if (a < 0) fail_hdf5("an attribute of " + path + " is unreadable");
    char name[h5_max_name + 2] = {};
    const ssize_t length = H5Aget_name(a, sizeof name, name);
    PLX_CHECK(data, length >= 0 && length <= static_cast<ssize_t>(h5_max_name), o_.shown, ": an attribute of ", path,
              " has a name of ", length, " bytes");
    const std::string what = "attribute " + std::string(name) + " of " + path;
    const Id type(H5Aget_type(a)), space(H5Aget_space(a));
    if (type < 0 || space < 0) fail_hdf5(what + " is unreadable");
    const H5T_class_t cls = H5Tget_class(type);
    if (cls != H5T_FLOAT && cls != H5T_INTEGER && cls != H5T_STRING && cls != H5T_ENUM) continue;
    Readable r;
    r.name = name;
    bool null = false;
    r.shape = sizes(space, what, null);
    if (null) continue;
    unsigned __int128 count = 1;
    for (const hsize_t s : r.shape)
      count = std::min<unsigned __int128>(count * s, static_cast<unsigned __int128>(1) << 80);
    check_size(count, what);
    hid_t memory = -1;
    r.type = type_of(type, what, memory);
    if (r.type == H5Type::string) {
      r.payload = strings(a, type, static_cast<uint64_t>(count), true, what);
    } else {
      const Id enum_type(memory == -2 ? H5Tget_native_type(type, H5T_DIR_ASCEND) : hid_t{-1});
      const hid_t mem = memory == -2 ? hid_t{enum_type} : memory;
      const size_t width = H5Tget_size(mem);
      check_size(count * width, what);
      r.payload.resize(static_cast<size_t>(count) * width);
      if (count && H5Aread(a, mem, r.payload.data()) < 0) fail_hdf5(what + " is unreadable");
    }
    list.push_back(std::move(r));
  }
  number(static_cast<uint32_t>(list.size()));
  for (const Readable& r : list) {
    text(r.name);
    number(static_cast<uint8_t>(1 + static_cast<int>(r.type)));
    shape(r.shape);
    number(static_cast<uint64_t>(r.payload.size()));
    put(r.payload.data(), r.payload.size());
  }
}

void Transcoder::group(const std::string& path, hid_t id) {
  number(h5_node_mark);
  number(uint8_t{0});
  text(path);
  shape({});
  attributes(id, path);
  number(uint64_t{0});
}

void Transcoder::dataset(const std::string& path, hid_t id) {
  const std::string what = "data set " + path;
  const Id type(H5Dget_type(id)), space(H5Dget_space(id));
  if (type < 0 || space < 0) fail_hdf5(what + " is unreadable");
  bool null = false, stored = true;
  std::vector<hsize_t> s = sizes(space, what, null);
  if (null) s = {0};
  hid_t memory = -1;
  const H5Type t = type_of(type, what, memory);
  const Id enum_type(memory == -2 ? H5Tget_native_type(type, H5T_DIR_ASCEND) : hid_t{-1});
  if (memory == -2) memory = enum_type;
  unsigned __int128 count = 1;
  for (const hsize_t d : s) count = std::min<unsigned __int128>(count * d, static_cast<unsigned __int128>(1) << 80);
  const size_t stored_width = std::max<size_t>(H5Tget_size(type), 1);
  hsize_t chunk_rows = 1;
  check_storage(id, what, count * stored_width, stored, chunk_rows);

  number(h5_node_mark);
  number(static_cast<uint8_t>((1 + static_cast<int>(t)) | (stored ? 0 : h5_no_storage)));
  text(path);
  shape(s);
  attributes(id, path);
  if (!stored || count == 0) return number(uint64_t{0});
  if (t == H5Type::string) {
    const std::string payload = strings(id, type, static_cast<uint64_t>(count), false, what);
    number(static_cast<uint64_t>(payload.size()));
    return put(payload.data(), payload.size());
  }
  const size_t width = H5Tget_size(memory);
  PLX_CHECK(data, width >= 1 && width <= 8, o_.shown, ": ", what, " has an unreadable element type");
  check_size(count * width, what);
  const uint64_t total = static_cast<uint64_t>(count);
  if (t == H5Type::reference) {
    std::vector<hobj_ref_t> refs(total);
    if (H5Dread(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, refs.data()) < 0)
      fail_hdf5("the values of " + what + " are unreadable");
    const std::string payload = references(refs, what);
    number(static_cast<uint64_t>(payload.size()));
    return put(payload.data(), payload.size());
  }
  number(total * width);
  // slabs of whole chunk rows, some megabytes each: the helper never holds a second copy of everything
  const uint64_t rows = s.empty() ? 1 : s[0], row_bytes = total / rows * width;
  uint64_t step = std::max<uint64_t>(1, (uint64_t{16} << 20) / std::max<uint64_t>(row_bytes, 1));
  if (step > chunk_rows) step -= step % chunk_rows;
  step = std::min(std::max<uint64_t>(step, std::min<uint64_t>(chunk_rows, rows)), rows);
  std::vector<std::byte> buffer(step * row_bytes);
  for (uint64_t r = 0; r < rows; r += step) {
    const uint64_t n = std::min(step, rows - r);
    herr_t ok;
    if (s.empty()) {
      ok = H5Dread(id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer.data());
    } else {
      std::vector<hsize_t> start(s.size(), 0), part = s;
      start[0] = r;
      part[0] = n;
      const Id from(H5Scopy(space)), to(H5Screate_simple(static_cast<int>(part.size()), part.data(), nullptr));
      ok = H5Sselect_hyperslab(from, H5S_SELECT_SET, start.data(), nullptr, part.data(), nullptr);
      if (ok >= 0) ok = H5Dread(id, memory, to, from, H5P_DEFAULT, buffer.data());
    }
    if (ok < 0) fail_hdf5("the values of " + what + " are unreadable, truncated or damaged");
    put(buffer.data(), n * row_bytes);
  }
}

uint64_t Transcoder::run() {
  silence_hdf5();
  const Id access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_fapl_sec2(access);
  const Id file(H5Fopen(o_.open_path.c_str(), H5F_ACC_RDONLY, access));
  if (file < 0) {
    const std::string why = hdf5_error_text();
    PLX_FAIL(data, o_.shown,
             ": unreadable HDF5 file, truncated or damaged (HDF5: ", why.empty() ? "no reason given" : why, ")",
             why.find("lock") != why.npos ? "; on network file systems set HDF5_USE_FILE_LOCKING=FALSE" : "");
  }
  if (o_.opened) o_.opened();
  const Id root(H5Gopen2(file, "/", H5P_DEFAULT));
  if (root < 0) fail_hdf5("the root group is unreadable");
  H5O_info_t info;
  if (H5Oget_info(root, &info) < 0) fail_hdf5("the root group is unreadable");
  by_address_.emplace(info.addr, "/");
  collect(root, "/", 1);
  group("/", root);
  for (const Object& object : objects_) {
    const Id id(H5Oopen(file, object.path.c_str(), H5P_DEFAULT));
    if (id < 0) fail_hdf5(object.path + " is unreadable");
    if (object.group)
      group(object.path, id);
    else
      dataset(object.path, id);
  }
  return objects_.size() + 1;
}

uint64_t transcode_hdf5(const H5TranscodeOptions& options, const H5Sink& sink) {
  const std::lock_guard<std::recursive_mutex> lock(hdf5_mutex());
  return Transcoder(options, sink).run();
}

}  // namespace parallax

// What an HDF5 file may hold: plain element types, values inside the file, known filters, sizes that can be true.
#include <algorithm>
#include <cstring>

#include "hdf5_walk.h"

namespace parallax {

namespace {
std::string filter_name(H5Z_filter_t id, const char* own) {
  static const std::map<int, const char*> known = {
      {5, "n-bit"},          {6, "scale-offset"}, {307, "bzip2"},  {32000, "lzf"}, {32001, "blosc"}, {32004, "lz4"},
      {32008, "bitshuffle"}, {32013, "zfp"},      {32015, "zstd"}, {32017, "sz"},  {32026, "blosc2"}};
  const auto it = known.find(id);
  return str(it != known.end() ? it->second : (own && *own ? own : "unknown"), " (filter ", static_cast<int>(id), ")");
}
}  // namespace

H5Type Transcoder::type_of(hid_t type, const std::string& what, hid_t& memory) {
  const H5T_class_t cls = H5Tget_class(type);
  const size_t size = H5Tget_size(type);
  memory = -1;
  switch (cls) {
    case H5T_FLOAT:
      memory = size <= 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
      return size <= 4 ? H5Type::f32 : H5Type::f64;
    case H5T_INTEGER:
    case H5T_BITFIELD: {
      const bool is_signed = cls == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
      if (size == 1)
        return memory = is_signed ? H5T_NATIVE_INT8 : H5T_NATIVE_UINT8, is_signed ? H5Type::i8 : H5Type::u8;
      if (size == 2)
        return memory = is_signed ? H5T_NATIVE_INT16 : H5T_NATIVE_UINT16, is_signed ? H5Type::i16 : H5Type::u16;
      if (size <= 4)
        return memory = is_signed ? H5T_NATIVE_INT32 : H5T_NATIVE_UINT32, is_signed ? H5Type::i32 : H5Type::u32;
      if (size <= 8)
        return memory = is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, is_signed ? H5Type::i64 : H5Type::u64;
      break;
    }
    case H5T_ENUM: {  // truth values of h5py; read in the enum's own type, then taken as its base integers
      const Id base(H5Tget_super(type));
      hid_t unused;
      const H5Type t = type_of(base, what, unused);
      memory = -2;
      return t;
    }
    case H5T_STRING: return H5Type::string;
    case H5T_REFERENCE:
      PLX_CHECK(data, H5Tequal(type, H5T_STD_REF_OBJ) > 0, o_.shown, ": ", what,
                " holds region references, which are refused");
      memory = H5T_STD_REF_OBJ;
      return H5Type::reference;
    case H5T_COMPOUND:
      PLX_FAIL(data, o_.shown, ": ", what, " has a compound type (such as complex numbers), which is not read");
    case H5T_VLEN: PLX_FAIL(data, o_.shown, ": ", what, " has a variable-length type, which is not read");
    case H5T_ARRAY: PLX_FAIL(data, o_.shown, ": ", what, " has an array type, which is not read");
    case H5T_OPAQUE: PLX_FAIL(data, o_.shown, ": ", what, " has an opaque type, which is not read");
    default: break;
  }
  hdf5_error_text();
  PLX_FAIL(data, o_.shown, ": ", what, " has an unreadable element type");
}

std::vector<hsize_t> Transcoder::sizes(hid_t space, const std::string& what, bool& null) {
  null = H5Sget_simple_extent_type(space) == H5S_NULL;
  if (null) return {};
  const int rank = H5Sget_simple_extent_ndims(space);
  if (rank < 0) fail_hdf5(what + " has an unreadable size");
  PLX_CHECK(data, rank <= static_cast<int>(h5_max_rank), o_.shown, ": ", what, " has ", rank, " dimensions; up to ",
            h5_max_rank, " are read");
  std::vector<hsize_t> s(static_cast<size_t>(rank));
  if (rank && H5Sget_simple_extent_dims(space, s.data(), nullptr) < 0) fail_hdf5(what + " has an unreadable size");
  return s;
}

// Where the values lie: nothing outside the file, known filters, and not more declared than can be stored.
void Transcoder::check_storage(hid_t dataset, const std::string& what, unsigned __int128 declared, bool& stored,
                               hsize_t& chunk_rows) {
  const Id plist(H5Dget_create_plist(dataset));
  if (plist < 0) fail_hdf5(what + " is unreadable");
  PLX_CHECK(data, H5Pget_external_count(plist) <= 0, o_.shown, ": ", what,
            " keeps its values in an external file, which is refused");
  const H5D_layout_t layout = H5Pget_layout(plist);
  PLX_CHECK(data, layout != H5D_VIRTUAL, o_.shown, ": ", what,
            " is a virtual data set over other files, which is refused");
  if (layout < 0) fail_hdf5(what + " has an unreadable layout");
  const int filters = H5Pget_nfilters(plist);
  bool compressed = false;
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    char name[64] = {};
    const H5Z_filter_t id =
        H5Pget_filter2(plist, static_cast<unsigned>(i), &flags, &values, nullptr, sizeof name - 1, name, &config);
    const bool known =
        id == H5Z_FILTER_DEFLATE || id == H5Z_FILTER_SHUFFLE || id == H5Z_FILTER_FLETCHER32 || id == H5Z_FILTER_SZIP;
    PLX_CHECK(data, known && H5Zfilter_avail(id) > 0, o_.shown, ": ", what, " is compressed with ",
              filter_name(id, name), ", which is not supported");
    compressed |= id == H5Z_FILTER_DEFLATE || id == H5Z_FILTER_SZIP;
  }
  const hsize_t size = H5Dget_storage_size(dataset);
  stored = size > 0 || declared == 0;
  if (!stored) return;
  PLX_CHECK(data, layout == H5D_COMPACT || size <= o_.file_bytes, o_.shown, ": ", what, " claims ", size,
            " stored bytes in a file of ", o_.file_bytes, ": truncated or damaged");
  // chunks that were never written read as the fill value, so some slack, but no gigabytes out of nothing
  const unsigned __int128 most = static_cast<unsigned __int128>(size) * (compressed ? 1032 : 1) + (uint64_t{64} << 20);
  PLX_CHECK(data, declared <= most, o_.shown, ": ", what, " declares ", static_cast<double>(declared),
            " bytes, stores ", size, ": damaged or hostile");
  if (layout == H5D_CHUNKED) {
    hsize_t chunk[32] = {};
    const int rank = H5Pget_chunk(plist, 32, chunk);
    if (rank < 1) fail_hdf5(what + " has unreadable chunks");
    unsigned __int128 chunk_bytes = 1;
    for (int i = 0; i < rank && i < 32; ++i)
      chunk_bytes = std::min<unsigned __int128>(chunk_bytes * chunk[i], static_cast<unsigned __int128>(1) << 100);
    PLX_CHECK(data, chunk_bytes <= (uint64_t{1} << 32), o_.shown, ": ", what, " has chunks of ",
              static_cast<double>(chunk_bytes), " values");
    chunk_rows = std::max<hsize_t>(chunk[0], 1);
  }
}

std::string Transcoder::strings(hid_t object, hid_t type, uint64_t count, bool attribute, const std::string& what) {
  std::string out;
  const auto add = [&](const char* s, size_t n) {
    const uint32_t length = static_cast<uint32_t>(n);
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    out.append(s, n);
    check_size(out.size(), what);
  };
  if (H5Tis_variable_str(type) > 0) {
    const Id memory(H5Tcopy(H5T_C_S1));
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    check_size(static_cast<unsigned __int128>(count) * 16, what);
    std::vector<char*> list(count, nullptr);
    const herr_t ok = count == 0  ? 0
                      : attribute ? H5Aread(object, memory, list.data())
                                  : H5Dread(object, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, list.data());
    if (ok < 0) fail_hdf5("the text of " + what + " is unreadable");
    for (char* s : list) add(s ? s : "", s ? std::strlen(s) : 0);
    for (char* s : list) H5free_memory(s);
    return out;
  }
  const size_t width = H5Tget_size(type);
  PLX_CHECK(data, width > 0, o_.shown, ": ", what, " has an unreadable element type");
  check_size(static_cast<unsigned __int128>(count) * (width + 4), what);
  std::vector<char> all(count * width + 1);
  const herr_t ok = count == 0  ? 0
                    : attribute ? H5Aread(object, type, all.data())
                                : H5Dread(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data());
  if (ok < 0) fail_hdf5("the text of " + what + " is unreadable");
  const bool spaces = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
  for (uint64_t i = 0; i < count; ++i) {
    const char* s = all.data() + i * width;
    size_t n = strnlen(s, width);
    while (spaces && n > 0 && s[n - 1] == ' ') --n;
    add(s, n);
  }
  return out;
}

std::string Transcoder::references(const std::vector<hobj_ref_t>& refs, const std::string& what) {
  std::string out;
  for (const hobj_ref_t r : refs) {
    std::string path;
    if (r != 0 && r != HADDR_UNDEF) {
      const auto it = by_address_.find(static_cast<haddr_t>(r));
      PLX_CHECK(data, it != by_address_.end(), o_.shown, ": ", what, " refers to something that is not in the file");
      path = it->second;
    }
    const uint32_t length = static_cast<uint32_t>(path.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    out += path;
    check_size(out.size(), what);
  }
  return out;
}

}  // namespace parallax

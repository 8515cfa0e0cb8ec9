// HDF5 files as a tree of plain values. The library that reads them has many open memory faults, so it runs in a helper
// process with limits (hdf5_helper_main.cpp) unless the caller trusts the file; either way what comes back is the flat
// form of hdf5_reply.h, and the one bounded parser here serves data sets, golden files and checkpoints alike.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bytes.h"

namespace parallax {

enum class H5Type : uint8_t { none, f64, f32, i8, u8, i16, u16, i32, u32, i64, u64, string, reference };
const char* name_of(H5Type t);

// A typed array: value of an attribute or of a data set.
struct H5Value {
  H5Type type = H5Type::none;   // none: a group
  std::vector<uint64_t> shape;  // empty: scalar
  bool has_storage = true;      // false: declared, but the file holds no values; never readable as numbers
  Bytes bytes;                  // little endian, row-major; of strings and references see strings()

  uint64_t count() const;
  bool is_number() const { return type >= H5Type::f64 && type <= H5Type::u64; }
  bool is_float() const { return type == H5Type::f64 || type == H5Type::f32; }
  // Conversions fail with an Error that names `where` if the type or the storage does not allow them.
  std::vector<double> as_f64(const std::string& where = "") const;
  std::vector<float> as_f32(const std::string& where = "") const;
  std::vector<int64_t> as_i64(const std::string& where = "") const;       // integers, or floats with integral values
  std::vector<std::string> strings(const std::string& where = "") const;  // references: paths, "" for null
};

struct H5Node : H5Value {
  std::string path;  // "/batch/x0"; the root is "/"
  std::map<std::string, H5Value> attrs;

  bool is_group() const { return type == H5Type::none; }
  std::string name() const { return path.substr(path.find_last_of('/') + 1); }
  bool has(const std::string& attr) const { return attrs.count(attr) > 0; }
  // Attributes as single values; the variant without a default fails when absent.
  std::string text(const std::string& attr) const;
  std::string text(const std::string& attr, const std::string& fallback) const;
  int64_t integer(const std::string& attr) const;
  double real(const std::string& attr) const;
};

struct H5Tree {
  std::string file;           // for messages
  std::vector<H5Node> nodes;  // parents before children, in the file's order; [0] is the root
  std::map<std::string, size_t> index;
  std::map<std::string, std::vector<size_t>> kids;  // of each group
  std::shared_ptr<const void> owner;                // the bytes behind every value

  const H5Node& root() const { return nodes.at(0); }
  const H5Node* find(const std::string& path) const;  // null if absent
  const H5Node& at(const std::string& path) const;    // an Error if absent
  std::vector<const H5Node*> children(const std::string& group) const;
};

struct H5Limits {
  uint64_t max_bytes = uint64_t{16} << 30;  // of the flat form
  double seconds = 0;                       // wall clock of the helper; 0: by the size of the file
};

// Reads a whole file. `trust_input`: in this process, without a helper, for files that this process wrote.
H5Tree read_hdf5(const std::string& path, const H5Limits& limits = {}, bool trust_input = false);
H5Tree parse_hdf5_reply(Bytes reply, std::shared_ptr<const void> owner, const std::string& file);
bool looks_like_hdf5(Bytes file_start);  // signature at 0, 512, 1024, ... within the given bytes
std::string hdf5_helper_path();          // empty if it is nowhere

}  // namespace parallax

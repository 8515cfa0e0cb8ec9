// The inside of the transcoder, shared by its two files: hdf5_transcode.cpp walks the file, hdf5_checks.cpp decides
// what may be read and turns text and references into plain bytes.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "../tensor/error.h"
#include "hdf5.h"
#include "hdf5_id.h"
#include "hdf5_reply.h"
#include "hdf5_transcode.h"

namespace parallax {

struct Link {
  std::string name;
  H5L_type_t type;
};

class Transcoder {
 public:
  Transcoder(const H5TranscodeOptions& o, const H5Sink& sink) : o_(o), sink_(sink) {}
  uint64_t run();

 private:
  void fail_hdf5(const std::string& what) {
    const std::string why = hdf5_error_text();
    PLX_FAIL(data, o_.shown, ": ", what, why.empty() ? "" : " (HDF5: " + why + ")");
  }
  void put(const void* p, size_t n) {
    written_ += n;
    PLX_CHECK(data, written_ <= o_.max_bytes, o_.shown, ": the file holds more than the limit of ", o_.max_bytes,
              " bytes (max_bytes)");
    sink_(p, n);
  }
  template <class T> void number(T v) { put(&v, sizeof v); }
  void text(const std::string& t) {
    number(static_cast<uint32_t>(t.size()));
    put(t.data(), t.size());
  }
  void shape(const std::vector<hsize_t>& s) {
    number(static_cast<uint8_t>(s.size()));
    for (const hsize_t d : s) number(static_cast<uint64_t>(d));
  }
  void check_size(unsigned __int128 bytes, const std::string& what) {
    PLX_CHECK(data, bytes <= o_.max_bytes && written_ + static_cast<uint64_t>(bytes) <= o_.max_bytes, o_.shown, ": ",
              what, " declares ", static_cast<double>(bytes), " bytes, over the limit of ", o_.max_bytes,
              " (max_bytes)");
  }

  std::vector<Link> links(hid_t group, const std::string& path);
  void collect(hid_t group, const std::string& path, int depth);
  void group(const std::string& path, hid_t id);
  void dataset(const std::string& path, hid_t id);
  void attributes(hid_t object, const std::string& path);
  H5Type type_of(hid_t type, const std::string& what, hid_t& memory);
  std::vector<hsize_t> sizes(hid_t space, const std::string& what, bool& null);
  void check_storage(hid_t dataset, const std::string& what, unsigned __int128 declared, bool& stored,
                     hsize_t& chunk_rows);
  std::string strings(hid_t object, hid_t type, uint64_t count, bool attribute, const std::string& what);
  std::string references(const std::vector<hobj_ref_t>& refs, const std::string& what);

  const H5TranscodeOptions& o_;
  const H5Sink& sink_;
  uint64_t written_ = 0;
  struct Object {
    std::string path;
    bool group;
  };
  std::vector<Object> objects_;
  std::map<haddr_t, std::string> by_address_;
};

}  // namespace parallax

// Bounded reading of untrusted bytes: every length is compared with what is left before anything is touched, and a
// Budget adds up what a file makes us hold, so a short file cannot ask for a large allocation.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "../tensor/error.h"

namespace parallax {

using Bytes = std::span<const std::byte>;

// 128-bit product, so that hostile sizes cannot wrap around.
inline unsigned __int128 wide_product(std::span<const uint64_t> sizes, uint64_t unit = 1) {
  unsigned __int128 p = unit;
  for (const uint64_t s : sizes) {
    p *= s;
    if (s && p >> 120) return static_cast<unsigned __int128>(1) << 120;  // "more than anybody has"
    if (s == 0) return 0;
  }
  return p;
}

std::string size_text(unsigned __int128 bytes);           // "13.2 MB"
std::string shape_text(std::span<const uint64_t> shape);  // "544 x 3183"
inline std::string shape_text(const std::vector<uint64_t>& s) { return shape_text(std::span<const uint64_t>(s)); }
std::string printable(const std::string& text, size_t limit = 200);  // control characters as \xNN, shortened

// What one load may hold. `take` is called with declared sizes, before the allocation.
class Budget {
 public:
  Budget(std::string file, uint64_t max_bytes) : file_(std::move(file)), max_(max_bytes) {}
  void take(unsigned __int128 bytes, const std::string& what) {
    PLX_CHECK(data, bytes <= max_ && used_ <= max_ - static_cast<uint64_t>(bytes), file_, ": ", what, " declares ",
              size_text(bytes), ", which is over the limit of ", size_text(max_), " for one load (max_bytes)");
    used_ += static_cast<uint64_t>(bytes);
  }
  // Declared size against stored size: `ratio` is the most that the format's compression can do.
  void check_ratio(unsigned __int128 declared, uint64_t stored, uint64_t ratio, const std::string& what) const {
    PLX_CHECK(data, declared <= static_cast<unsigned __int128>(stored) * ratio + 4096, file_, ": ", what, " declares ",
              size_text(declared), " but only ", size_text(stored), " are stored: damaged, truncated or hostile file");
  }
  // Zeros that are not stored (sparse arrays) may be a multiple of what is, and 256 MB in all beyond that: a few bytes
  // can declare a matrix of any size.
  void take_expansion(unsigned __int128 bytes, uint64_t stored, const std::string& what) {
    take(bytes, what);
    const unsigned __int128 backed = static_cast<unsigned __int128>(stored) * 4096;
    if (bytes > backed) expanded_ += static_cast<uint64_t>(bytes - backed);
    PLX_CHECK(data, expanded_ <= (uint64_t{256} << 20), file_, ": ", what, " declares ", size_text(bytes), " but only ",
              size_text(stored), " are stored: damaged or hostile file");
  }
  const std::string& file() const { return file_; }
  uint64_t used() const { return used_; }
  uint64_t max_bytes() const { return max_; }

 private:
  std::string file_;
  uint64_t max_, used_ = 0, expanded_ = 0;
};

constexpr uint64_t zlib_ratio = 1032;  // the largest expansion that deflate can reach

class ByteReader {
 public:
  ByteReader(Bytes bytes, std::string where, bool swap = false)
      : bytes_(bytes), where_(std::move(where)), swap_(swap) {}

  uint64_t left() const { return bytes_.size() - at_; }
  uint64_t position() const { return at_; }
  bool swap() const { return swap_; }
  const std::string& where() const { return where_; }

  Bytes take(uint64_t n, const char* what) {
    PLX_CHECK(data, n <= left(), where_, ": file truncated or damaged: ", what, " needs ", n, " bytes at offset ", at_,
              ", ", left(), " are left");
    const Bytes b = bytes_.subspan(at_, n);
    at_ += n;
    return b;
  }
  void skip_up_to(uint64_t n) { at_ += n < left() ? n : left(); }

  template <class T> T number(const char* what) {
    const Bytes b = take(sizeof(T), what);
    std::byte raw[sizeof(T)];
    for (size_t i = 0; i < sizeof(T); ++i) raw[i] = b[swap_ ? sizeof(T) - 1 - i : i];
    T v;
    std::memcpy(&v, raw, sizeof(T));
    return v;
  }

 private:
  Bytes bytes_;
  uint64_t at_ = 0;
  std::string where_;
  bool swap_;
};

}  // namespace parallax

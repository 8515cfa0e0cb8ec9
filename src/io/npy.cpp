#include "npy.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "files.h"

namespace parallax {

namespace {

// The header's dict: 'descr' a string (a list for structured types), 'fortran_order' True/False, 'shape' a tuple.
struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<uint64_t> shape;
};

class DictParser {
 public:
  DictParser(std::string text, std::string where) : s_(std::move(text)), where_(std::move(where)) {}

  Header parse() {
    Header h;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (peek() != '}') {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        PLX_CHECK(data, peek() == '\'' || peek() == '"', where_,
                  ": the array has a structured type, which is not read");
        h.descr = quoted();
        has_descr = true;
      } else if (key == "fortran_order") {
        h.fortran = word() == "True";
        has_order = true;
      } else if (key == "shape") {
        h.shape = tuple();
        has_shape = true;
      } else {
        PLX_FAIL(data, where_, ": damaged npy header: unknown key '", printable(key), "'");
      }
      if (peek() == ',') ++at_;
    }
    PLX_CHECK(data, has_descr && has_order && has_shape, where_,
              ": damaged npy header: descr, fortran_order or shape missing");
    return h;
  }

 private:
  char peek() {
    while (at_ < s_.size() && (s_[at_] == ' ' || s_[at_] == '\n' || s_[at_] == '\t')) ++at_;
    PLX_CHECK(data, at_ < s_.size(), where_, ": damaged npy header: it ends early");
    return s_[at_];
  }
  void expect(char c) {
    PLX_CHECK(data, peek() == c, where_, ": damaged npy header: '", c, "' expected at character ", at_);
    ++at_;
  }
  std::string quoted() {
    const char q = peek();
    PLX_CHECK(data, q == '\'' || q == '"', where_, ": damaged npy header: a string expected at character ", at_);
    const size_t end = s_.find(q, at_ + 1);
    PLX_CHECK(data, end != std::string::npos, where_, ": damaged npy header: a string does not end");
    std::string t = s_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return t;
  }
  std::string word() {
    peek();
    const size_t start = at_;
    while (at_ < s_.size() && std::isalpha(static_cast<unsigned char>(s_[at_]))) ++at_;
    std::string w = s_.substr(start, at_ - start);
    PLX_CHECK(data, w == "True" || w == "False", where_, ": damaged npy header: True or False expected");
    return w;
  }
  std::vector<uint64_t> tuple() {
    std::vector<uint64_t> t;
    expect('(');
    while (peek() != ')') {
      uint64_t v = 0;
      const auto [end, error] = std::from_chars(s_.data() + at_, s_.data() + s_.size(), v);
      PLX_CHECK(data, error == std::errc(), where_, ": damaged npy header: a size expected at character ", at_);
      at_ = static_cast<size_t>(end - s_.data());
      if (at_ < s_.size() && s_[at_] == 'L') ++at_;  // written by Python 2
      t.push_back(v);
      PLX_CHECK(data, t.size() <= 32, where_, ": damaged npy header: more than 32 dimensions");
      if (peek() == ',') ++at_;
    }
    ++at_;
    return t;
  }

  std::string s_, where_;
  size_t at_ = 0;
};

std::string npy_header(const char* descr, const std::string& shape) {
  std::string dict = std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  while ((10 + dict.size() + 1) % 64) dict += ' ';
  dict += '\n';
  std::string h("\x93NUMPY\x01\x00", 8);
  h += static_cast<char>(dict.size() & 0xff);
  h += static_cast<char>(dict.size() >> 8);
  return h + dict;
}

template <class T>
void write_array(const std::string& path, const char* descr, const std::string& shape, std::span<const T> values) {
  static_assert(std::endian::native == std::endian::little);
  std::string content = npy_header(descr, shape);
  content.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  write_file(path, content);
}

std::string shape2(uint64_t rows, uint64_t cols, uint64_t values, const std::string& path) {
  PLX_CHECK(shape, wide_product(std::vector<uint64_t>{rows, cols}) == values, path, ": ", values,
            " values for a matrix of ", rows, " x ", cols);
  return "(" + std::to_string(rows) + ", " + std::to_string(cols) + ")";
}

}  // namespace

Variable parse_npy(Bytes bytes, std::shared_ptr<const void> owner, const std::string& name, const Budget& budget) {
  const std::string where = budget.file() + ": array " + printable(name);
  ByteReader r(bytes, where);
  const Bytes magic = r.take(6, "the npy magic");
  PLX_CHECK(data, std::memcmp(magic.data(), "\x93NUMPY", 6) == 0, where, " is no npy array");
  const int major = r.number<uint8_t>("npy version");
  r.number<uint8_t>("npy version");
  PLX_CHECK(data, major >= 1 && major <= 3, where, " has the unknown npy version ", major);
  const uint64_t length =
      major == 1 ? r.number<uint16_t>("npy header length") : r.number<uint32_t>("npy header length");
  PLX_CHECK(data, length <= (uint64_t{1} << 20), where, " has an npy header of ", length, " bytes");
  const Bytes text = r.take(length, "the npy header");
  const Header h = DictParser(std::string(reinterpret_cast<const char*>(text.data()), text.size()), where).parse();

  Variable v;
  v.name = name;
  v.owner = std::move(owner);
  v.shape = h.shape;
  v.column_major = h.fortran;
  PLX_CHECK(data, h.descr.find('O') == std::string::npos, where,
            " is an object array (a Python pickle), which can run code when opened and is refused");
  char order = '|', kind = 0;
  size_t k = 0;
  if (!h.descr.empty() && std::string_view("<>|=").find(h.descr[0]) != std::string_view::npos) order = h.descr[k++];
  if (k < h.descr.size()) kind = h.descr[k++];
  uint64_t width = 0;
  const char* last = h.descr.data() + h.descr.size();
  const bool sized = std::from_chars(h.descr.data() + k, last, width).ptr == last;
  if (kind == 'S' || kind == 'U' || kind == 'a') {
    v.kind = Variable::Kind::text;
    return v;
  }
  const auto pick = [&]() -> bool {
    if (kind == '?' && k == h.descr.size()) kind = 'b', width = 1;
    v.complex = kind == 'c';
    v.single = (kind == 'f' && width == 4) || (kind == 'c' && width == 8);
    if (kind == 'f' && width == 8)
      v.values.type = Element::f64;
    else if (kind == 'f' && width == 4)
      v.values.type = Element::f32;
    else if ((kind == 'b' || kind == 'u') && width == 1)
      v.values.type = Element::u8;
    else if (kind == 'u' && width == 2)
      v.values.type = Element::u16;
    else if (kind == 'u' && width == 4)
      v.values.type = Element::u32;
    else if (kind == 'u' && width == 8)
      v.values.type = Element::u64;
    else if (kind == 'i' && width == 1)
      v.values.type = Element::i8;
    else if (kind == 'i' && width == 2)
      v.values.type = Element::i16;
    else if (kind == 'i' && width == 4)
      v.values.type = Element::i32;
    else if (kind == 'i' && width == 8)
      v.values.type = Element::i64;
    else
      return kind == 'c' && (width == 8 || width == 16);
    return true;
  };
  PLX_CHECK(data, sized || kind == '?', where, " has the unreadable element type '", printable(h.descr), "'");
  PLX_CHECK(data, pick(), where, " has the element type '", printable(h.descr),
            "'; f4, f8, i1 to i8, u1 to u8 and b1 are read");
  v.kind = Variable::Kind::numeric;
  v.type = kind == 'b' ? "logical" : name_of(v.values.type);
  const uint64_t unit = v.complex ? width : size_of(v.values.type);
  const unsigned __int128 size = wide_product(v.shape, unit);
  PLX_CHECK(data, size <= r.left(), where, " declares ", shape_text(v.shape), " values (", size_text(size), "), ",
            size_text(r.left()), " are there: truncated or damaged");
  v.values.swap = order == '>';
  v.values.bytes = r.take(static_cast<uint64_t>(size), "values");
  return v;
}

Variable read_npy(const std::string& path, uint64_t max_bytes) {
  auto bytes = std::make_shared<std::vector<std::byte>>(read_file(path, max_bytes));
  const Budget budget(path, max_bytes);
  return parse_npy(Bytes(*bytes), bytes, stem_of(path), budget);
}

std::vector<int32_t> read_npy_labels(const std::string& path) {
  const Variable v = read_npy(path);
  PLX_CHECK(data, v.numeric() && !v.complex && (v.is_vector() || v.elements() <= 1), path,
            ": labels want one number per sample, found ", v.describe());
  Budget budget(path, uint64_t{16} << 30);
  std::vector<int32_t> labels;
  for (const double x : to_doubles(v, budget)) {
    PLX_CHECK(data, x == std::floor(x) && std::abs(x) <= std::numeric_limits<int32_t>::max(), path, ": label ",
              labels.size(), " is ", x, ", not a 32-bit integer");
    labels.push_back(static_cast<int32_t>(x));
  }
  return labels;
}

std::vector<double> read_npy_matrix(const std::string& path, uint64_t& rows, uint64_t& cols) {
  const Variable v = read_npy(path);
  PLX_CHECK(data, v.numeric() && !v.complex, path, ": numbers wanted, found ", v.describe());
  rows = v.rows();
  cols = v.cols();
  Budget budget(path, uint64_t{16} << 30);
  return to_doubles(v, budget);
}

void write_npy(const std::string& path, std::span<const int32_t> values) {
  write_array(path, "<i4", "(" + std::to_string(values.size()) + ",)", values);
}
void write_npy(const std::string& path, std::span<const float> values) {
  write_array(path, "<f4", "(" + std::to_string(values.size()) + ",)", values);
}
void write_npy(const std::string& path, std::span<const float> values, uint64_t rows, uint64_t cols) {
  write_array(path, "<f4", shape2(rows, cols, values.size(), path), values);
}
void write_npy(const std::string& path, std::span<const double> values, uint64_t rows, uint64_t cols) {
  write_array(path, "<f8", shape2(rows, cols, values.size(), path), values);
}

}  // namespace parallax

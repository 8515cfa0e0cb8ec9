// MAT 4: no file header; every matrix starts with five 32-bit words: type (MOPT: M byte order, P precision, T kind),
// rows, columns, complex flag, length of the name.
#include "mat.h"

namespace parallax {

namespace {

struct Header4 {
  uint32_t precision = 0, kind = 0;
  uint64_t rows = 0, cols = 0, name = 0;
  bool complex = false;
  uint64_t value_size() const {
    static const uint64_t sizes[] = {8, 4, 4, 2, 2, 1};
    return sizes[precision];
  }
  unsigned __int128 data_bytes() const {
    return static_cast<unsigned __int128>(rows) * cols * value_size() * (complex ? 2 : 1);
  }
};

// The header if the words make sense and what they announce fits into the file.
bool read_header(ByteReader& r, Header4& h) {
  if (r.left() < 20) return false;
  const uint32_t type = r.number<uint32_t>("type"), rows = r.number<uint32_t>("rows"),
                 cols = r.number<uint32_t>("columns"), imaginary = r.number<uint32_t>("complex flag"),
                 name = r.number<uint32_t>("name length");
  const uint32_t order = type / 1000, reserved = type / 100 % 10;
  h.precision = type / 10 % 10;
  h.kind = type % 10;
  h.rows = rows;
  h.cols = cols;
  h.complex = imaginary == 1;
  h.name = name;
  return order == (r.swap() ? 1u : 0u) && reserved == 0 && h.precision <= 5 && h.kind <= 2 && imaginary <= 1 &&
         name >= 2 && name <= 1024 && rows < (1u << 31) && cols < (1u << 31);
}

bool is_name(Bytes b) {
  if (b.empty() || b.back() != std::byte{0}) return false;
  for (size_t i = 0; i + 1 < b.size(); ++i) {
    const char c = static_cast<char>(b[i]);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!(letter || (i && (c == '_' || (c >= '0' && c <= '9'))))) return false;
  }
  return b.size() >= 2;
}

bool starts_with_matrix(Bytes file, bool swap) {
  ByteReader r(file, "", swap);
  Header4 h;
  return read_header(r, h) && h.name <= r.left() && is_name(r.take(h.name, "name"));
}

}  // namespace

bool looks_like_mat4(Bytes file) { return starts_with_matrix(file, false) || starts_with_matrix(file, true); }

MatFile read_mat4(Bytes file, const std::shared_ptr<const void>& owner, Budget& budget) {
  const bool swap = !starts_with_matrix(file, false);
  MatFile result;
  uint64_t at = 0;
  while (file.size() - at >= 20) {
    ByteReader r(file.subspan(at), budget.file(), swap);
    Header4 h;
    if (!read_header(r, h)) break;
    if (at > 0 && (h.name > r.left() || !is_name(file.subspan(at + 20, h.name)))) break;
    const Bytes name = r.take(h.name, "a variable name");
    Variable v;
    v.name.assign(reinterpret_cast<const char*>(name.data()), name.size() - 1);
    v.owner = owner;
    v.column_major = true;
    v.complex = h.complex;
    v.shape = {h.rows, h.cols};
    static const char* types[] = {"double", "single", "int32", "int16", "uint16", "uint8"};
    static const Element elements[] = {Element::f64, Element::f32, Element::i32,
                                       Element::i16, Element::u16, Element::u8};
    v.type = types[h.precision];
    v.single = h.precision == 1;
    const unsigned __int128 size = h.data_bytes();
    PLX_CHECK(data, size <= r.left(), budget.file(), ": file truncated: variable ", v.describe(), " needs ",
              size_text(size), ", ", r.left(), " bytes are left");
    const Bytes values = r.take(static_cast<uint64_t>(size), "values");
    const Element type = elements[h.precision];
    v.values = Raw{type, swap, values.first(h.complex ? values.size() / 2 : values.size())};
    v.kind = h.kind == 1 ? Variable::Kind::text : Variable::Kind::numeric;
    at += r.position();
    if (h.kind == 2) {
      // rows of (row, column, value), 1-based, the last one holds the size of the matrix: expanded here, being rare
      PLX_CHECK(data, h.rows >= 1 && (h.cols == 3 || h.cols == 4), budget.file(), ": damaged: sparse variable ",
                v.describe());
      v.complex = h.cols == 4;
      const uint64_t lines = h.rows;
      const std::vector<double> t = to_doubles(v, budget);  // [lines, 3]
      const auto size_at = [&](uint64_t c) {
        const double x = t[(lines - 1) * h.cols + c];
        PLX_CHECK(data, x >= 0 && x < 2147483648.0 && x == static_cast<double>(static_cast<uint64_t>(x)), budget.file(),
                  ": damaged: sparse variable ", printable(v.name), " has a size of ", x);
        return static_cast<uint64_t>(x);
      };
      v.shape = {size_at(0), size_at(1)};
      const unsigned __int128 dense = wide_product(v.shape, 8);
      budget.take_expansion(dense, values.size(), "sparse variable " + v.describe());
      auto full = std::make_shared<std::vector<double>>(static_cast<size_t>(dense / 8));
      for (uint64_t i = 0; i + 1 < lines; ++i) {
        const double row = t[i * h.cols], col = t[i * h.cols + 1];
        PLX_CHECK(
            data,
            row >= 1 && row <= static_cast<double>(v.shape[0]) && col >= 1 && col <= static_cast<double>(v.shape[1]),
            budget.file(), ": damaged: sparse variable ", v.describe(), " has an entry at ", row, ", ", col);
        (*full)[(static_cast<uint64_t>(col) - 1) * v.shape[0] + static_cast<uint64_t>(row) - 1] += t[i * h.cols + 2];
      }
      v.values = Raw{Element::f64, false, std::as_bytes(std::span<const double>(*full))};
      v.owner = full;
    }
    result.variables.push_back(std::move(v));
  }
  result.trailing_bytes = file.size() - at;
  result.trailing_offset = at;
  return result;
}

}  // namespace parallax

#include "variable.h"

#include <algorithm>
#include <cstdio>

namespace parallax {

std::string size_text(unsigned __int128 bytes) {
  const double b = static_cast<double>(bytes);
  char text[48];
  if (b < 10000)
    std::snprintf(text, sizeof text, "%.0f bytes", b);
  else if (b < 1e6)
    std::snprintf(text, sizeof text, "%.1f kB", b / 1e3);
  else if (b < 1e9)
    std::snprintf(text, sizeof text, "%.1f MB", b / 1e6);
  else
    std::snprintf(text, sizeof text, "%.4g GB", b / 1e9);
  return text;
}

std::string shape_text(std::span<const uint64_t> shape) {
  if (shape.empty()) return "scalar";
  std::string t;
  for (const uint64_t s : shape) t += (t.empty() ? "" : " x ") + std::to_string(s);
  return t;
}

std::string printable(const std::string& text, size_t limit) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (out.size() >= limit) return out + "...";
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != 0x7f) {
      out += text[i];
    } else {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", c);
      out += hex;
    }
  }
  return out;
}

size_t size_of(Element e) {
  switch (e) {
    case Element::i8:
    case Element::u8: return 1;
    case Element::i16:
    case Element::u16: return 2;
    case Element::f32:
    case Element::i32:
    case Element::u32: return 4;
    default: return 8;
  }
}

const char* name_of(Element e) {
  static const char* names[] = {"double", "single", "int8",   "uint8", "int16",
                                "uint16", "int32",  "uint32", "int64", "uint64"};
  return names[static_cast<size_t>(e)];
}

uint64_t Variable::cols() const {
  uint64_t c = 1;
  for (size_t i = 1; i < shape.size(); ++i) c *= shape[i];
  return c;
}
uint64_t Variable::elements() const { return rows() * cols(); }

bool Variable::is_vector() const {
  if (kind != Kind::numeric || shape.empty()) return false;
  return std::count_if(shape.begin(), shape.end(), [](uint64_t s) { return s != 1; }) == 1 && elements() > 1;
}
bool Variable::is_matrix() const {
  return kind == Kind::numeric && std::count_if(shape.begin(), shape.end(), [](uint64_t s) { return s > 1; }) >= 2 &&
         elements() > 0;
}

std::string Variable::describe() const {
  std::string what = (sparse ? "sparse " : "") + std::string(complex ? "complex " : "");
  switch (kind) {
    case Kind::numeric: what += type; break;
    case Kind::cell: what += "cell"; break;
    case Kind::structure: what += "struct"; break;
    case Kind::text: what += "text"; break;
    case Kind::other: what += type; break;
  }
  return printable(name) + " (" + (shape.empty() ? "" : shape_text(shape) + " ") + what + ")";
}

namespace {

// Calls f(read) with read(i) = element i as double; one switch for a whole array, not one per element.
template <class T, bool swap> struct Reader {
  const std::byte* p;
  T operator()(uint64_t i) const {
    T v;
    if constexpr (swap) {
      std::byte b[sizeof(T)];
      for (size_t k = 0; k < sizeof(T); ++k) b[k] = p[i * sizeof(T) + sizeof(T) - 1 - k];
      std::memcpy(&v, b, sizeof(T));
    } else {
      std::memcpy(&v, p + i * sizeof(T), sizeof(T));
    }
    return v;
  }
};
template <class T, class F> void with_order(const Raw& r, F& f) {
  if (r.swap)
    f(Reader<T, true>{r.bytes.data()});
  else
    f(Reader<T, false>{r.bytes.data()});
}
template <class F> void with_reader(const Raw& r, F f) {
  switch (r.type) {
    case Element::f64: return with_order<double>(r, f);
    case Element::f32: return with_order<float>(r, f);
    case Element::i8: return with_order<int8_t>(r, f);
    case Element::u8: return with_order<uint8_t>(r, f);
    case Element::i16: return with_order<int16_t>(r, f);
    case Element::u16: return with_order<uint16_t>(r, f);
    case Element::i32: return with_order<int32_t>(r, f);
    case Element::u32: return with_order<uint32_t>(r, f);
    case Element::i64: return with_order<int64_t>(r, f);
    case Element::u64: return with_order<uint64_t>(r, f);
  }
}

uint64_t index_at(const Raw& r, uint64_t i) {
  uint64_t v = 0;
  with_reader(r, [&](auto read) {
    const auto x = read(i);
    v = x < 0 ? ~uint64_t{0} : static_cast<uint64_t>(x);
  });
  return v;
}

template <class T>
void expand_sparse(const Variable& v, bool transposed, std::vector<T>& out, const std::string& file) {
  const uint64_t rows = v.shape[0], cols = v.shape[1];
  const std::string where = file + ": sparse variable " + v.describe();
  PLX_CHECK(data, v.jc.count() >= cols + 1, where, " has ", v.jc.count(), " column starts, wants ", cols + 1);
  PLX_CHECK(data, index_at(v.jc, 0) == 0, where, ": the first column does not start at 0");
  const uint64_t nnz = index_at(v.jc, cols);
  PLX_CHECK(data, nnz <= v.ir.count() && nnz <= v.values.count(), where, " claims ", nnz, " nonzeros, holds ",
            v.ir.count(), " rows and ", v.values.count(), " values");
  with_reader(v.values, [&](auto value) {
    uint64_t from = 0;
    for (uint64_t c = 0; c < cols; ++c) {
      const uint64_t to = index_at(v.jc, c + 1);
      PLX_CHECK(data, to >= from && to <= nnz, where, ": column starts are not ascending at column ", c);
      for (uint64_t k = from; k < to; ++k) {
        const uint64_t r = index_at(v.ir, k);
        PLX_CHECK(data, r < rows, where, ": row index ", r, " in column ", c, " is outside ", rows, " rows");
        out[transposed ? c * rows + r : r * cols + c] += static_cast<T>(value(k));
      }
      from = to;
    }
  });
}

// out[row, col], row = index along the sample dimension, col = the other dimensions with the last one fastest
template <class T> std::vector<T> gather(const Variable& v, bool transposed, Budget& budget) {
  std::vector<uint64_t> shape = v.shape;
  while (shape.size() < 2) shape.push_back(1);
  const size_t d = shape.size(), sample = transposed ? d - 1 : 0;
  const unsigned __int128 wide = wide_product(shape, sizeof(T));
  const uint64_t stored = v.ir.bytes.size() + v.jc.bytes.size() + v.values.bytes.size();
  if (v.sparse)
    budget.take_expansion(wide, stored, "sparse variable " + v.describe());
  else
    budget.take(wide, "variable " + v.describe());
  const uint64_t total = static_cast<uint64_t>(wide) / sizeof(T);
  if (v.sparse) {
    std::vector<T> out(total);
    expand_sparse(v, transposed, out, budget.file());
    return out;
  }
  PLX_CHECK(data, v.values.count() >= total, budget.file(), ": variable ", v.describe(), " holds ", v.values.count(),
            " values, its size wants ", total);
  std::vector<uint64_t> stride(d);
  uint64_t s = 1;
  for (size_t k = 0; k < d; ++k) {
    const size_t dim = v.column_major ? k : d - 1 - k;
    stride[dim] = s;
    s *= shape[dim];
  }
  if (total == 0) return {};
  const uint64_t rows = shape[sample], cols = total / rows, row_stride = stride[sample];
  std::vector<uint64_t> offset(1, 0);  // of column c, built up dimension by dimension
  for (size_t dim = 0; dim < d; ++dim) {
    if (dim == sample) continue;
    std::vector<uint64_t> next;
    next.reserve(offset.size() * shape[dim]);
    for (const uint64_t o : offset)
      for (uint64_t i = 0; i < shape[dim]; ++i) next.push_back(o + i * stride[dim]);
    offset.swap(next);
  }
  std::vector<T> out(total);
  with_reader(v.values, [&](auto read) {
    constexpr uint64_t block = 32;  // rows at a time, so that column-major sources are read along their lines
    for (uint64_t r0 = 0; r0 < rows; r0 += block) {
      const uint64_t r1 = std::min(rows, r0 + block);
      if (row_stride == 1) {
        for (uint64_t c = 0; c < cols; ++c)
          for (uint64_t r = r0; r < r1; ++r) out[r * cols + c] = static_cast<T>(read(r + offset[c]));
      } else {
        for (uint64_t r = r0; r < r1; ++r)
          for (uint64_t c = 0; c < cols; ++c) out[r * cols + c] = static_cast<T>(read(r * row_stride + offset[c]));
      }
    }
  });
  return out;
}

}  // namespace

std::vector<double> to_doubles(const Variable& v, Budget& budget) { return gather<double>(v, false, budget); }

View to_view(const Variable& v, bool transposed, Budget& budget) {
  View view;
  view.name = v.name;
  view.stored_type = v.type;
  view.transposed = transposed;
  if (v.single)
    view.values = gather<float>(v, transposed, budget);
  else
    view.values = gather<double>(v, transposed, budget);
  const uint64_t rows = transposed && v.shape.size() >= 2 ? v.shape.back() : v.rows();
  view.rows = static_cast<int64_t>(rows);
  view.cols = rows ? static_cast<int64_t>(v.elements() / rows) : 0;
  return view;
}

Variable join_rows(const std::string& name, const std::vector<const Variable*>& parts, Budget& budget) {
  Variable joined;
  joined.name = name;
  joined.kind = Variable::Kind::numeric;
  joined.type = parts[0]->type;
  joined.single = true;
  uint64_t rows = 0, cols = 0;
  bool same_cols = true, same_rows = true;
  for (const Variable* p : parts) {
    PLX_CHECK(data, !p->complex, budget.file(), ": variable ", p->describe(), " is complex; views must be real");
    same_cols &= p->cols() == parts[0]->cols();
    same_rows &= p->rows() == parts[0]->rows();
    joined.single &= p->single;
    rows += p->rows();
    cols += p->cols();
  }
  const bool along_columns = !same_cols && same_rows && parts[0]->shape.size() <= 2;
  if (!same_cols && !along_columns) {
    std::string list;
    for (const Variable* p : parts) list += (list.empty() ? "" : ", ") + p->describe();
    PLX_FAIL(data, budget.file(), ": train and test parts do not fit together: ", list);
  }
  auto values = std::make_shared<std::vector<std::byte>>();
  for (const Variable* p : parts) {
    const auto append = [&](const auto& numbers) {
      const auto bytes = std::as_bytes(std::span(numbers));
      values->insert(values->end(), bytes.begin(), bytes.end());
    };
    if (joined.single)
      append(gather<float>(*p, along_columns, budget));
    else
      append(gather<double>(*p, along_columns, budget));
  }
  // parts lie sample after sample: along columns that is the transpose of the variable
  joined.column_major = along_columns;
  joined.shape =
      along_columns ? std::vector<uint64_t>{parts[0]->rows(), cols} : std::vector<uint64_t>{rows, parts[0]->cols()};
  joined.values = Raw{joined.single ? Element::f32 : Element::f64, false, Bytes(*values)};
  joined.owner = values;
  return joined;
}

}  // namespace parallax

// MAT 5 ("v7" = every top-level variable deflated): a file is a list of tagged elements, a variable one element that
// holds others (flags, dimensions, name, values). The format: "MAT-File Format", The MathWorks.
#include "mat.h"

#include <zlib.h>

#include <algorithm>

namespace parallax {

namespace {

enum Tag : uint32_t { miINT8 = 1, miINT32 = 5, miUINT32 = 6, miMATRIX = 14, miCOMPRESSED = 15 };
enum Class : uint32_t { mxCELL = 1, mxSTRUCT = 2, mxOBJECT = 3, mxCHAR = 4, mxSPARSE = 5, mxFIRST = 6, mxLAST = 15 };
constexpr const char* class_names[] = {
    "unknown", "cell",  "struct", "object", "char",   "sparse", "double", "single",          "int8",
    "uint8",   "int16", "uint16", "int32",  "uint32", "int64",  "uint64", "function handle", "opaque object"};
constexpr int max_depth = 16;
constexpr uint64_t max_name = 1024;

struct Element5 {
  uint32_t type = 0;
  Bytes data;
};

// One tagged element inside a matrix: 8-byte tag, or 4 bytes of tag and up to 4 of data; padded to 8 bytes.
Element5 next_element(ByteReader& r, const char* what) {
  Element5 e;
  const uint32_t word = r.number<uint32_t>(what);
  if (word >> 16) {
    e.type = word & 0xffff;
    const uint32_t n = word >> 16;
    PLX_CHECK(data, n <= 4, r.where(), ": damaged: packed element of ", n, " bytes for ", what);
    e.data = r.take(4, what).first(n);
    return e;
  }
  e.type = word;
  const uint32_t n = r.number<uint32_t>(what);
  e.data = r.take(n, what);
  r.skip_up_to((8 - n % 8) % 8);
  return e;
}

Raw numbers(const Element5& e, const ByteReader& r, const char* what) {
  Raw raw;
  raw.swap = r.swap();
  raw.bytes = e.data;
  switch (e.type) {
    case 1: raw.type = Element::i8; break;
    case 2: raw.type = Element::u8; break;
    case 3: raw.type = Element::i16; break;
    case 4: raw.type = Element::u16; break;
    case 5: raw.type = Element::i32; break;
    case 6: raw.type = Element::u32; break;
    case 7: raw.type = Element::f32; break;
    case 9: raw.type = Element::f64; break;
    case 12: raw.type = Element::i64; break;
    case 13: raw.type = Element::u64; break;
    default: PLX_CHECK(data, e.data.empty(), r.where(), ": damaged: ", what, " has the unknown element type ", e.type);
  }
  return raw;
}

struct Walker {
  Budget& budget;
  uint64_t arrays = 0;  // a file of nothing but empty cells is stopped before it fills the memory

  Variable matrix(ByteReader r, const std::shared_ptr<const void>& owner, int depth, std::string name_if_empty);
  void numeric(Variable& v, ByteReader& r, uint32_t cls);
  void sparse(Variable& v, ByteReader& r);
  void cell(Variable& v, ByteReader& r, int depth);
  void structure(Variable& v, ByteReader& r, int depth);
  ByteReader member(ByteReader& r, const std::string& where);
};

ByteReader Walker::member(ByteReader& r, const std::string& where) {
  const Element5 e = next_element(r, "a cell or struct member");
  PLX_CHECK(data, e.type == miMATRIX, r.where(), ": damaged: member ", where, " is no array (element type ", e.type,
            ")");
  return ByteReader(e.data, r.where(), r.swap());
}

void Walker::numeric(Variable& v, ByteReader& r, uint32_t cls) {
  v.kind = Variable::Kind::numeric;
  v.single = cls == 7;
  v.values = numbers(next_element(r, "values"), r, "values");
  const unsigned __int128 wanted = wide_product(v.shape);
  PLX_CHECK(data, v.values.count() >= wanted, r.where(), ": damaged: variable ", v.describe(), " holds ",
            v.values.count(), " values");
}

void Walker::sparse(Variable& v, ByteReader& r) {
  v.kind = Variable::Kind::numeric;
  v.sparse = true;
  PLX_CHECK(data, v.shape.size() == 2, r.where(), ": damaged: sparse variable ", printable(v.name), " has ",
            v.shape.size(), " dimensions");
  v.ir = numbers(next_element(r, "sparse row indices"), r, "sparse row indices");
  v.jc = numbers(next_element(r, "sparse column starts"), r, "sparse column starts");
  v.values = numbers(next_element(r, "sparse values"), r, "sparse values");
}

void Walker::cell(Variable& v, ByteReader& r, int depth) {
  v.kind = Variable::Kind::cell;
  const unsigned __int128 count = wide_product(v.shape);
  PLX_CHECK(data, count <= r.left() / 8, r.where(), ": damaged: cell ", v.describe(), " cannot fit into ", r.left(),
            " bytes");
  v.members.reserve(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) {
    const std::string name = v.name + "{" + std::to_string(i + 1) + "}";
    v.members.push_back(matrix(member(r, printable(name)), v.owner, depth + 1, name));
  }
}

void Walker::structure(Variable& v, ByteReader& r, int depth) {
  v.kind = Variable::Kind::structure;
  const Raw length = numbers(next_element(r, "field name length"), r, "field name length");
  PLX_CHECK(data, length.type == Element::i32 && length.count() == 1, r.where(),
            ": damaged: field name length of struct ", printable(v.name));
  const int32_t n = ByteReader(length.bytes, r.where(), r.swap()).number<int32_t>("field name length");
  const Bytes names = next_element(r, "field names").data;
  PLX_CHECK(data, n > 0 && n <= static_cast<int32_t>(max_name), r.where(), ": damaged: field names of ", n, " bytes");
  const uint64_t fields = names.size() / static_cast<uint64_t>(n);
  if (wide_product(v.shape) != 1) return;  // struct arrays are extras
  for (uint64_t f = 0; f < fields; ++f) {
    const char* p = reinterpret_cast<const char*>(names.data()) + f * static_cast<uint64_t>(n);
    const std::string name(p, strnlen(p, static_cast<size_t>(n)));
    v.members.push_back(matrix(member(r, printable(name)), v.owner, depth + 1, name));
  }
}

Variable Walker::matrix(ByteReader r, const std::shared_ptr<const void>& owner, int depth, std::string name_if_empty) {
  Variable v;
  v.owner = owner;
  v.name = std::move(name_if_empty);
  v.column_major = true;
  PLX_CHECK(data, depth <= max_depth, r.where(), ": variable ", printable(v.name), " is nested deeper than ",
            max_depth);
  PLX_CHECK(data, ++arrays <= 1000000, r.where(), ": more than a million arrays");
  if (r.left() == 0) {  // an empty array may be written as nothing
    v.kind = Variable::Kind::numeric;
    v.type = "double";
    v.shape = {0, 0};
    return v;
  }
  const Element5 flags = next_element(r, "array flags");
  PLX_CHECK(data, flags.type == miUINT32 && flags.data.size() == 8, r.where(),
            ": damaged: a variable does not start with array flags");
  const uint32_t word = ByteReader(flags.data, r.where(), r.swap()).number<uint32_t>("array flags");
  const uint32_t cls = word & 0xff;
  v.complex = word & 0x0800;
  v.type = cls < std::size(class_names) ? class_names[cls] : "unknown class";
  if (cls == 17) return v;  // opaque objects have another inner form

  const Element5 dims = next_element(r, "dimensions");
  const uint64_t rank = dims.data.size() / 4;
  PLX_CHECK(data, dims.type == miINT32 && rank >= 2 && rank <= 32, r.where(),
            ": damaged: dimensions of a variable (type ", dims.type, ", ", dims.data.size(), " bytes)");
  ByteReader d(dims.data, r.where(), r.swap());
  for (uint64_t i = 0; i < rank; ++i) {
    const int32_t size = d.number<int32_t>("dimensions");
    PLX_CHECK(data, size >= 0, r.where(), ": damaged: a dimension of ", size);
    v.shape.push_back(static_cast<uint64_t>(size));
  }
  const Bytes name = next_element(r, "variable name").data;
  PLX_CHECK(data, name.size() <= max_name, r.where(), ": damaged: a variable name of ", name.size(), " bytes");
  if (!name.empty())
    v.name.assign(reinterpret_cast<const char*>(name.data()),
                  strnlen(reinterpret_cast<const char*>(name.data()), name.size()));

  if (word & 0x0200) v.type = "logical";
  if (cls == mxCELL) {
    cell(v, r, depth);
  } else if (cls == mxSTRUCT) {
    structure(v, r, depth);
  } else if (cls == mxCHAR) {
    v.kind = Variable::Kind::text;
  } else if (cls == mxSPARSE) {
    v.type = word & 0x0200 ? "logical" : "double";
    sparse(v, r);
  } else if (cls >= mxFIRST && cls <= mxLAST) {
    numeric(v, r, cls);
  }
  return v;
}

// One zlib stream holds one element. The buffer grows with what really comes out, so a lie about the size costs
// nothing.
std::shared_ptr<std::vector<std::byte>> inflate_element(Bytes packed, bool swap, Budget& budget, uint64_t offset) {
  const std::string where = str(budget.file(), ": the compressed variable at offset ", offset);
  z_stream z{};
  PLX_CHECK(memory, inflateInit(&z) == Z_OK, where, ": no memory for zlib");
  struct End {
    z_stream* z;
    ~End() { inflateEnd(z); }
  } end{&z};
  auto out = std::make_shared<std::vector<std::byte>>(8);
  uint64_t have = 0, want = 8;
  int state = Z_OK;
  Bytes in = packed;
  const auto run = [&](std::byte* to, uint64_t room) -> uint64_t {
    if (z.avail_in == 0 && !in.empty()) {
      const size_t n = std::min<size_t>(in.size(), size_t{1} << 30);
      z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
      z.avail_in = static_cast<uInt>(n);
      in = in.subspan(n);
    }
    z.next_out = reinterpret_cast<Bytef*>(to);
    z.avail_out = static_cast<uInt>(std::min<uint64_t>(room, uint64_t{1} << 30));
    const uInt before = z.avail_out;
    state = inflate(&z, Z_NO_FLUSH);
    PLX_CHECK(data, state == Z_OK || state == Z_STREAM_END || state == Z_BUF_ERROR, where,
              " is damaged (zlib: ", z.msg ? z.msg : "needs a dictionary", ")");
    return before - z.avail_out;
  };
  while (have < want) {
    if (have == out->size()) out->resize(std::min(want, std::max<uint64_t>(have * 2, 65536)));
    const uint64_t n = run(out->data() + have, out->size() - have);
    have += n;
    if (n == 0 || state == Z_STREAM_END) {
      PLX_CHECK(data, have >= want || (state != Z_STREAM_END && !(z.avail_in == 0 && in.empty())), where,
                " ends early: file truncated (", have, " of ", want, " bytes)");
    }
    if (want == 8 && have == 8) {
      ByteReader tag(Bytes(*out), where, swap);
      const uint32_t type = tag.number<uint32_t>("tag");
      const uint64_t size = tag.number<uint32_t>("tag");
      PLX_CHECK(data, type == miMATRIX, where, " holds no array (element type ", type, ")");
      budget.check_ratio(size, packed.size(), zlib_ratio, str("the compressed variable at offset ", offset));
      budget.take(size, str("the compressed variable at offset ", offset));
      want += size;
    }
    if (state == Z_STREAM_END) break;
  }
  // let zlib reach the end of the stream, where the checksum is
  for (int i = 0; i < 4 && state != Z_STREAM_END; ++i) {
    std::byte more[64];
    if (run(more, sizeof more) == 0 && state == Z_BUF_ERROR) break;
  }
  PLX_CHECK(data, state == Z_STREAM_END, where,
            z.avail_in == 0 && in.empty() ? " ends early: file truncated" : " holds more than it declares: damaged");
  return out;
}

}  // namespace

bool looks_like_mat5(Bytes file) {
  if (file.size() < 128) return false;
  const auto at = [&](size_t i) { return static_cast<unsigned char>(file[i]); };
  return (at(126) == 'I' && at(127) == 'M' && at(124) == 0 && at(125) == 1) ||
         (at(126) == 'M' && at(127) == 'I' && at(124) == 1 && at(125) == 0);
}

MatFile read_mat5(Bytes file, const std::shared_ptr<const void>& owner, Budget& budget) {
  PLX_CHECK(data, looks_like_mat5(file), budget.file(), ": is no MAT 5 file");
  const bool little = static_cast<unsigned char>(file[126]) == 'I';
  ByteReader r(file, budget.file(), !little);
  r.take(128, "header");
  MatFile result;
  Walker walk{budget};
  while (r.left() >= 8) {
    const uint64_t start = r.position();
    ByteReader look(file.subspan(start), budget.file(), r.swap());
    const uint32_t type = look.number<uint32_t>("tag");
    const uint64_t size = look.number<uint32_t>("tag");
    if (type != miMATRIX && type != miCOMPRESSED) break;
    r.take(8, "tag");
    const Bytes element = r.take(size, "a variable");
    Variable v;
    if (type == miCOMPRESSED) {
      const auto inflated = inflate_element(element, r.swap(), budget, start);
      v = walk.matrix(ByteReader(Bytes(*inflated).subspan(8), budget.file(), r.swap()), inflated, 0, "");
    } else {
      r.skip_up_to((8 - size % 8) % 8);
      v = walk.matrix(ByteReader(element, budget.file(), r.swap()), owner, 0, "");
    }
    if (!v.name.empty()) result.variables.push_back(std::move(v));  // nameless: MATLAB's own bookkeeping
  }
  result.trailing_bytes = r.left();
  result.trailing_offset = r.position();
  return result;
}

}  // namespace parallax

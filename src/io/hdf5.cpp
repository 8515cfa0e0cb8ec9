// The bounded parser of the flat form, and typed access to its values.
#include "hdf5.h"

#include <cmath>

#include "hdf5_reply.h"

namespace parallax {

namespace {

constexpr size_t widths[] = {0, 8, 4, 1, 1, 2, 2, 4, 4, 8, 8, 0, 0};

std::string read_text(ByteReader& r, const char* what, uint64_t limit) {
  const uint32_t n = r.number<uint32_t>(what);
  PLX_CHECK(data, n <= limit, r.where(), ": ", what, " of ", n, " bytes in the reply of the HDF5 helper");
  const Bytes b = r.take(n, what);
  return std::string(reinterpret_cast<const char*>(b.data()), b.size());
}

void read_shape(ByteReader& r, H5Value& v) {
  const uint8_t rank = r.number<uint8_t>("rank");
  PLX_CHECK(data, rank <= h5_max_rank, r.where(), ": rank ", int{rank}, " in the reply of the HDF5 helper");
  for (int i = 0; i < rank; ++i) v.shape.push_back(r.number<uint64_t>("size"));
}

H5Type read_type(ByteReader& r, H5Value& v, bool group_allowed) {
  const uint8_t kind = r.number<uint8_t>("kind");
  v.has_storage = !(kind & h5_no_storage);
  const int k = kind & 0x7f;
  PLX_CHECK(data, (k >= 2 && k <= 13) || (k == 0 && group_allowed), r.where(), ": kind ", k,
            " in the reply of the HDF5 helper");
  return k == 0 ? H5Type::none : static_cast<H5Type>(k - 1);
}

void read_payload(ByteReader& r, H5Value& v, const std::string& path) {
  const uint64_t n = r.number<uint64_t>("payload length");
  v.bytes = r.take(n, "payload");
  if (v.type == H5Type::none || !v.has_storage) {
    PLX_CHECK(data, n == 0, r.where(), ": ", path, " should hold no values in the reply of the HDF5 helper");
    return;
  }
  const unsigned __int128 count = wide_product(v.shape);
  if (v.is_number()) {
    PLX_CHECK(data, count * widths[static_cast<size_t>(v.type)] == n, r.where(), ": ", path, ": ", n, " bytes for ",
              shape_text(v.shape), " values in the reply of the HDF5 helper");
    return;
  }
  PLX_CHECK(data, count <= n / 4, r.where(), ": ", path, ": ", n, " bytes of text for ", shape_text(v.shape),
            " values");
  ByteReader inside(v.bytes, r.where());
  for (uint64_t i = 0; i < count; ++i) read_text(inside, "text", uint64_t{1} << 30);
  PLX_CHECK(data, inside.left() == 0, r.where(), ": ", path, ": text is left over in the reply of the HDF5 helper");
}

}  // namespace

const char* name_of(H5Type t) {
  static const char* names[] = {"group", "float64", "float32", "int8",   "uint8",  "int16",    "uint16",
                                "int32", "uint32",  "int64",   "uint64", "string", "reference"};
  return names[static_cast<size_t>(t)];
}

uint64_t H5Value::count() const {
  uint64_t n = 1;
  for (const uint64_t s : shape) n *= s;
  return n;
}

template <class Out> static std::vector<Out> converted(const H5Value& v, const std::string& where) {
  PLX_CHECK(data, v.is_number(), where.empty() ? "HDF5 value" : where, ": numbers wanted, found ", name_of(v.type));
  PLX_CHECK(data, v.has_storage, where.empty() ? "HDF5 value" : where,
            " is declared, but the file holds no values of it");
  const size_t n = v.bytes.size() / widths[static_cast<size_t>(v.type)];
  std::vector<Out> out(n);
  const auto fill = [&](auto sample) {
    using T = decltype(sample);
    for (size_t i = 0; i < n; ++i) {
      T x;
      std::memcpy(&x, v.bytes.data() + i * sizeof(T), sizeof(T));
      if constexpr (std::is_integral_v<Out> && std::is_floating_point_v<T>) {
        PLX_CHECK(data, x == std::floor(x) && std::abs(x) < T(9.0e18), where, ": value ", i, " is ", x,
                  ", not an integer");
      }
      out[i] = static_cast<Out>(x);  // NOLINT(bugprone-signed-char-misuse): int8 is a number here
    }
  };
  switch (v.type) {
    case H5Type::f64: fill(double{}); break;
    case H5Type::f32: fill(float{}); break;
    case H5Type::i8: fill(int8_t{}); break;
    case H5Type::u8: fill(uint8_t{}); break;
    case H5Type::i16: fill(int16_t{}); break;
    case H5Type::u16: fill(uint16_t{}); break;
    case H5Type::i32: fill(int32_t{}); break;
    case H5Type::u32: fill(uint32_t{}); break;
    case H5Type::i64: fill(int64_t{}); break;
    default: fill(uint64_t{}); break;
  }
  return out;
}

std::vector<double> H5Value::as_f64(const std::string& where) const { return converted<double>(*this, where); }
std::vector<float> H5Value::as_f32(const std::string& where) const { return converted<float>(*this, where); }
std::vector<int64_t> H5Value::as_i64(const std::string& where) const { return converted<int64_t>(*this, where); }

std::vector<std::string> H5Value::strings(const std::string& where) const {
  PLX_CHECK(data, type == H5Type::string || type == H5Type::reference, where.empty() ? "HDF5 value" : where,
            ": text wanted, found ", name_of(type));
  PLX_CHECK(data, has_storage, where.empty() ? "HDF5 value" : where,
            " is declared, but the file holds no values of it");
  std::vector<std::string> list;
  ByteReader r(bytes, where);
  while (r.left() > 0) list.push_back(read_text(r, "text", uint64_t{1} << 30));
  return list;
}

static const H5Value& attribute(const H5Node& n, const std::string& name) {
  const auto it = n.attrs.find(name);
  PLX_CHECK(data, it != n.attrs.end(), n.path, " has no attribute ", name);
  return it->second;
}
std::string H5Node::text(const std::string& attr) const {
  const std::vector<std::string> list = attribute(*this, attr).strings("attribute " + attr + " of " + path);
  PLX_CHECK(data, list.size() == 1, "attribute ", attr, " of ", path, " holds ", list.size(), " texts, one is wanted");
  return list[0];
}
std::string H5Node::text(const std::string& attr, const std::string& fallback) const {
  const auto it = attrs.find(attr);
  if (it == attrs.end() || it->second.type != H5Type::string) return fallback;
  const std::vector<std::string> list = it->second.strings();
  return list.size() == 1 ? list[0] : fallback;
}
int64_t H5Node::integer(const std::string& attr) const {
  const std::vector<int64_t> list = attribute(*this, attr).as_i64("attribute " + attr + " of " + path);
  PLX_CHECK(data, list.size() == 1, "attribute ", attr, " of ", path, " holds ", list.size(),
            " numbers, one is wanted");
  return list[0];
}
double H5Node::real(const std::string& attr) const {
  const std::vector<double> list = attribute(*this, attr).as_f64("attribute " + attr + " of " + path);
  PLX_CHECK(data, list.size() == 1, "attribute ", attr, " of ", path, " holds ", list.size(),
            " numbers, one is wanted");
  return list[0];
}

const H5Node* H5Tree::find(const std::string& path) const {
  const auto it = index.find(path);
  return it == index.end() ? nullptr : &nodes[it->second];
}
const H5Node& H5Tree::at(const std::string& path) const {
  const H5Node* n = find(path);
  PLX_CHECK(data, n, file, ": no ", path, " in the file");
  return *n;
}
std::vector<const H5Node*> H5Tree::children(const std::string& group) const {
  std::vector<const H5Node*> list;
  const auto it = kids.find(group.empty() ? "/" : group);
  if (it != kids.end())
    for (const size_t k : it->second) list.push_back(&nodes[k]);
  return list;
}

H5Tree parse_hdf5_reply(Bytes reply, std::shared_ptr<const void> owner, const std::string& file) {
  ByteReader r(reply, file);
  const Bytes magic = r.take(8, "the reply of the HDF5 helper");
  if (std::memcmp(magic.data(), h5_error_magic, 8) == 0) {
    const uint64_t n = r.number<uint64_t>("message length");
    PLX_CHECK(data, n <= h5_max_error_text, file, ": a message of ", n, " bytes from the HDF5 helper");
    const Bytes b = r.take(n, "message");
    PLX_FAIL(data, printable(std::string(reinterpret_cast<const char*>(b.data()), b.size()), h5_max_error_text));
  }
  PLX_CHECK(data, std::memcmp(magic.data(), h5_reply_magic, 8) == 0, file,
            ": the HDF5 helper did not finish its reply");
  const uint64_t total = r.number<uint64_t>("total"), count = r.number<uint64_t>("node count");
  PLX_CHECK(data, total == reply.size(), file, ": the reply of the HDF5 helper has ", reply.size(),
            " bytes, it announces ", total);
  PLX_CHECK(data, count >= 1 && count <= h5_max_nodes + 1 && count <= r.left() / 22, file,
            ": the reply of the HDF5 helper announces ", count, " objects");
  H5Tree tree;
  tree.file = file;
  tree.owner = std::move(owner);
  tree.nodes.resize(count);
  for (uint64_t i = 0; i < count; ++i) {
    H5Node& n = tree.nodes[i];
    PLX_CHECK(data, r.number<uint32_t>("mark") == h5_node_mark, file,
              ": the reply of the HDF5 helper is garbled at object ", i);
    n.type = read_type(r, n, true);
    n.path = read_text(r, "path", h5_max_name);
    PLX_CHECK(data, !n.path.empty() && n.path[0] == '/' && (i > 0 || (n.path == "/" && n.is_group())), file,
              ": the reply of the HDF5 helper has a wrong path at object ", i);
    read_shape(r, n);
    const uint32_t attributes = r.number<uint32_t>("attribute count");
    PLX_CHECK(data, attributes <= h5_max_attributes, file, ": ", attributes,
              " attributes in the reply of the HDF5 helper");
    for (uint32_t a = 0; a < attributes; ++a) {
      const std::string name = read_text(r, "attribute name", h5_max_name);
      H5Value v;
      v.type = read_type(r, v, false);
      read_shape(r, v);
      read_payload(r, v, printable(n.path) + " attribute " + printable(name));
      n.attrs[name] = std::move(v);
    }
    read_payload(r, n, printable(n.path));
    PLX_CHECK(data, tree.index.emplace(n.path, i).second, file, ": ", printable(n.path),
              " comes twice in the reply of the HDF5 helper");
    if (i > 0) {
      const size_t slash = n.path.find_last_of('/');
      tree.kids[slash == 0 ? "/" : n.path.substr(0, slash)].push_back(i);
    }
  }
  PLX_CHECK(data, r.left() == 0, file, ": ", r.left(), " bytes are left over in the reply of the HDF5 helper");
  return tree;
}

bool looks_like_hdf5(Bytes b) {
  static const char signature[] = "\x89HDF\r\n\x1a\n";
  for (uint64_t at = 0; at + 8 <= b.size(); at = at ? at * 2 : 512)
    if (std::memcmp(b.data() + at, signature, 8) == 0) return true;
  return false;
}

}  // namespace parallax

#include "hdf5_variables.h"

#include <algorithm>
#include <set>

namespace parallax {

namespace {

Element element_of(H5Type t) {
  static const Element e[] = {Element::f64, Element::f64, Element::f32, Element::i8,  Element::u8, Element::i16,
                              Element::u16, Element::i32, Element::u32, Element::i64, Element::u64};
  return e[static_cast<size_t>(t)];
}

struct Builder {
  const H5Tree& tree;
  bool matlab;
  std::set<std::string> open;  // references being resolved, so that a cell cannot contain itself
  uint64_t count = 0;

  std::string matlab_class(const H5Node& n) const {
    std::string c = n.text("MATLAB_class", "");
    c.resize(strnlen(c.data(), c.size()));  // h5py pads with zeros
    return c;
  }
  Raw raw(const H5Node& n) const {
    PLX_CHECK(data, n.is_number() && n.has_storage, tree.file, ": ", printable(n.path), " holds no numbers");
    return Raw{element_of(n.type), false, n.bytes};
  }
  Variable build(const H5Node& n, const std::string& name, int depth);
  void dataset(Variable& v, const H5Node& n, const std::string& cls, int depth);
  void group(Variable& v, const H5Node& n, const std::string& cls, int depth);
};

void Builder::dataset(Variable& v, const H5Node& n, const std::string& cls, int depth) {
  v.shape = n.shape;
  if (matlab) std::reverse(v.shape.begin(), v.shape.end());
  v.column_major = matlab;
  if (n.type == H5Type::reference && (cls == "cell" || cls.empty())) {
    v.kind = Variable::Kind::cell;
    const std::vector<std::string> paths = n.strings(n.path);
    for (size_t i = 0; i < paths.size(); ++i) {
      PLX_CHECK(data, !paths[i].empty(), tree.file, ": cell ", printable(v.name), ": member ", i + 1,
                " is a null reference");
      v.members.push_back(build(tree.at(paths[i]), v.name + "{" + std::to_string(i + 1) + "}", depth + 1));
    }
    return;
  }
  if (n.type == H5Type::string || cls == "char") {
    v.kind = Variable::Kind::text;
    return;
  }
  static const std::set<std::string> numeric = {"",      "double", "single", "logical", "int8",  "uint8",
                                                "int16", "uint16", "int32",  "uint32",  "int64", "uint64"};
  if (!n.is_number() || !numeric.count(cls)) {
    v.type = cls.empty() ? name_of(n.type) : cls;
    if (n.has("MATLAB_empty") && cls == "cell") v.kind = Variable::Kind::cell;
    return;
  }
  v.kind = Variable::Kind::numeric;
  v.type = cls.empty() ? name_of(element_of(n.type)) : cls;
  v.single = cls.empty() ? n.type == H5Type::f32 : cls == "single";
  if (n.has("MATLAB_empty")) {  // the values are the sizes
    v.shape = {0, 0};
    v.values = Raw{Element::f64, false, {}};
    return;
  }
  PLX_CHECK(data, n.has_storage, tree.file, ": data set ", printable(n.path), " (", shape_text(n.shape),
            ") is declared, but the file holds no values of it");
  v.values = raw(n);
}

void Builder::group(Variable& v, const H5Node& n, const std::string& cls, int depth) {
  if (n.has("MATLAB_sparse")) {
    v.kind = Variable::Kind::numeric;
    v.sparse = true;
    v.type = cls.empty() ? "double" : cls;
    v.column_major = true;
    const int64_t rows = n.integer("MATLAB_sparse");
    const H5Node& jc = tree.at(n.path + "/jc");
    PLX_CHECK(
        data,
        jc.is_number() && jc.count() >= 1 && rows >= 0 && rows < (int64_t{1} << 31) && jc.count() < (uint64_t{1} << 31),
        tree.file, ": sparse variable ", printable(v.name), " is damaged (", rows, " rows)");
    v.shape = {static_cast<uint64_t>(rows), jc.count() - 1};
    v.jc = raw(jc);
    const H5Node *values = tree.find(n.path + "/data"), *ir = tree.find(n.path + "/ir");
    if (values && ir) {  // absent: all zero
      if (values->has_storage) v.values = raw(*values);
      if (ir->has_storage) v.ir = raw(*ir);
    }
    return;
  }
  v.kind = Variable::Kind::structure;
  v.type = "struct";
  for (const H5Node* child : tree.children(n.path)) v.members.push_back(build(*child, child->name(), depth + 1));
}

Variable Builder::build(const H5Node& n, const std::string& name, int depth) {
  PLX_CHECK(data, depth <= 16, tree.file, ": variable ", printable(name), " is nested deeper than 16");
  PLX_CHECK(data, ++count <= 1000000, tree.file, ": more than a million arrays");
  PLX_CHECK(data, open.insert(n.path).second, tree.file, ": variable ", printable(name),
            " contains itself (a cycle of references)");
  Variable v;
  v.name = name;
  v.owner = tree.owner;
  v.title = n.text("name", "");
  const std::string cls = matlab_class(n);
  if (n.is_group())
    group(v, n, cls, depth);
  else
    dataset(v, n, cls, depth);
  open.erase(n.path);
  return v;
}

}  // namespace

Hdf5Variables variables_of(const H5Tree& tree) {
  Hdf5Variables out;
  const std::string format = tree.root().text("format", "");
  PLX_CHECK(data, format.compare(0, 9, "parallax-") != 0 || format == "parallax-data-1", tree.file,
            ": is a file of the format ", printable(format), ", not a data set");
  out.rows_are_samples = format == "parallax-data-1";
  const std::vector<const H5Node*> top = tree.children("/");
  for (const H5Node* n : top) out.matlab |= n->has("MATLAB_class");
  Builder b{tree, out.matlab, {}, 0};
  for (const H5Node* n : top) {
    if (n->name() == "#refs#" || n->name() == "#subsystem#") continue;
    out.variables.push_back(b.build(*n, n->name(), 0));
  }
  return out;
}

}  // namespace parallax

#include "golden.h"

#include <algorithm>
#include <filesystem>

namespace parallax::golden {

double splitmix_unit(uint64_t t, uint64_t e) {
  uint64_t z = (t << 32) + e + 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

std::vector<double> stored_values(const H5Node& node) {
  if (!node.has("fill")) return node.as_f64(node.path);
  PLX_CHECK(data, node.text("fill") == "splitmix64", node.path, ": recipe '", node.text("fill"), "' is not known");
  const auto id = static_cast<uint64_t>(node.integer("fill_id"));
  const double offset = node.real("fill_offset"), scale = node.real("fill_scale");
  uint64_t n = 1;
  for (const uint64_t s : node.shape) n *= s;
  PLX_CHECK(data, n < (uint64_t{1} << 31), node.path, ": a recipe of ", n, " values");
  std::vector<double> v(n);
  for (uint64_t e = 0; e < n; ++e) v[e] = offset + scale * (2 * splitmix_unit(id, e) - 1);
  return v;
}

std::vector<std::string> golden_files(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> files;
  for (const auto& e : fs::directory_iterator(path))
    if (e.path().extension() == ".h5") files.push_back(e.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

Report check_file(const std::string& path, DType type, const Context::Options& where) {
  Report r;
  r.file = path;
  try {
    const H5Tree tree = read_hdf5(path);
    PLX_CHECK(data, tree.root().text("format", "") == "parallax-golden-1", "not a file of format parallax-golden-1");
    const std::string kind = tree.root().text("kind");
    if (kind == "step")
      check_step(tree, type, where, r);
    else
      check_kind(tree, kind, type, where, r);
  } catch (const std::exception& e) {
    r.fail("file", (r.remark.empty() ? "" : r.remark + ": ") + e.what());
  }
  return r;
}

}  // namespace parallax::golden

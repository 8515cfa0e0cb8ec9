// Who may include whom (the direction of src), and what the vector loops' object files may define.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {
namespace fs = std::filesystem;

const std::map<std::string, std::set<std::string>> allowed{
    {"tensor", {}},     {"autograd", {"tensor"}},       {"cluster", {"tensor"}},
    {"io", {"tensor"}}, {"nn", {"autograd", "tensor"}}, {"mvc", {"nn", "autograd", "cluster", "io", "tensor"}},
};

struct Include {
  std::string file, folder, target;  // relative to src; the folder of the includer; as written
  bool quoted;
};

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}
bool is_source(const fs::path& p) {
  static const std::set<std::string> endings{".h", ".cpp", ".inc", ".def", ".cu", ".cuh"};
  return endings.count(p.extension().string()) > 0;
}
// of a line `# include <target>` or `#include "target"`: target with its first bracket; "" of any other
std::string included(const std::string& line) {
  const auto skip = [&](size_t at) { return std::min(line.find_first_not_of(" \t", at), line.size()); };
  size_t at = skip(0);
  if (at == line.size() || line[at] != '#') return "";
  at = skip(at + 1);
  if (line.compare(at, 7, "include") != 0) return "";
  at = skip(at + 7);
  if (at == line.size() || (line[at] != '<' && line[at] != '"')) return "";
  return line.substr(at, line.find_first_of(">\"", at + 1) - at);
}
std::vector<Include> includes() {
  const fs::path src = fs::path(PLX_SOURCE_DIR) / "src";
  std::vector<Include> list;
  for (const auto& entry : fs::recursive_directory_iterator(src)) {
    if (!entry.is_regular_file() || !is_source(entry.path())) continue;
    const fs::path file = fs::relative(entry.path(), src);
    for (const std::string& line : lines_of(entry.path())) {
      const std::string target = included(line);
      if (target.empty()) continue;
      const std::string folder = std::distance(file.begin(), file.end()) > 1 ? file.begin()->string() : "";
      list.push_back({file.string(), folder, target.substr(1), target[0] == '"'});
    }
  }
  return list;
}
// "../tensor/error.h" seen from io/load.cpp -> "tensor"; "" for what is not a file of src
std::string folder_of_target(const Include& i) {
  const fs::path src = fs::path(PLX_SOURCE_DIR) / "src";
  const fs::path target = (src / fs::path(i.file).parent_path() / i.target).lexically_normal();
  if (!fs::exists(target)) return "";
  return fs::relative(target, src).begin()->string();
}

TEST(Layering, IncludesPointDownwards) {
  size_t between = 0;
  for (const Include& i : includes()) {
    if (i.folder.empty()) continue;  // the umbrella header
    ASSERT_EQ(allowed.count(i.folder), 1u) << "src/" << i.folder << " is not in the table of layers";
    EXPECT_EQ(i.target.rfind("parallax/", 0), std::string::npos)
        << "src/" << i.file << ": inside src, includes are relative: " << i.target;
    const std::string to = folder_of_target(i);
    if (!i.quoted) continue;
    if (to.empty()) {  // only what the build generates
      EXPECT_TRUE(i.target == "version.inc" || i.target == "methods.inc")
          << "src/" << i.file << " includes \"" << i.target << "\", which is not in src";
      continue;
    }
    if (to == i.folder) continue;
    ++between;
    EXPECT_TRUE(allowed.at(i.folder).count(to))
        << "src/" << i.file << " may not include " << i.target << ": " << i.folder << " does not know " << to;
  }
  EXPECT_GT(between, 50u) << "the test reads nothing";
}

TEST(Layering, NoCudaInTheCore) {
  for (const Include& i : includes()) {
    const std::string ending = fs::path(i.file).extension().string();
    if (ending == ".cu" || ending == ".cuh") continue;
    for (const char* cuda :
         {"cuda", "cublas", "cudnn", "curand", "cusolver", "cusparse", "cub/", "thrust/", "nccl", "nvtx"})
      EXPECT_FALSE(!i.quoted && i.target.rfind(cuda, 0) == 0) << "src/" << i.file << " includes <" << i.target << ">";
  }
}

TEST(Layering, NoAbsolutePaths) {
  for (const Include& i : includes())
    EXPECT_FALSE(fs::path(i.target).is_absolute()) << "src/" << i.file << " includes " << i.target;
}

// A header that is heavy for everyone who includes it stays in one source file.
TEST(Layering, HeavyHeadersStayOutOfHeaders) {
  for (const Include& i : includes()) {
    if (fs::path(i.file).extension() != ".h" || i.file == "io/hdf5_id.h") continue;  // of the files that call HDF5
    for (const char* heavy :
         {"nlohmann/", "cxxopts", "Eigen/", "Spectra/", "tbb/", "hdf5.h", "zip.h", "regex", "iostream"})
      EXPECT_FALSE(!i.quoted && i.target.rfind(heavy, 0) == 0) << "src/" << i.file << " includes <" << i.target << ">";
  }
}

std::string text_of(const fs::path& path) {
  std::string text;
  for (const std::string& line : lines_of(path)) text += line + "\n";
  return text;
}

// What may lie at the top of the tree and in src; what a checkout makes itself is left out.
TEST(Layering, TheTopLevelIsTheFixedOne) {
  static const std::set<std::string> top{"CMakeLists.txt", "CMakePresets.json",
                                         "README.md",      "CHANGELOG.md",
                                         "LICENSE",        "CONTRIBUTING.md",
                                         "apps",           "bench",
                                         "cmake",          "data",
                                         "docs",           "examples",
                                         "scripts",        "src",
                                         "tests",          ".ci",
                                         ".clang-format",  ".clang-tidy",
                                         ".gitignore",     ".gitattributes"},
      made{".git", "build", "runs", ".cache", "Testing"};
  const fs::path root(PLX_SOURCE_DIR);
  for (const auto& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(top.count(name) || made.count(name)) << name << " has no place at the top of the tree";
  }
  for (const char* must : {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "apps", "bench", "tests"})
    EXPECT_TRUE(fs::exists(root / must)) << must;
  std::set<std::string> folders;
  for (const auto& entry : fs::directory_iterator(root / "src"))
    if (entry.is_directory()) folders.insert(entry.path().filename().string());
  std::set<std::string> layers;
  for (const auto& [name, below] : allowed) layers.insert(name);
  EXPECT_EQ(folders, layers);
}

TEST(Docs, LinksLeadSomewhere) {
  size_t links = 0;
  std::vector<fs::path> pages{fs::path(PLX_SOURCE_DIR) / "README.md", fs::path(PLX_SOURCE_DIR) / "CONTRIBUTING.md"};
  for (const auto& entry : fs::directory_iterator(fs::path(PLX_SOURCE_DIR) / "docs"))
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  for (const fs::path& page : pages) {
    const std::string text = text_of(page);
    for (size_t at = text.find("]("); at != text.npos; at = text.find("](", at + 1)) {
      const size_t end = text.find_first_of(")# \n", at + 2);
      if (end == text.npos || text[end] != ')') continue;
      const std::string target = text.substr(at + 2, end - at - 2);
      if (target.find("://") != std::string::npos) continue;
      ++links;
      EXPECT_TRUE(fs::exists(page.parent_path() / target)) << page << " links to " << target;
    }
  }
  EXPECT_GT(links, 10u);
}

TEST(Docs, FirstProgramIsTheOneThatIsTested) {
  const std::string program = text_of(fs::path(PLX_SOURCE_DIR) / "tests/embed/main.cpp");
  EXPECT_NE(text_of(fs::path(PLX_SOURCE_DIR) / "README.md").find("```cpp\n" + program + "```"), std::string::npos)
      << "README.md does not show tests/embed/main.cpp as it is";
}

TEST(Docs, ReadmeNamesEveryMethod) {
  const std::string readme = text_of(fs::path(PLX_SOURCE_DIR) / "README.md");
  for (const auto& entry : fs::directory_iterator(fs::path(PLX_SOURCE_DIR) / "src/mvc/methods"))
    EXPECT_NE(readme.find("| `" + entry.path().stem().string() + "` |"), std::string::npos) << entry.path();
}

// Code for AVX2 and AVX-512 lives in namespaces of its own. Anything else that such an object file defines with
// external linkage (an inline function of the standard library, say) could be the copy that the linker keeps for the
// whole program, which would then not run on an older processor.
TEST(InstructionSets, ObjectsDefineNothingOutsideTheirNamespace) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers add symbols of their own";
#endif
  std::ifstream list(PLX_ISA_OBJECTS);
  ASSERT_TRUE(list.good()) << PLX_ISA_OBJECTS;
  size_t objects = 0, symbols = 0;
  for (std::string object; std::getline(list, object);) {
    if (object.empty()) continue;
    const std::string isa = object.find("_isa_v4") != std::string::npos ? "isa_v4" : "isa_v3";
    ASSERT_TRUE(fs::exists(object)) << object;
    ++objects;
    FILE* nm = popen(("nm --defined-only --extern-only --format=posix '" + object + "' 2>&1").c_str(), "r");
    ASSERT_NE(nm, nullptr);
    std::string text;
    char buffer[4096];
    for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, nm)) > 0;) text.append(buffer, n);
    ASSERT_EQ(pclose(nm), 0) << text;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const std::string name = line.substr(0, line.find(' '));
      if (name.rfind("DW.ref.", 0) == 0) continue;  // a pointer, no code
      ++symbols;
      EXPECT_NE(name.find(isa), std::string::npos) << object << " defines " << line;
    }
  }
  if (objects == 0) GTEST_SKIP() << "this architecture has one instruction set";
  EXPECT_GT(symbols, objects);
}

}  // namespace

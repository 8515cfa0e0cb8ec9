// Names of methods. The built-in list is generated from src/mvc/methods/*.cpp by the build.
#include <algorithm>
#include <mutex>

#include "../tensor/error.h"
#include "method.h"
#include "methods.inc"

namespace parallax {

namespace {
std::mutex mutex;
std::map<std::string, MethodFactory>& table() {
  static std::map<std::string, MethodFactory> t = built_in_methods();
  return t;
}
}  // namespace

void register_method(const std::string& name, MethodFactory factory) {
  const std::lock_guard<std::mutex> lock(mutex);
  PLX_CHECK(config, table().emplace(name, factory).second, "a method called ", name, " exists already");
}

std::unique_ptr<Method> make_method(const std::string& name) {
  const std::lock_guard<std::mutex> lock(mutex);
  const auto it = table().find(name);
  if (it != table().end()) return it->second();
  std::vector<std::string> known;
  for (const auto& [n, f] : table()) known.push_back(n);
  const std::string near = nearest(name, known);
  std::string list;
  for (const std::string& n : known) list += (list.empty() ? "" : ", ") + n;
  PLX_FAIL(config, "no method '", name, "'", near.empty() ? "" : ", did you mean '" + near + "'?", " Known: ", list);
}

std::vector<std::string> method_names() {
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<std::string> names;
  for (const auto& [n, f] : table()) names.push_back(n);
  return names;
}

}  // namespace parallax

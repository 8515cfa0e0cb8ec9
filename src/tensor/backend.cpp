#include "backend.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "context.h"
#include "places.h"

namespace parallax {

namespace {

// Beside the program or the library, or where an installation puts it; PARALLAX_CUDA_MODULE names it outright.
std::vector<std::string> places() {
  if (const char* named = std::getenv("PARALLAX_CUDA_MODULE")) return {named};
  std::vector<std::string> files;
  for (const std::string& f : own_folders())
    for (const char* relative : {"/", "/../lib/", "/../" PLX_LIBDIR "/"})
      files.push_back(f + relative + "parallax-cuda.so");
  return files;
}

struct Loaded {
  DeviceModule module;
  std::string why_not;
};
const Loaded& loaded() {
  static const Loaded l = [] {
    Loaded r;
    for (const std::string& file : places()) {
      if (::access(file.c_str(), R_OK) != 0) continue;
      void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (!handle) {
        const char* why = ::dlerror();
        r.why_not = str("the CUDA module does not load: ", why ? why : "unknown reason",
                        "; are the CUDA libraries of the toolkit installed (LD_LIBRARY_PATH)?");
        continue;
      }
      const auto* entry = static_cast<const DeviceModule*>(::dlsym(handle, "parallax_device_module"));
      if (!entry || entry->version != kModuleVersion) {
        r.why_not = str(file, " is a module of another version of parallax");
        continue;
      }
      r.module = *entry;
      r.why_not.clear();
      return r;
    }
    if (r.why_not.empty())
      r.why_not = "this build has no CUDA backend (no parallax-cuda.so beside the program); build with -DPLX_CUDA=ON";
    return r;
  }();
  return l;
}

void fail(ErrorKind kind, const char* message, const char* file, int line) { throw Error(kind, message, file, line); }
void* scratch(Context& ctx, size_t bytes) {
  PLX_CHECK(internal, ctx.in_step(), "scratch memory of a device outside of a step or scope");
  return ctx.arena().take(bytes);
}

}  // namespace

DeviceList list_cuda_devices() {
  const Loaded& l = loaded();
  if (l.module.list) return l.module.list();
  return {{}, {}, l.why_not};
}

bool is_device_name(const std::string& text) {
  const bool indexed = text.rfind("cuda:", 0) == 0 && text.size() > 5 && text.size() < 9 &&
                       text.find_first_not_of("0123456789", 5) == std::string::npos;
  return indexed || text == "auto" || text == "cpu" || text == "cuda";
}
Device choose_device(const std::string& text) {
  PLX_CHECK(config, is_device_name(text), "--device must be auto, cpu, cuda or cuda:i, not '", text, "'");
  if (text == "cpu") return {};
  if (text == "auto") return list_cuda_devices().devices.empty() ? Device{} : Device{Device::cuda, 0};
  const int index = text == "cuda" ? 0 : std::atoi(text.c_str() + 5);  // NOLINT(cert-err34-c): digits only
  const DeviceList l = list_cuda_devices();
  PLX_CHECK(device, !l.devices.empty(), l.why_none, "; use --device cpu");
  PLX_CHECK(device, static_cast<size_t>(index) < l.devices.size(), "there is no cuda:", index,
            "; the devices are 0 to ", l.devices.size() - 1);
  return {Device::cuda, index};
}
std::string name_of(const Device& device) { return device.kind == Device::cpu ? "cpu" : str("cuda:", device.index); }

std::shared_ptr<Backend> open_cuda(int index) {
  const Loaded& l = loaded();
  PLX_CHECK(device, l.module.open != nullptr, l.why_not, "; or use --device cpu");
  return l.module.open(index, ModuleHost{&fail, &scratch});
}

}  // namespace parallax

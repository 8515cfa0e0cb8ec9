// parallax info
#include <parallax/mvc/run.h>
#include <parallax/tensor/gemm.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli.h"

namespace parallax::cli {

int info(int argc, char** argv) {
  const Arguments a = parse("info", {}, argc, argv, 0);
  if (a.has("help")) {
    std::printf("%s", help("usage: parallax info [--json]", {}).c_str());
    return 0;
  }
  nlohmann::ordered_json j;
  j["version"] = version_text();
  j["git"] = version_commit();
  j["build"] = version_build();
  const DeviceList cuda = list_cuda_devices();
  j["devices"] =
      nlohmann::ordered_json::array({{{"name", "cpu"}, {"cores", available_cores()}, {"instructions", isa_name()}}});
  for (const std::string& d : cuda.devices) j["devices"].push_back({{"name", d}});
  j["libraries"] = {{"matrix products", gemm_backend()}, {"cuda", cuda.libraries}};
  if (!cuda.why_none.empty()) j["no_cuda"] = cuda.why_none;
  j["methods"] = method_names();
  if (a.has("json")) {
    std::printf("%s\n", j.dump(2).c_str());
    return 0;
  }
  std::printf("parallax %s %s (%s)\n", version_text().c_str(), version_commit().c_str(), version_build().c_str());
  std::printf("device   cpu: %d cores, %s\n", available_cores(), isa_name());
  for (const std::string& d : cuda.devices) std::printf("device   %s\n", d.c_str());
  if (!cuda.why_none.empty()) std::printf("no cuda  %s\n", cuda.why_none.c_str());
  std::printf("products %s\n", gemm_backend());
  for (const std::string& l : cuda.libraries) std::printf("library  %s\n", l.c_str());
  std::printf("methods ");
  for (const std::string& m : method_names()) std::printf(" %s", m.c_str());
  std::printf("\n");
  return 0;
}

}  // namespace parallax::cli

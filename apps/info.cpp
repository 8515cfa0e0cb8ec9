// parallax info
#include <parallax/mvc/run.h>
#include <parallax/tensor/gemm.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli.h"
#include "version.h"

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
  j["build"] = PLX_BUILD;
  j["devices"] = {{{"name", "cpu"}, {"cores", available_cores()}, {"instructions", isa_name()}}};
  j["libraries"] = {{"matrix products", gemm_backend()}};
  j["methods"] = method_names();
  if (a.has("json")) {
    std::printf("%s\n", j.dump(2).c_str());
    return 0;
  }
  std::printf("parallax %s %s (%s)\n", version_text().c_str(), version_commit().c_str(), PLX_BUILD);
  std::printf("device   cpu: %d cores, %s\n", available_cores(), isa_name());
  std::printf("products %s\n", gemm_backend());
  std::printf("methods ");
  for (const std::string& m : method_names()) std::printf(" %s", m.c_str());
  std::printf("\n");
  return 0;
}

}  // namespace parallax::cli

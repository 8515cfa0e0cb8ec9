// parallax inspect
#include <parallax/io/inspect.h>

#include <cstdio>

#include "data_options.h"

namespace parallax::cli {

int inspect(int argc, char** argv) {
  std::vector<Option> options;
  for (const Option& o : data_options())
    if (o.name == "views" || o.name == "labels" || o.name == "transpose") options.push_back(o);
  const Arguments a = parse("inspect", options, argc, argv, 1);
  if (a.has("help") || a.words().empty()) {
    std::fprintf(a.has("help") ? stdout : stderr, "%s",
                 help("usage: parallax inspect PATH [options]", options).c_str());
    return a.has("help") ? 0 : 2;
  }
  RunOptions o;
  read_data_options(a, o);
  const Inspection i = parallax::inspect(load(a.words()[0], o.load));
  std::printf("%s%s", (a.has("json") ? to_json(i) : to_text(i)).c_str(), a.has("json") ? "\n" : "");
  return 0;
}

}  // namespace parallax::cli

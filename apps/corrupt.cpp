// parallax corrupt IN OUT.h5 --corrupt SPEC: corrupted data (scaled first, as in training) and its masks
#include <cstdio>
#include <nlohmann/json.hpp>

#include "data_options.h"

namespace parallax::cli {

int corrupt(int argc, char** argv) {
  std::vector<Option> options;
  for (const Option& o : data_options())
    if (o.name != "data" && o.name != "clusters") options.push_back(o);
  options.push_back({"force", "", "overwrite existing files"});
  const Arguments a = parse("corrupt", options, argc, argv, 2);
  if (a.has("help") || a.words().size() < 2) {
    std::fprintf(
        a.has("help") ? stdout : stderr, "%s",
        help("usage: parallax corrupt IN OUT.h5 --corrupt SPEC [options]   (scaling: minmax unless --scale)", options)
            .c_str());
    return a.has("help") ? 0 : 2;
  }
  RunOptions o;
  read_data_options(a, o);
  PLX_CHECK(config, o.fit.corrupt.any(), "--corrupt SPEC is needed (parallax corrupt --help)");
  const std::string out = a.words()[1],
                    masks =
                        (out.size() > 3 && out.substr(out.size() - 3) == ".h5" ? out.substr(0, out.size() - 3) : out) +
                        ".masks.h5";
  for (const std::string& path : {out, masks})
    if (FILE* f = std::fopen(path.c_str(), "rb")) {
      std::fclose(f);
      PLX_CHECK(config, a.has("force"), path, " exists already; --force overwrites it");
    }
  MultiView data = load(a.words()[0], o.load);
  std::vector<std::vector<double>> views;
  for (const View& v : data.views)
    views.push_back(apply_scale_f64(fit_scale(v, parse_scale(o.fit.scale.empty() ? "minmax" : o.fit.scale)), v));
  const CorruptMasks m =
      parallax::corrupt(views, data.dims(), data.samples, data.labels.values, data.labels.classes(), o.fit.corrupt);
  for (size_t v = 0; v < views.size(); ++v) {
    if (data.views[v].is_single())
      data.views[v].values = std::vector<float>(views[v].begin(), views[v].end());
    else
      data.views[v].values = std::move(views[v]);
  }
  write_dataset(out, data);
  write_masks(masks, m.list);
  nlohmann::ordered_json j{{"out", out}, {"masks", masks}, {"samples", data.samples}};
  for (const Mask& mask : m.list) {
    uint64_t touched = 0;
    for (const uint8_t x : mask.values) touched += x;
    j["touched"][mask.name] = touched;
    if (a.has("json")) continue;
    std::printf("%s: %llu of %llu view rows\n", mask.name.c_str(), static_cast<unsigned long long>(touched),
                static_cast<unsigned long long>(mask.values.size()));
  }
  if (a.has("json"))
    std::printf("%s\n", j.dump(2).c_str());
  else
    std::printf("%s\n%s\n", out.c_str(), masks.c_str());
  return 0;
}

}  // namespace parallax::cli

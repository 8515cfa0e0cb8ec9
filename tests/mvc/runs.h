// What the tests of whole runs share: toy data, short schedules, every method by name.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <parallax/io/hdf5.h>
#include <parallax/mvc/run.h>
#include <parallax/tensor/draw.h>

#include "../scratch.h"

namespace parallax::testing {

namespace fs = std::filesystem;

// A method without an entry fails the tests that take all of method_names().
inline const std::map<std::string, std::vector<Setting>>& short_schedules() {
  static const std::map<std::string, std::vector<Setting>> s{
      {"sparsemvc",
       {{"pre_epochs", "3"},
        {"con_epochs", "3"},
        {"encoder_hidden", "[16,16,24]"},
        {"decoder_hidden", "[24,16,16]"},
        {"feature_dim", "8"}}},
      {"gmae", {{"train_epoch", "4"}, {"hidden", "[24,16]"}, {"feature_dim", "8"}}},
      {"gdcn",
       {{"rec_epochs", "3"},
        {"fine_tune_epochs", "3"},
        {"batch_size", "64"},
        {"encoder_hidden", "[16,16,24]"},
        {"decoder_hidden", "[24,16,16]"},
        {"low_feature_dim", "40"},
        {"high_feature_dim", "16"},
        {"denoiser_hidden", "24"},
        {"K", "9"},
        {"R", "2"}}},
      {"ddmc", {{"epochs", "3"}, {"batch_size", "50"}, {"trunk", "[24,24,16]"}, {"head_hidden", "12"}}},
      {"distilmvc",
       {{"mse_epochs", "2"},
        {"infoNCE_epochs", "2"},
        {"self_distil", "2"},
        {"batch_size", "64"},
        {"encoder_arch", "[16,16,24,8]"},
        {"decoder_arch", "[8,24,16,16]"}}},
      {"plain_ae", {{"epochs", "5"}, {"batch_size", "64"}}}};
  return s;
}

// k blobs, one view per width; sorted by class.
inline MultiView blobs(int64_t n = 150, const std::vector<int64_t>& dims = {6, 7}, int k = 3) {
  MultiView d;
  d.name = d.path = "blobs";
  d.format = "hdf5";
  d.samples = n;
  for (size_t v = 0; v < dims.size(); ++v) {
    View view;
    view.name = str("view_", v);
    view.rows = n;
    view.cols = dims[v];
    std::vector<double> x;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < view.cols; ++j) {
        const U4 r =
            philox(U4{{static_cast<uint32_t>(i), static_cast<uint32_t>(j), static_cast<uint32_t>(v), 5}}, 1, 2);
        x.push_back(0.15 * unit_float(r.v[0]) + ((j + i * k / n) % k == 0 ? 1.0 : 0.0));
      }
    view.values = x;
    d.views.push_back(view);
  }
  for (int64_t i = 0; i < n; ++i) d.labels.values.push_back(static_cast<int32_t>(i * k / n));
  d.labels.name = "labels";
  for (int c = 0; c < k; ++c) d.labels.originals.push_back(std::to_string(c));
  return d;
}
inline std::vector<double>& values(MultiView& d, size_t view) { return std::get<0>(d.views[view].values); }

inline std::string temporary(const std::string& name) {
  const fs::path p = scratch_folder() / name;
  fs::remove_all(p);
  fs::create_directories(p.parent_path());
  return p.string();
}
inline std::string bytes(const std::string& path) {
  std::ifstream f(path, std::ios::binary);
  std::stringstream s;
  s << f.rdbuf();
  return s.str();
}
inline FitOptions options_for(const std::string& method) {
  FitOptions o;
  o.method = method;
  o.set = short_schedules().at(method);
  o.restarts = 5;
  return o;
}
// everything of model.h5 but nothing of the file's layout
inline std::map<std::string, std::string> content(const std::string& path) {
  std::map<std::string, std::string> all;
  for (const H5Node& n : read_hdf5(path, {}, true).nodes) {
    if (!n.is_group()) all[n.path] = std::string(reinterpret_cast<const char*>(n.bytes.data()), n.bytes.size());
    for (const auto& [name, v] : n.attrs)
      all[n.path + "@" + name] = std::string(reinterpret_cast<const char*>(v.bytes.data()), v.bytes.size());
  }
  return all;
}

// the library's methods and those that a test registered
inline std::string test_name(const ::testing::TestParamInfo<std::string>& p) { return p.param; }

}  // namespace parallax::testing

// What golden_check must notice: a reference file that says nothing, or not all, is a failure and never passes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <list>

#include "../golden/golden.h"

namespace parallax::golden {
namespace {

const std::string file = std::string(PLX_SHARED_DATA) + "/golden/sparsemvc_contrast_v3_n19.h5";

class GoldenCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not here";
  }
  // the file with some of its values changed
  using Change = std::function<void(H5Tree&)>;
  Report check(
      const Change& change = [](H5Tree&) {}, DType type = DType::f64) {
    H5Tree tree = read_hdf5(file);
    change(tree);
    Report r;
    try {
      check_step(tree, type, {}, r);
    } catch (const Error& e) {
      r.fail("file", e.message);
    }
    return r;
  }
  void set(H5Value& v, size_t at, double x) {
    std::vector<double> values = v.as_f64();
    values.at(at) = x;
    kept_.emplace_back(values.size() * sizeof(double));
    std::memcpy(kept_.back().data(), values.data(), kept_.back().size());
    v.bytes = kept_.back();
  }
  static H5Node& node(H5Tree& t, const std::string& path) { return t.nodes.at(t.index.at(path)); }
  static void erase(H5Tree& t, const std::string& path) {
    const size_t place = t.index.at(path);
    t.index.erase(path);
    for (auto& [group, list] : t.kids) std::erase(list, place);
    t.nodes[place].path.clear();
  }

 private:
  std::list<std::vector<std::byte>> kept_;
};

TEST_F(GoldenCheck, NumbersThatAreNoneFail) {
  EXPECT_FALSE(check().failed());
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (const char* path :
         {"/expect/loss/total", "/expect/loss/con.0", "/expect/output/H", "/expect/step_total",
          "/expect/grad/encoders.0.encoder.0.weight", "/expect/param_after_3/encoders.0.encoder.0.bias"})
      EXPECT_TRUE(check([&](H5Tree& t) { set(node(t, path), 0, bad); }).failed()) << path << ", " << bad;
  EXPECT_TRUE(check([&](H5Tree& t) { set(t.nodes[0].attrs.at("tolerance_rel"), 0, NAN); }).failed());
}

TEST_F(GoldenCheck, WhatIsMissingFails) {
  for (const char* path : {"/batch/ids", "/batch/x1", "/expect/step_total", "/expect/loss/total",
                           "/expect/grad/encoders.0.encoder.0.weight", "/param/encoders.0.encoder.0.weight",
                           "/draw/dropout.encoders.0.encoder.2"})
    EXPECT_TRUE(check([&](H5Tree& t) { erase(t, path); }).failed()) << path;
}

TEST_F(GoldenCheck, WhatNoGradientReachesDoesNotMove) {
  // less than a step with a vanishing gradient may take in single precision, twice the learning rate of 3e-4
  const std::string dead = "/expect/param_after_1/cycle_transfer_module.0.weight";
  for (const DType type : {DType::f64, DType::f32})
    EXPECT_TRUE(check([&](H5Tree& t) { set(node(t, dead), 0, node(t, dead).as_f64()[0] + 1e-4); }, type).failed());
}

}  // namespace
}  // namespace parallax::golden

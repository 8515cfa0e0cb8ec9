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

const std::string folder = std::string(PLX_SHARED_DATA) + "/golden/", file = folder + "sparsemvc_contrast_v3_n19.h5";

class GoldenCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not here";
  }
  // the file with some of its values changed
  using Change = std::function<void(H5Tree&)>;
  Report check(
      const Change& change = [](H5Tree&) {}, DType type = DType::f64, const std::string& path = file) {
    H5Tree tree = read_hdf5(path);
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
    set_bytes(v, values);
  }
  template <class Values> void set_bytes(H5Value& v, const Values& values) {
    kept_.emplace_back(values.size() * sizeof(values[0]));
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

// what a run would take for granted, or find out by wrong numbers only
TEST_F(GoldenCheck, SenselessInputsAreNamed) {
  const auto why = [&](const char* name, const Change& change) {
    const Report r = check(change, DType::f64, folder + name);
    return r.lines.empty() ? std::string() : r.lines.back().note;
  };
  const auto entry = [&](const char* path, int64_t x) {
    return [this, path, x](H5Tree& t) {
      H5Node& n = node(t, path);
      std::vector<int64_t> values = n.as_i64();
      values.at(0) = x;
      set_bytes(n, values);
    };
  };
  const auto without = [&](const char* key) {
    return [this, key](H5Tree& t) {
      H5Value& v = t.nodes[0].attrs.at("config");
      std::string text(reinterpret_cast<const char*>(v.bytes.data()), v.bytes.size());
      text.at(text.find(key)) = '_';  // another key
      set_bytes(v, text);
    };
  };
  EXPECT_EQ(why("gmae_classify_v3_n30_sound.h5", [](H5Tree&) {}), "");
  for (const auto& [name, change, says] : std::vector<std::tuple<const char*, Change, const char*>>{
           {"gmae_classify_v3_n30_sound.h5", entry("/batch/labels", 3), "/batch/labels holds 3, 0 to 2 are possible"},
           {"gmae_classify_v3_n30_sound.h5", entry("/batch/positives", -1), "/batch/positives holds -1"},
           {"gmae_classify_v3_n30_sound.h5", entry("/batch/ids", 30), "/batch/ids are not a permutation of 0 to 29"},
           {"gmae_cluster_v2_n21.h5", [](H5Tree& t) { erase(t, "/batch/negatives"); }, "no /batch/negatives"},
           {"gdcn_finetune_v3_n21.h5", [](H5Tree& t) { erase(t, "/batch/sampling_steps"); },
            "no /batch/sampling_steps"},
           {"distilmvc_stage3_v2_n35.h5", entry("/batch/pseudo_label1", 4), "/batch/pseudo_label1 holds 4"},
           {"ddmc_v2_n17.h5", without("tau"), "config does not say tau"}})
    EXPECT_NE(why(name, change).find(says), std::string::npos) << name << ": " << why(name, change) << ", not " << says;
}

TEST_F(GoldenCheck, WhatNoGradientReachesDoesNotMove) {
  // less than a step with a vanishing gradient may take in single precision, twice the learning rate of 3e-4
  const std::string dead = "/expect/param_after_1/cycle_transfer_module.0.weight";
  for (const DType type : {DType::f64, DType::f32})
    EXPECT_TRUE(check([&](H5Tree& t) { set(node(t, dead), 0, node(t, dead).as_f64()[0] + 1e-4); }, type).failed());
}

}  // namespace
}  // namespace parallax::golden

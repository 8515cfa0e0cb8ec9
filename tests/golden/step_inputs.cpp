// What a step file must bring: missing or senseless inputs are named, and are not left to show as wrong numbers.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "golden.h"

namespace parallax::golden {
namespace {
using Json = nlohmann::json;

struct Keys {
  const char *method, *phase;  // phase "": all
  std::vector<const char*> keys;
};
const std::vector<Keys>& required() {
  static const std::vector<Keys> keys{
      {"sparsemvc",
       "",
       {"feature_dim", "high_feature_dim", "encoder_hidden", "decoder_hidden", "fusion_hidden", "dropout", "rho",
        "beta", "theta", "tau", "lambda_con", "kl_form", "attention"}},
      {"gmae",
       "",
       {"feature_dim", "hidden", "disc_hidden", "disc_slope", "lambda_ma", "lambda_con", "lambda_dis", "dropout_code",
        "dropout_rec", "disc_loss", "anchors", "do_contrast"}},
      {"gmae", "classify", {"dropout_head", "head_hidden", "lambda_cls", "index_rule"}},
      {"gdcn",
       "",
       {"low_feature_dim", "high_feature_dim", "encoder_hidden", "decoder_hidden", "denoiser_hidden", "temperature_f",
        "K", "T", "R", "noise_scale", "knn", "sampler", "fused_norm", "beta_min", "sigma2_max", "schedule_offset"}},
      {"distilmvc",
       "",
       {"encoder_arch", "decoder_arch", "predictor_hidden_dim", "temperature_t", "temperature_s", "temperature_d",
        "iic_factor", "iic_lambda", "iic_axis", "activation", "batchnorm", "student_relu", "teacher", "kl"}},
      {"distilmvc", "stage2", {"ema_base", "ema_step", "ema_max"}},
      {"ddmc", "", {"trunk",      "head_hidden",    "dominant",      "alpha",
                    "beta",       "w_kl",           "w_mi",          "tau",
                    "rel_sigma",  "ddc_norm",       "ddc2",          "mi_feat",
                    "kl_reduce",  "contrast_neg",   "udc",           "udc_power",
                    "heads",      "udc_iterations", "udc_tolerance", "udc_double_softmax",
                    "head_order", "bn_eps",         "bn_momentum"}}};
  return keys;
}

// /batch/<name>: `rows` rows of `columns`, entries in first..end - 1
void check_entries(const H5Tree& tree, const std::string& name, uint64_t rows, uint64_t columns, int64_t end) {
  const H5Node* n = tree.find("/batch/" + name);
  PLX_CHECK(data, n && !n->is_group(), "the file has no /batch/", name);
  const uint64_t wide = n->shape.size() > 1 ? n->shape[1] : 1;
  PLX_CHECK(data, !n->shape.empty() && n->shape[0] == rows && wide == columns, "/batch/", name, " is not ", rows, " x ",
            columns);
  for (const int64_t v : n->as_i64(n->path))
    PLX_CHECK(data, v >= 0 && v < end, "/batch/", name, " holds ", v, ", 0 to ", end - 1, " are possible");
}

void check_gmae(const H5Tree& tree, const Json& config, bool classify) {
  const H5Node& root = tree.root();
  const int64_t n = root.integer("n"), views = root.integer("views");
  if (config.at("do_contrast").get<bool>())
    for (const char* list : {"positives", "negatives"}) {
      const std::string key = std::string(list) + "_per_view";
      PLX_CHECK(data, config.contains(key), "config does not say ", key);
      check_entries(tree, list, static_cast<uint64_t>(n), static_cast<uint64_t>(views * config.at(key).get<int64_t>()),
                    n);
    }
  if (classify) check_entries(tree, "labels", static_cast<uint64_t>(n), 1, root.integer("classes"));
  // the lists of a row are those at its id
  const bool reference = classify && config.at("index_rule") == "reference";
  if (reference && config.at("anchors") == "skip_last") return;  // rows of other ids are no anchors
  std::vector<int64_t> ids = tree.at("/batch/ids").as_i64(), all(ids.size());
  std::sort(ids.begin(), ids.end());
  std::iota(all.begin(), all.end(), 0);
  PLX_CHECK(data, reference ? ids.empty() || (ids.front() >= 0 && ids.back() < n) : ids == all, "/batch/ids are not ",
            reference ? "within" : "a permutation of", " 0 to ", n - 1, ", so that rows have no lists");
}
}  // namespace

void check_step_inputs(const H5Tree& tree) {
  const H5Node& root = tree.root();
  const std::string method = root.text("method"), phase = root.text("phase");
  const Json config = Json::parse(root.text("config"));
  for (const Keys& k : required())
    if (method == k.method && (*k.phase == 0 || phase == k.phase))
      for (const char* key : k.keys) PLX_CHECK(data, config.contains(key), "config does not say ", key);
  PLX_CHECK(data, tree.find("/batch/ids"), "the file has no /batch/ids");
  if (method == "gmae") check_gmae(tree, config, phase == "classify");
  if (method == "gdcn" && phase == "finetune")
    PLX_CHECK(data, tree.find("/batch/sampling_steps"), "the file has no /batch/sampling_steps");
  for (int64_t v = 0; method == "distilmvc" && phase == "stage3" && v < root.integer("views"); ++v)
    check_entries(tree, str("pseudo_label", v), static_cast<uint64_t>(root.integer("n")), 1, root.integer("classes"));
}

}  // namespace parallax::golden

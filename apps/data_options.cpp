#include "data_options.h"

namespace parallax::cli {

std::vector<Option> data_options() {
  return {{"data", "PATH", "a file, a folder that is one data set, or a folder of data sets"},
          {"views", "0,2", "these views only, in this order; one alone makes a one-view run"},
          {"labels", "NAME", "the variable that holds the labels"},
          {"transpose", "V", "views that the file holds as features x samples"},
          {"scale", "NAME", "none, minmax, minmax-global, unit-row or standardise (default: the method's own)"},
          {"clusters", "K", "number of clusters (default: number of classes)"},
          {"corrupt", "SPEC",
           "noise=0.3,missing=0.2,conflict=0.1,sparsity=0.5,misalign=0.2,sigma=0.5,rule=default|reference,seed=N"}};
}

void read_data_options(const Arguments& a, RunOptions& o) {
  o.data = a.get("data", o.data);
  if (a.has("data")) o.expected_sha256.clear();
  if (a.has("views")) o.load.views = int_list("views", a.get("views"));
  o.load.labels = a.get("labels", o.load.labels);
  if (a.has("transpose")) o.load.transpose = int_list("transpose", a.get("transpose"));
  o.fit.scale = a.get("scale", o.fit.scale);
  if (!o.fit.scale.empty()) parse_scale(o.fit.scale);
  o.fit.clusters = static_cast<int>(a.integer("clusters", o.fit.clusters, 1, 1 << 24));
  if (a.has("corrupt")) o.fit.corrupt = parse_corrupt(a.get("corrupt"));
}

}  // namespace parallax::cli

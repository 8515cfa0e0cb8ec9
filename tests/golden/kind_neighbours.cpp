// GMAE's lists of positives and negatives in the published order.
#include <nlohmann/json.hpp>

#include <parallax/mvc/neighbours.h>

#include "golden.h"

namespace parallax::golden {

void check_neighbours(const H5Tree& tree, const Context::Options& where, Report& report) {
  Context ctx(where);
  const H5Node& root = tree.root();
  const auto config = nlohmann::json::parse(root.text("config"));
  std::vector<Tensor> views;
  for (int64_t v = 0; v < root.integer("views"); ++v) {
    const H5Node& n = tree.at(str("/batch/x", v));
    PLX_CHECK(data, n.shape.size() == 2, n.path, " is not a matrix");
    views.push_back(
        Tensor::from(ctx, stored_values(n), {static_cast<int64_t>(n.shape[0]), static_cast<int64_t>(n.shape[1])}));
  }
  PLX_CHECK(data, !views.empty(), "no views");
  const ListOptions options{.pos_num = config.value("pos_num", int64_t{21})};
  const NeighbourLists lists = neighbour_lists(ctx, views, list_sizes(views[0].rows(), options));
  for (const H5Node* n : tree.children("/expect"))
    if (n->name() != "positives" && n->name() != "negatives") report.fail(n->path, "was not compared");
  for (const bool near : {true, false}) {
    const std::string name = near ? "positives" : "negatives";
    const std::vector<int64_t> a = (near ? lists.positives : lists.negatives).to_vector<int64_t>(),
                               b = tree.at("/expect/" + name).as_i64("/expect/" + name);
    Line line;
    line.quantity = name;
    if (a.size() != b.size()) line.note = str(a.size(), " entries, the file has ", b.size());
    for (size_t i = 0; i < a.size() && i < b.size(); ++i) line.excess += a[i] != b[i] ? 2 : 0;
    line.absolute = line.excess / 2;  // entries that differ
    report.lines.push_back(line);
  }
}

}  // namespace parallax::golden

#include "golden.h"

namespace parallax::golden {

bool check_data_kind(const H5Tree& tree, const std::string& kind, DType type, const Context::Options& where,
                     Report& report);  // kind_data.cpp
void check_neighbours(const H5Tree& tree, const Context::Options& where, Report& report);

void check_kind(const H5Tree& tree, const std::string& kind, DType type, const Context::Options& where,
                Report& report) {
  if (check_data_kind(tree, kind, type, where, report)) return;
  if (kind == "neighbours") return check_neighbours(tree, where, report);
  report.fail("file", "kind '" + kind + "' is not served");
}

}  // namespace parallax::golden

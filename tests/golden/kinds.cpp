#include "golden.h"

namespace parallax::golden {

void check_neighbours(const H5Tree& tree, Report& report);

void check_kind(const H5Tree& tree, const std::string& kind, DType, Report& report) {
  if (kind == "neighbours") return check_neighbours(tree, report);
  report.fail("file", "kind '" + kind + "' is not served");
}

}  // namespace parallax::golden

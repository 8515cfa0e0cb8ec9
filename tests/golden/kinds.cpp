#include "golden.h"

namespace parallax::golden {

void check_kind(const H5Tree&, const std::string& kind, DType, Report& report) { report.fail("file", "kind '" + kind + "' is not served"); }

}  // namespace parallax::golden

#include "ops.h"

namespace parallax {
std::vector<std::string_view> all_op_names() {
  return {
#define PLX_OP(Op) Op::name,
#include "ops.def"
#undef PLX_OP
  };
}
}  // namespace parallax

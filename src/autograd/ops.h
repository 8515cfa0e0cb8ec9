// All ops.
#pragma once
#include <string_view>
#include <vector>

#include "op_assign.h"
#include "op_basic.h"
#include "op_classify.h"
#include "op_codes.h"
#include "op_columns.h"
#include "op_contrast.h"
#include "op_ddc.h"
#include "op_diffusion.h"
#include "op_disentangle.h"
#include "op_linear.h"
#include "op_neighbours.h"
#include "op_norm.h"
#include "op_pairs.h"
#include "op_shape.h"
#include "op_sparse.h"
#include "op_structure.h"
#include "op_views.h"

namespace parallax {
std::vector<std::string_view> all_op_names();  // as listed in ops.def
}

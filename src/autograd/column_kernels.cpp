#include "column_kernels.h"

#include "../tensor/team.h"

PLX_COLUMNS(BatchNormColumns)
PLX_COLUMNS(BatchNormGrad)
PLX_COLUMNS(SoftmaxDown)
PLX_COLUMNS(SoftmaxDownGrad)
PLX_ROWS(TransposeRows)

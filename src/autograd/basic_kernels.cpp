#include "basic_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(DropInto)
PLX_ROWS(SoftmaxRows)
PLX_ROWS(SoftmaxGrad)
PLX_ROWS(NormalizeRows)
PLX_ROWS(NormalizeGrad)

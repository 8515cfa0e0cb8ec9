#include "basic_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(DropInto)
PLX_ROWS(AddRows)
PLX_ROWS(TotalTerms)
PLX_ROWS(SpreadTotal)
PLX_ROWS(SoftmaxRows)
PLX_ROWS(SoftmaxGrad)
PLX_ROWS(DropSoftmaxRows)
PLX_ROWS(DropSoftmaxGrad)
PLX_ROWS(NormalizeRows)
PLX_ROWS(NormalizeGrad)

#include "disentangle_kernels.h"

#include "../tensor/team.h"

PLX_COLUMNS(CenterColumns)
PLX_ROWS(AbsSign)
PLX_ROWS(JudgeRows)
PLX_COLUMNS(JudgeGrad)
PLX_ROWS(SigmoidError)

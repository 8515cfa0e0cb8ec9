#include "linear_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(DropRows)
PLX_COLUMNS(ActGrad)
PLX_COLUMNS(ColumnSums)
PLX_ROWS(SquaredError)
PLX_ROWS(ProblemSums)

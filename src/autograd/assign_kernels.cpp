#include "assign_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(GaussianKlRows)
PLX_ROWS(UniformTargets)
PLX_ROWS(UniformNllRows)
PLX_ROWS(ColumnBalance)
PLX_ROWS(SpreadSlope)
PLX_ROWS(PairSums)
PLX_ROWS(SmoothedKlRows)
PLX_ROWS(ArgmaxRows)

#include "ddc_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(GramDistances)
PLX_ROWS(MedianWidth)
PLX_ROWS(KernelRows)
PLX_ROWS(CornerRows)
PLX_ROWS(SchwarzPairs)
PLX_ROWS(SecondTerm)
PLX_ROWS(DistanceGrad)
PLX_ROWS(DdcFinish)

#include "classify_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(GeluRows)
PLX_ROWS(GeluGrad)
PLX_ROWS(CrossEntropyRows)

#include "views_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(RowDots)
PLX_ROWS(RowMix)
PLX_ROWS(RowScale)

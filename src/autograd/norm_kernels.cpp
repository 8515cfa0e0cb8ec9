#include "norm_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(NormRows)
PLX_ROWS(NormGradRows)
PLX_COLUMNS(NormGradColumns)

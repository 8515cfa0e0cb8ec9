#include "codes_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(JoinRows)
PLX_ROWS(JoinGrad)
PLX_ROWS(SideRows)
PLX_ROWS(SideGrad)

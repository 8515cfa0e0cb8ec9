#include "batch_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(SelectRows)
PLX_ROWS(PushValues)

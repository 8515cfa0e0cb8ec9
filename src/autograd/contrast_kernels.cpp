#include "contrast_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(AnchorRows)

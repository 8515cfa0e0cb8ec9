#include "sparse_kernels.h"

#include "../tensor/team.h"

PLX_COLUMNS(EntropyColumns)
PLX_ROWS(SpreadRows)

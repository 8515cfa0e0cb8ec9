#include "sparsity.h"

#include "../tensor/team.h"

PLX_ROWS(ZeroCounts)
PLX_ROWS(GateRow)

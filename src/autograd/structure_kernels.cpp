#include "structure_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(StructureRows)
PLX_ROWS(SquaredNorms)
PLX_ROWS(NearestRows)

#include "optimizer_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(AdamPieces)
PLX_ROWS(SgdPieces)
PLX_ROWS(SquarePieces)
PLX_ROWS(PrepareUpdate)

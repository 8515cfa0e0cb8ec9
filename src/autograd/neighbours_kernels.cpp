#include "neighbours_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(NeighbourRows)
PLX_ROWS(PlaceRows)

#include "elementwise.h"
#include "team.h"

PLX_ROWS(Axpby)
PLX_ROWS(AxpbyParts)
PLX_ROWS(GatherRows)
PLX_ROWS(SumRows)

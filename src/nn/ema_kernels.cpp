#include "ema.h"

#include "../tensor/team.h"

PLX_ROWS(MovingAverage)

#include "random.h"
#include "team.h"

PLX_ROWS(FillDraw)

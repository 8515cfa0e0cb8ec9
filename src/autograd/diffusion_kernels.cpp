#include "diffusion_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(NoiseRows)
PLX_ROWS(StepRows)
PLX_ROWS(FoldRepeats)
PLX_ROWS(SpreadRepeats)
PLX_ROWS(ReluAffine)
PLX_COLUMNS(WeighColumns)

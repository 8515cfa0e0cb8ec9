#include "diffusion_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(NoiseRows)
PLX_ROWS(DenoiseRows)
PLX_ROWS(FoldRepeats)
PLX_ROWS(SpreadRepeats)
PLX_ROWS(DenoiseGradRows)
PLX_COLUMNS(DenoiseGradColumns)

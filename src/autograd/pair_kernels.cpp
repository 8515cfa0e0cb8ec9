#include "pair_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(PairRows)
PLX_ROWS(SymmetricRows)
PLX_ROWS(JointMarginals)
PLX_ROWS(JointRows)
PLX_ROWS(JointGradRows)

#include "pair_kernels.h"

#include "../tensor/team.h"
#if defined(__CUDACC__)
#include "symmetric.cuh"
#endif

PLX_ROWS(PairRows)
#if defined(__CUDACC__)
PLX_TWINS(SymmetricRows, symmetric_shape)
#else
PLX_ROWS(SymmetricRows)
#endif
PLX_ROWS(JointMarginals)
PLX_ROWS(JointRows)
PLX_ROWS(JointGradRows)

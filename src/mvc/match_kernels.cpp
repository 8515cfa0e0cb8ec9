#include "match_kernels.h"

#include "../tensor/team.h"

PLX_ROWS(MatchClusters)

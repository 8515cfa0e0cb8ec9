// parallax classify
#include <cstdio>

#include "data_options.h"

namespace parallax::cli {

int classify(int, char**) {
  PLX_FAIL(config, "no method of this build has a supervised protocol");
}

}  // namespace parallax::cli

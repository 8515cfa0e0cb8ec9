#include "version.inc"
#include "run.h"

namespace parallax {

std::string version_text() { return PLX_VERSION; }
std::string version_commit() { return PLX_COMMIT; }
std::string version_build() { return PLX_BUILD; }

}  // namespace parallax

// libFuzzer target, see docs/fuzzing.md.
#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  parallax_fuzz::npz(data, size);
  return 0;
}

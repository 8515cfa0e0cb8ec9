// libFuzzer target, see docs/fuzzing.md.
#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  parallax_fuzz::hdf5_reply(data, size);
  return 0;
}

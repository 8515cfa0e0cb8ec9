// Tests of the CUDA module run where a device is, and say that they are skipped where none is.
#pragma once
#include <gtest/gtest.h>

#include <parallax/tensor/context.h>

namespace parallax::testing {

inline const std::string& why_no_device() {
  static const std::string why = [] {
    const DeviceList l = list_cuda_devices();
    return l.devices.empty() ? (l.why_none.empty() ? "no CUDA device" : l.why_none) : std::string();
  }();
  return why;
}
#define PLX_NEEDS_DEVICE() \
  if (!::parallax::testing::why_no_device().empty()) GTEST_SKIP() << ::parallax::testing::why_no_device()

inline Context::Options on_cuda(uint64_t seed = 1) { return {.device = {Device::cuda, 0}, .seed = seed}; }

}  // namespace parallax::testing

// The entry points that take hostile bytes, each as one function: for libFuzzer (fuzz_*.cpp) and for the short
// deterministic run inside the test suite (tests/io/mutation_test.cpp). Only an Error may come out of them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace parallax_fuzz {

// true: the bytes were read as a whole data set (or tree)
bool mat(const uint8_t* data, size_t size);
bool npz(const uint8_t* data, size_t size);  // an archive, or one npy array
bool csv(const uint8_t* data, size_t size);
bool hdf5_reply(const uint8_t* data, size_t size);

}  // namespace parallax_fuzz

// A dense symmetric eigenproblem on a device, solved by its vendor's library.
#pragma once
#include <cstdint>
#include <string>

namespace parallax::cluster_detail {

// The `count` largest eigenvalues of a symmetric matrix and their vectors. The call waits for the result.
struct LargestEigenpairs {
  double* a;       // [n, n] of the device, overwritten: row c becomes the vector of the c-th of those eigenvalues
  double* values;  // [n] of the device: those eigenvalues, ascending
  int64_t n, count;
  std::string* unavailable;  // receives why the library cannot be used; nothing is computed then
};

}  // namespace parallax::cluster_detail

// MAT 4 and MAT 5/7 files: a bounded walker over the bytes of a file. Numeric, logical, sparse, cell and 1 x 1 struct
// arrays become variables; text and everything else is passed over. MATLAB 7.3 is HDF5, see hdf5_variables.h.
#pragma once
#include "variable.h"

namespace parallax {

struct MatFile {
  std::vector<Variable> variables;
  uint64_t trailing_bytes = 0;  // behind the last whole variable
  uint64_t trailing_offset = 0;
};

bool looks_like_mat5(Bytes file);
bool looks_like_mat4(Bytes file);
// `owner` keeps `file` alive as long as any variable lives.
MatFile read_mat5(Bytes file, const std::shared_ptr<const void>& owner, Budget& budget);
MatFile read_mat4(Bytes file, const std::shared_ptr<const void>& owner, Budget& budget);

}  // namespace parallax

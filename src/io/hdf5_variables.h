// From an HDF5 tree to the neutral variables of the layout rules: MATLAB 7.3 conventions where variables carry
// MATLAB_class (reversed sizes, cells as references, sparse groups), plain arrays otherwise.
#pragma once
#include "hdf5.h"
#include "variable.h"

namespace parallax {

struct Hdf5Variables {
  std::vector<Variable> variables;
  bool matlab = false;            // format mat73
  bool rows_are_samples = false;  // a file of our own (write_dataset)
};

Hdf5Variables variables_of(const H5Tree& tree);

}  // namespace parallax

// The HDF5 library's identifiers, for the files that call it.
#pragma once
#ifndef H5_USE_110_API
#define H5_USE_110_API  // one spelling for every library from 1.10 on
#endif
#include <hdf5.h>

namespace parallax {

// Any HDF5 identifier, closed at the end of its scope.
struct Id {
  hid_t id;
  explicit Id(hid_t i) : id(i) {}
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  ~Id() {
    if (id >= 0) H5Idec_ref(id);
  }
  operator hid_t() const { return id; }
};

}  // namespace parallax

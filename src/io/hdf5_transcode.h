// Walks an HDF5 file with the C library and writes its flat form (hdf5_reply.h). Compiled into the helper and into the
// library (for trusted files). Refuses what could reach other files or has no plain values.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace parallax {

using H5Sink = std::function<void(const void* bytes, size_t count)>;

struct H5TranscodeOptions {
  std::string open_path;  // what is opened, read-only
  std::string shown;      // what messages call it
  uint64_t file_bytes = 0;
  uint64_t max_bytes = uint64_t{16} << 30;  // of the flat form
  std::function<void()> opened;             // called once the file is open: the helper then forbids opening any other
};

// Returns the number of nodes written. Errors are of kind data.
uint64_t transcode_hdf5(const H5TranscodeOptions& options, const H5Sink& sink);

// The deepest message of the HDF5 error stack, "" if there is none; clears the stack.
std::string hdf5_error_text();
std::recursive_mutex& hdf5_mutex();  // the library may have been built without thread safety: one call at a time
void silence_hdf5();                 // no printing to stderr by the library, on this thread

}  // namespace parallax

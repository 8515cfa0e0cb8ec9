// Writing HDF5: models, checkpoints, data sets. A file appears whole or not at all, equal content gives equal bytes (no
// time stamps), and HDF5 1.8, h5dump and h5py read it.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "dataset.h"

namespace parallax {

using H5AttributeValue =
    std::variant<std::string, int64_t, double, std::vector<int64_t>, std::vector<double>, std::vector<std::string>>;

struct H5Store {
  bool compress = true;   // chunks + shuffle + deflate 4 from 4 kB on; smaller arrays lie contiguous
  bool checksum = false;  // Fletcher-32, checked by every reader
};

// Handed to the function that fills a file. Parent groups are made as needed.
class H5Writer {
 public:
  H5Writer(int64_t file, std::string shown) : file_(file), shown_(std::move(shown)) {}
  void group(const std::string& path);
  void dataset(const std::string& path, std::span<const float> values, const std::vector<uint64_t>& shape,
               H5Store store = {});
  void dataset(const std::string& path, std::span<const double> values, const std::vector<uint64_t>& shape,
               H5Store store = {});
  void dataset(const std::string& path, std::span<const int32_t> values, const std::vector<uint64_t>& shape,
               H5Store store = {});
  void dataset(const std::string& path, std::span<const int64_t> values, const std::vector<uint64_t>& shape,
               H5Store store = {});
  void dataset(const std::string& path, std::span<const uint8_t> values, const std::vector<uint64_t>& shape,
               H5Store store = {});
  // of the root ("/"), a group or a data set that exists
  void attribute(const std::string& path, const std::string& name, const H5AttributeValue& value);

 private:
  void array(const std::string& path, const void* values, uint64_t count, size_t width, int64_t file_type,
             int64_t memory_type, const std::vector<uint64_t>& shape, H5Store store);
  int64_t file_;
  std::string shown_;
};

// Built in memory (it must fit), then a temporary file in the same folder, synced, opened again and read, renamed,
// folder synced.
void write_hdf5(const std::string& path, const std::function<void(H5Writer&)>& fill);

// A data set that load() reads back with equal values: view_0.. with attribute `name`, labels as the file called them.
void write_dataset(const std::string& path, const MultiView& data);

// Masks beside corrupted data. The format attribute keeps load() from taking them for data.
struct Mask {
  std::string name;
  uint64_t rows = 0, cols = 0;
  std::vector<uint8_t> values;  // [rows * cols]
};
void write_masks(const std::string& path, const std::vector<Mask>& masks);

}  // namespace parallax

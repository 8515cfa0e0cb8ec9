// npy arrays: a magic, a header that is a Python dict literal, raw values. Written for results (labels, embeddings) and
// read from npz members and single files.
#pragma once
#include "variable.h"

namespace parallax {

// The array in `bytes` (a whole npy file or npz member). Object arrays (pickles) are refused, text becomes Kind::text.
Variable parse_npy(Bytes bytes, std::shared_ptr<const void> owner, const std::string& name, const Budget& budget);

// A single npy file.
Variable read_npy(const std::string& path, uint64_t max_bytes = uint64_t{16} << 30);
std::vector<int32_t> read_npy_labels(const std::string& path);  // 1-d, integral
std::vector<double> read_npy_matrix(const std::string& path, uint64_t& rows, uint64_t& cols);

// C order, little endian, written atomically.
void write_npy(const std::string& path, std::span<const int32_t> values);                              // [n]
void write_npy(const std::string& path, std::span<const float> values);                                // [n]
void write_npy(const std::string& path, std::span<const float> values, uint64_t rows, uint64_t cols);  // [rows, cols]
void write_npy(const std::string& path, std::span<const double> values, uint64_t rows, uint64_t cols);

// All arrays of an npz archive (a zip file), stored or deflated.
std::vector<Variable> read_npz(Bytes file, Budget& budget);

}  // namespace parallax

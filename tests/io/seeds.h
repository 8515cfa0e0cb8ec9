// Small valid files in memory: the seeds of the mutation tests and of the fuzzers.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace parallax_test {

using Seeds = std::vector<std::pair<std::string, std::string>>;  // name, bytes
Seeds mat_seeds();
Seeds npz_seeds();
Seeds csv_seeds();
Seeds hdf5_seeds();        // HDF5 files
Seeds hdf5_reply_seeds();  // their flat form

std::string npy(const std::string& descr, const std::string& order, const std::string& shape,
                const std::string& values);
std::string zip(const std::vector<std::pair<std::string, std::string>>& members, bool deflate);

}  // namespace parallax_test

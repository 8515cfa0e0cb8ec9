// Where the companions of the program and the library lie.
#pragma once
#include <string>
#include <vector>

namespace parallax {

// The folders of the library that holds this code and of the running program; those that are known.
std::vector<std::string> own_folders();

}  // namespace parallax

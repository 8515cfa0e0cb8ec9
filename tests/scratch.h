// A folder of this process for the files of its tests, removed when it ends.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <string>

namespace parallax::testing {

inline const std::filesystem::path& scratch_folder() {
  struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("parallax-test-" + std::to_string(::getpid()));
    pid_t owner = ::getpid();
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() {
      std::error_code ignored;
      if (::getpid() == owner) std::filesystem::remove_all(path, ignored);  // a forked child has the object, too
    }
  };
  static const Folder folder;
  return folder.path;
}

}  // namespace parallax::testing

// Where the reference data lie, and how a test says that they are not there.
#pragma once
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <parallax/io/files.h>
#include <parallax/tensor/error.h>

#include "../scratch.h"

namespace parallax_test {

inline std::string shared(const std::string& relative) { return std::string(PLX_SHARED_DATA) + "/" + relative; }
inline bool exists(const std::string& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0;
}

#define PLX_NEEDS_SHARED(RELATIVE)                             \
  if (!parallax_test::exists(parallax_test::shared(RELATIVE))) \
  GTEST_SKIP() << parallax_test::shared(RELATIVE)              \
               << " is not there; set PLX_SHARED_DATA to the folder of the reference data"

// A fresh folder of this test, emptied by its name being new.
inline std::string scratch(const std::string& name) {
  static int counter = 0;
  std::string p = (parallax::testing::scratch_folder() / (std::to_string(counter++) + "-" + name)).string();
  parallax::make_dirs(p);
  return p;
}

// Plain writing, for loops over thousands of files: write_file waits for the disk each time.
inline void put(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(out.good()) << path;
}

// How many files a folder holds, hidden (temporary) ones too.
inline size_t entries(const std::string& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// Runs f and gives the sentence of the Error it throws; a test failure if it throws none or another kind.
template <class F> std::string refusal(F f, parallax::ErrorKind kind = parallax::ErrorKind::data) {
  try {
    f();
  } catch (const parallax::Error& e) {
    EXPECT_STREQ(parallax::name_of(e.kind), parallax::name_of(kind)) << e.what();
    return e.message;
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

#define EXPECT_HAS(TEXT, PART) \
  EXPECT_NE(std::string(TEXT).find(PART), std::string::npos) << "'" << (PART) << "' is not in: " << (TEXT)

}  // namespace parallax_test

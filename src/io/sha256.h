// SHA-256 (FIPS 180-4), for naming data files in run records. Known-answer tests in tests/io/files_test.cpp.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace parallax {

class Sha256 {
 public:
  void add(std::span<const std::byte> bytes);
  std::string hex();  // finishes; the object is spent afterwards

 private:
  void block(const unsigned char* p);
  std::array<uint32_t, 8> h_{0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                             0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
  unsigned char rest_[64] = {};
  size_t filled_ = 0;
  uint64_t total_ = 0;
};

std::string sha256_hex(std::span<const std::byte> bytes);
std::string sha256_of_file(const std::string& path);  // streamed

}  // namespace parallax

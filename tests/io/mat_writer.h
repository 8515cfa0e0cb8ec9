// A tiny MAT 5 and MAT 4 writer for tests: builds the layouts of which no published file exists.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace parallax_test {

class MatWriter {
 public:
  explicit MatWriter(bool big_endian = false) : big_(big_endian) {}

  template <class T> std::string word(T v) const {
    std::string s(reinterpret_cast<const char*>(&v), sizeof v);
    return big_ ? std::string(s.rbegin(), s.rend()) : s;
  }
  std::string element(uint32_t type, const std::string& data, bool pack = true) const {
    if (pack && !data.empty() && data.size() <= 4)
      return word(static_cast<uint32_t>(data.size() << 16 | type)) + data + std::string(4 - data.size(), '\0');
    return word(type) + word(static_cast<uint32_t>(data.size())) + data + std::string((8 - data.size() % 8) % 8, '\0');
  }
  std::string header(uint32_t cls, const std::vector<int32_t>& dims, const std::string& name,
                     uint32_t flags = 0) const {
    std::string d;
    for (const int32_t x : dims) d += word(x);
    return element(6, word(cls | flags) + word(uint32_t{0})) + element(5, d) + element(1, name);
  }
  std::string matrix(const std::string& inside) const { return element(14, inside, false); }

  // values in column-major order; `stored`: tag of the element type
  std::string doubles(const std::vector<double>& v) const {
    std::string s;
    for (const double x : v) s += word(x);
    return element(9, s);
  }
  std::string numeric(const std::string& name, const std::vector<int32_t>& dims, const std::vector<double>& values,
                      uint32_t flags = 0) const {
    return matrix(header(6, dims, name, flags) + doubles(values) + (flags & 0x0800 ? doubles(values) : ""));
  }
  std::string bytes(const std::string& name, const std::vector<int32_t>& dims,
                    const std::string& values) const {  // double stored as uint8
    return matrix(header(6, dims, name) + element(2, values));
  }
  std::string floats(const std::string& name, const std::vector<int32_t>& dims,
                     const std::vector<float>& values) const {
    std::string s;
    for (const float x : values) s += word(x);
    return matrix(header(7, dims, name) + element(7, s));
  }
  std::string text(const std::string& name, const std::string& value) const {
    return matrix(header(4, {1, static_cast<int32_t>(value.size())}, name) + element(16, value));
  }
  std::string cell(const std::string& name, const std::vector<int32_t>& dims,
                   const std::vector<std::string>& members) const {
    std::string s = header(1, dims, name);
    for (const std::string& m : members) s += m;
    return matrix(s);
  }
  std::string structure(const std::string& name, const std::vector<std::pair<std::string, std::string>>& fields) const {
    std::string names, s = header(2, {1, 1}, name) + element(5, word(int32_t{32}));
    for (const auto& f : fields) names += f.first + std::string(32 - f.first.size(), '\0');
    s += element(1, names);
    for (const auto& f : fields) s += f.second;
    return matrix(s);
  }
  std::string sparse(const std::string& name, int32_t rows, int32_t cols, const std::vector<int32_t>& ir,
                     const std::vector<int32_t>& jc, const std::vector<double>& values) const {
    std::string i, j;
    for (const int32_t x : ir) i += word(x);
    for (const int32_t x : jc) j += word(x);
    return matrix(header(5, {rows, cols}, name, 0x1000) + element(5, i) + element(5, j) + doubles(values));
  }
  std::string deflated(const std::string& variable) const {
    std::string out(compressBound(variable.size()), '\0');
    uLongf n = out.size();
    compress2(reinterpret_cast<Bytef*>(out.data()), &n, reinterpret_cast<const Bytef*>(variable.data()),
              variable.size(), 6);
    out.resize(n);
    return word(uint32_t{15}) + word(static_cast<uint32_t>(n)) + out;
  }
  std::string file(const std::vector<std::string>& variables) const {
    std::string s = "MATLAB 5.0 MAT-file, written by a test\xe4";
    s.resize(124, ' ');
    s += word(uint16_t{0x0100});
    s += big_ ? "MI" : "IM";
    for (const std::string& v : variables) s += v;
    return s;
  }

  // MAT 4: precision 0 double, 1 single, 2 int32, 3 int16, 4 uint16, 5 uint8
  template <class T>
  std::string matrix4(const std::string& name, uint32_t precision, uint32_t rows, uint32_t cols,
                      const std::vector<double>& values, uint32_t kind = 0) const {
    std::string s = word(uint32_t{(big_ ? 1000u : 0u) + precision * 10 + kind}) + word(rows) + word(cols) +
                    word(uint32_t{0}) + word(static_cast<uint32_t>(name.size() + 1)) + name + std::string(1, '\0');
    for (const double v : values) s += word(static_cast<T>(v));
    return s;
  }

 private:
  bool big_;
};

}  // namespace parallax_test

// A multi-view data set in memory: V matrices over the same N samples, optional labels, and where it came from.
// Everything else of src/io produces or consumes this.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace parallax {

// One view, rows = samples, row-major, in the precision of the file: float where the file holds single, else double.
struct View {
  std::string name;  // as the file calls it: "X{1}", "view_0"
  int64_t rows = 0, cols = 0;
  std::variant<std::vector<double>, std::vector<float>> values;  // [rows * cols]
  std::string stored_type;                                       // "double", "uint8", ... as stored
  bool transposed = false;                                       // true: the file held features x samples

  bool is_single() const { return values.index() == 1; }
  double at(int64_t row, int64_t col) const {
    const size_t i = static_cast<size_t>(row * cols + col);
    return is_single() ? static_cast<double>(std::get<1>(values)[i]) : std::get<0>(values)[i];
  }
};

// Class labels, mapped to 0..classes-1 by sorted value. Read by the evaluator alone.
struct Labels {
  std::string name;                    // variable name in the file
  std::vector<int32_t> values;         // [N], 0-based
  std::vector<std::string> originals;  // [classes], what class c was called in the file
  int classes() const { return static_cast<int>(originals.size()); }
};

struct MultiView {
  std::string path;    // as given
  std::string name;    // file name without extension
  std::string format;  // mat4 mat5 mat73 hdf5 npz csv folder
  std::string sha256;  // of the file; of a folder: over names and contents in natural order
  int64_t samples = 0;
  std::vector<View> views;
  Labels labels;                   // empty values: no labels
  std::vector<std::string> notes;  // what the loader decided and warned about, for people

  bool has_labels() const { return !labels.values.empty(); }
  std::vector<int64_t> dims() const {
    std::vector<int64_t> d;
    for (const View& v : views) d.push_back(v.cols);
    return d;
  }
};

}  // namespace parallax

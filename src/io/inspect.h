// What `parallax inspect` says of a data set: facts per view over the raw values, in double.
#pragma once
#include "dataset.h"

namespace parallax {

struct ViewFacts {
  std::string name, type;
  int64_t dim = 0, nonzeros = 0, constant_columns = 0, zero_rows = 0, nan = 0;
  double min = 0, max = 0, zeros = 0, sum = 0, sum_squares = 0, first = 0, last = 0;  // zeros: a fraction
  bool transposed = false;
};

struct Inspection {
  std::string path, format, sha256;
  int64_t samples = 0;
  int classes = 0;
  std::vector<ViewFacts> views;
  bool has_labels = false;
  std::string labels_name;
  int label_first = 0, label_last = 0;  // mapped, 0-based
  std::vector<int64_t> label_counts;    // [classes]
  std::vector<std::string> notes;
};

Inspection inspect(const MultiView& data);
std::string to_json(const Inspection& i);          // one line, the fields of docs/cli.md
std::string to_text(const Inspection& i);          // a table for people
std::string json_string(const std::string& text);  // quoted and escaped; what is not UTF-8 becomes U+FFFD

}  // namespace parallax

// Comparison with reference files of the format parallax-golden-1: losses, gradients, stepped weights and outputs of
// the published implementations, against the very code that trains.
#pragma once
#include <string>
#include <vector>

#include <parallax/io/hdf5.h>
#include <parallax/tensor/context.h>

namespace parallax::golden {

// The worst error of one quantity of a file.
struct Line {
  std::string quantity;
  double absolute = 0, relative = 0;  // worst |a - b|, and that over max |b|
  double allowed = 0;                 // the bound that `absolute` (or the digest's worst ratio) is held against
  double excess = 0;                  // worst |a - b| / allowed; above 1 fails
  std::string note;                   // why it failed, where a number does not say it
  bool failed() const { return !(excess <= 1) || !note.empty(); }
};
struct Report {
  std::string file;
  std::string remark;  // why a run would be refused, for files that fail
  std::vector<Line> lines;
  bool failed() const {
    for (const Line& l : lines)
      if (l.failed()) return true;
    return lines.empty();
  }
  void fail(const std::string& quantity, const std::string& why) {
    Line l;
    l.quantity = quantity;
    l.note = why;
    lines.push_back(l);
  }
};

// `where`: the device and threads that the contexts get.
Report check_file(const std::string& path, DType type, const Context::Options& where = {});
void check_step_inputs(const H5Tree& tree);  // throws Error (data) for what a step file must say and does not
void check_step(const H5Tree& tree, DType type, const Context::Options& where, Report& report);
void check_kind(const H5Tree& tree, const std::string& kind, DType type, const Context::Options& where,
                Report& report);  // metrics, kmeans, scale, ...

// Stored values, or those of a recipe (attribute fill).
std::vector<double> stored_values(const H5Node& node);
double splitmix_unit(uint64_t t, uint64_t e);
std::vector<std::string> golden_files(const std::string& file_or_folder);

}  // namespace parallax::golden

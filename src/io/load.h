// Reads a multi-view data set: recognises the container by its content, finds views, labels and orientation by the
// rules of docs (layout.h), refuses what is incomplete or ambiguous with a sentence that says why. Files come from the
// web: nothing in them may crash the process, read another file or ask for unbounded memory.
#pragma once
#include "dataset.h"

namespace parallax {

// 16 GiB, or three quarters of the memory of this machine or container where that is less.
uint64_t default_max_bytes();

struct LoadOptions {
  std::vector<int> views;      // which views, 0-based, in this order; empty: all. One alone makes a one-view set
  std::string labels;          // name of the label variable; empty: found by the rules
  std::vector<int> transpose;  // views (file numbering) that the file holds as features x samples, by force
  bool trust_input = false;    // read HDF5 in this process instead of a helper; follow links inside folders
  uint64_t max_bytes = default_max_bytes();  // of everything that one load may hold
  bool relax_classes = false;                // no demands on class counts (predict)
  bool allow_one_view = false;               // accept a file with one view; implied when `views` names one
  std::vector<int64_t>
      expected_dims;  // widths of the chosen views, where known: settles the orientation without labels
};

// Errors: kind data for a refused or unreadable file, config for options that name what is not there.
MultiView load(const std::string& path, const LoadOptions& options = {});

// Labels alone (`eval --truth FILE`): npy, text with one label a line, or a data file, of which only the labels are
// read.
Labels load_labels(const std::string& path, const LoadOptions& options = {});

// The entries of a folder that could be data sets (files with a known ending, folders), as paths in natural order.
std::vector<std::string> data_set_candidates(const std::string& folder);

}  // namespace parallax

// A variable of a data file, whatever the container: MAT, HDF5, npz and csv readers produce these, and the layout rules
// (layout.h) read nothing else. Values stay raw bytes in the file's element type until a view or labels are made of
// them, so extras cost nothing and no value is copied twice.
#pragma once
#include <memory>

#include "bytes.h"
#include "dataset.h"

namespace parallax {

enum class Element : uint8_t { f64, f32, i8, u8, i16, u16, i32, u32, i64, u64 };
size_t size_of(Element e);
const char* name_of(Element e);  // "double", "single", "int8", ...

// Numbers as they lie in the file.
struct Raw {
  Element type = Element::f64;
  bool swap = false;  // the other byte order
  Bytes bytes;
  uint64_t count() const { return bytes.size() / size_of(type); }
};

struct Variable {
  enum class Kind { numeric, cell, structure, text, other };
  std::string name;
  std::string title;  // a name for people that the file gives beside the variable name (attribute "name")
  Kind kind = Kind::other;
  std::string type;  // array class: "double", "single", "logical", ...; of other kinds, what it is
  bool single = false, complex = false, sparse = false, column_major = false;
  std::vector<uint64_t> shape;
  Raw values, ir, jc;                 // ir, jc: rows and column starts of a column-compressed sparse matrix
  std::vector<Variable> members;      // of a cell in order, of a 1 x 1 struct by name
  std::shared_ptr<const void> owner;  // what keeps the raw bytes alive

  bool numeric() const { return kind == Kind::numeric; }
  // the 2-D reading of the shape: a 1-d array is a column, trailing dimensions are multiplied
  uint64_t rows() const { return shape.empty() ? 1 : shape[0]; }
  uint64_t cols() const;
  uint64_t elements() const;
  bool is_vector() const;  // one dimension longer than 1, or 1-d; not a scalar
  bool is_matrix() const;  // numeric with at least two dimensions longer than 1
  uint64_t length() const { return elements(); }
  std::string describe() const;  // "X (1 x 3 cell)", "Y (544 x 1 double)"
};

// All values, samples (first dimension) as rows, last dimension fastest. Sparse ones are expanded within the budget.
std::vector<double> to_doubles(const Variable& v, Budget& budget);
// A view of the variable. `transposed`: the last dimension is the sample.
View to_view(const Variable& v, bool transposed, Budget& budget);
// Row-wise concatenation (train, val, test); vectors that lie as one row are joined along it.
Variable join_rows(const std::string& name, const std::vector<const Variable*>& parts, Budget& budget);

}  // namespace parallax

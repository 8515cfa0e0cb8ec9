// The rules that turn the variables of a file into views and labels. They see variables only, never a container.
#pragma once
#include <optional>

#include "load.h"
#include "variable.h"

namespace parallax {

// Raw labels of one variable, before they are mapped to 0..C-1.
struct FoundLabels {
  std::string name;
  std::vector<double> values;
  const Variable* variable = nullptr;
};

// What the rules chose; the pointers lead into the variable list.
struct Chosen {
  std::vector<const Variable*> views;
  std::string views_text;  // "X{1..3}"
  std::optional<FoundLabels> labels;
  std::vector<const Variable*> masks;  // candidates, looked at once the views are known
  std::vector<std::string> warnings;
  bool rows_are_samples = false;  // the container says so (csv, files of our own)
};

std::string lower(std::string name);  // ASCII letters only
bool is_label_name(const std::string& name);
// Names of a cell of views, lower case, the first goes before the others.
const std::vector<std::string>& view_names();
bool is_view_name(const std::string& name);
bool is_mask_name(const std::string& name);
// "X" of "X12"; empty if the name does not end in a number of at most six digits, or is one
std::string numbered_prefix(const std::string& name);

// Labels by name, or by being the only fitting integral vector. `wanted`: the user's choice, which must qualify.
std::optional<FoundLabels> find_labels(const std::vector<Variable>& variables, const std::string& wanted,
                                       Budget& budget);
// The values of a vector that could be labels under any name: integral, 2 to n/2 of them distinct.
std::optional<std::vector<double>> plausible_labels(const Variable& v, Budget& budget);
// Values of one variable as labels; nothing if it is not of label shape, an Error if it is but its values are not
// labels.
std::optional<std::vector<double>> label_values(const Variable& v, Budget& budget);
Labels map_labels(const FoundLabels& found, const std::string& file, bool relax_classes);

// Opens a lone 1 x 1 struct and joins train/test parts.
std::vector<Variable> unwrap(std::vector<Variable> variables);
std::vector<Variable> join_train_test(std::vector<Variable> variables, Budget& budget, std::vector<std::string>& notes);

Chosen choose(const std::vector<Variable>& variables, const LoadOptions& options, Budget& budget,
              bool rows_are_samples = false);
// Orientation, conversion, refusals; fills samples, views, labels and notes.
void assemble(const Chosen& chosen, const LoadOptions& options, Budget& budget, MultiView& out);

}  // namespace parallax

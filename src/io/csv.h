// Tables of numbers as text: one sample a line, commas (semicolons and tabs are recognised), optional header line.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "variable.h"

namespace parallax {

// A matrix [lines, fields] of doubles. Messages carry line and column, counted from 1.
Variable parse_csv(std::string_view text, const std::string& name, Budget& budget);

// One number per line (labels); reads csv and plain text alike.
std::vector<double> read_number_lines(const std::string& path);

// Quotes a field if it holds a comma, a quote or a line break.
std::string csv_field(std::string_view text);
std::string number_text(double value);  // shortest form that reads back to the same bits; empty for NaN
std::string number_text(float value);
std::string csv_line(const std::vector<std::string>& fields);  // quoted, with the line end

}  // namespace parallax

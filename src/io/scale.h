// Scaling of views: explicit, fitted once, stored with the model and applied again to new rows. Computed in the
// precision of the source (float where the file holds single), cast to float afterwards.
#pragma once
#include <string>
#include <vector>

#include "dataset.h"

namespace parallax {

enum class Scale { none, minmax, minmax_global, unit_row, standardise };
const char* name_of(Scale s);                // the names of the command line: "minmax-global", ...
Scale parse_scale(const std::string& name);  // a config Error names the choices

// minmax, minmax_global:  y = x * a + b,   a = 1/r, b = 0 - min * a, r = max - min (1 if it is below 10 eps)
// standardise:            y = (x - a) / b, a = mean, b = population deviation (1 for a constant column, which becomes
// 0) unit_row:               y = x / max(|row|, 1e-12);   none: y = x
struct ScalePlan {
  Scale kind = Scale::none;
  bool single = false;       // fitted and applied in float
  std::vector<double> a, b;  // one per column; one in all for minmax_global; empty for none and unit_row
};

ScalePlan fit_scale(const View& view, Scale kind);
std::vector<float> apply_scale(const ScalePlan& plan, const View& view);       // [rows * cols]
std::vector<double> apply_scale_f64(const ScalePlan& plan, const View& view);  // before the cast to float

}  // namespace parallax

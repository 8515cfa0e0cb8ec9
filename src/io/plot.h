// Line charts of a run (losses and scores over epochs) as PNG and SVG, drawn by gnuplot in a process of its own.
// gnuplot is optional: without it the script with its data stays behind, and a sentence says what to install.
#pragma once
#include <string>
#include <vector>

namespace parallax {

struct PlotSeries {
  std::string name;
  std::vector<double> x, y;  // a NaN in y leaves a gap
};
struct PlotPanel {
  std::string label;  // of the y axis
  bool log_y = false;
  std::vector<PlotSeries> series;
};
struct PlotPhase {
  std::string name;
  double start = 0;  // x of its first point; phases beyond the first get a vertical line
};
struct Plot {
  std::string title, x_label = "epoch";
  std::vector<PlotPanel> panels;  // one above the other, on the same x axis
  std::vector<PlotPhase> phases;
};

// Writes STEM.png and STEM.svg. Returns "" if both were drawn; otherwise a sentence for the log, and STEM.gp holds the
// script with the data in it. Disk errors are Errors of kind io.
std::string draw(const Plot& plot, const std::string& stem);
std::string gnuplot_path();  // empty: not installed. PARALLAX_GNUPLOT names another one

}  // namespace parallax

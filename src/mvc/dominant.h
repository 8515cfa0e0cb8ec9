// DDMC's choice of the dominant modality (its page, section 3).
#pragma once
#include <string>
#include <vector>

#include "method.h"

namespace parallax {

struct DominantOptions {
  std::string rule = "silhouette";       // or the number or the name of a view
  int64_t restarts = 10;                 // of k-means
  bool guard = true;                     // views whose clusters are too unequal are not eligible
  double threshold = 0.85;               // least entropy of the cluster sizes / ln K
  int64_t exact = 20000, sample = 5000;  // above so many rows the silhouette is that of a sample
};

// k-means on every view alone, mean silhouette on the same features; the largest wins, ties (1e-6) go to the lowest
// index. Logs silhouette, entropy and the choice for every view. Throws Error(config) where the rule names no view.
int choose_dominant(Build& b, const DominantOptions& o);

}  // namespace parallax

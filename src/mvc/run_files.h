// Texts and files of a run folder.
#pragma once
#include "run.h"

namespace parallax {

std::string progress_line(const HistoryRow& row, int64_t epochs);  // "contrast 350/600  total 4.66  acc 0.9619 (fused)"
std::vector<std::string> score_table(
    const std::vector<FeatureScores>& s);  // a table, line by line; empty without scores
std::string history_csv(const std::vector<HistoryRow>& rows);
std::string results_csv(const RunOptions& o, const std::vector<RunOutcome>& runs);
std::string summary_json(const std::vector<RunOutcome>& runs, bool by_data);

}  // namespace parallax

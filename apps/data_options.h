// Options that say which data and how; shared by train, classify, kmeans and corrupt.
#pragma once
#include <parallax/mvc/run.h>

#include "cli.h"

namespace parallax::cli {
std::vector<Option> data_options();
void read_data_options(const Arguments& a, RunOptions& o);
void add_method_options(const Arguments& a, RunOptions& o);  // --method --set --config --seed ... (train.cpp)
void show_progress(const Arguments& a, RunOptions& o);
}  // namespace parallax::cli

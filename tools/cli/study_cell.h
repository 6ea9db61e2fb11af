#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/config/study_options.h"
#include "tools/study/cell_result.h"
#include "tools/study/cells.h"
#include "tools/weights/published_files.h"

namespace skipzoo {

/// What the command line says of a study.
struct StudyArguments {
  std::string program;  ///< As it was called: for the command to type next.
  std::string config;
  std::vector<std::string> overrides;
  std::string output;
  std::string device;
  FetchOptions fetch;
  std::string goes_on_by;  ///< The command that goes on with it.
};

/// The files of a cell besides those of a run.
std::filesystem::path result_file(const std::filesystem::path& cell);
std::filesystem::path layers_file(const std::filesystem::path& cell);
std::filesystem::path surface_file(const std::filesystem::path& cell);

/// Throws ConfigError where a cell's folder holds a run of another config, and
/// says in which keys.
void check_same_config(const StudyCell& cell,
                       const std::filesystem::path& folder);

/// Trains a cell in its folder or, where that was begun, goes on with it; then
/// measures what it came to, its loss surface too where there are to be so many
/// points a side, and writes its result, last. A loss that is not finite is a
/// result too. Returns the exit code of the training; not 0: it was stopped,
/// and there is no result yet.
int run_cell(const StudyArguments& args, const StudyOptions& study,
             const StudyCell& cell, const std::filesystem::path& folder,
             int64_t surface_points);

}  // namespace skipzoo

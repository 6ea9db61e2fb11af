#pragma once

#include <filesystem>
#include <string>

#include "tools/data/loader.h"
#include "tools/run/network.h"
#include "tools/train/metrics.h"

namespace skipzoo {

// The page that `evaluate` leaves.

/// What `evaluate` was asked for.
struct EvaluationPage {
  const NetworkSource& source;
  const LoadedNetwork& network;
  std::filesystem::path chosen;  ///< By --output; empty: none was.
  std::string split;
};

/// Before anything is measured. Throws FileError where `chosen` is a folder, or
/// the weights or the report.html of their run, which no page replaces.
void check_page(const std::filesystem::path& chosen,
                const NetworkSource& source);

/// The place chosen, else of a run's checkpoint evaluate-best-test.html and so
/// on in the run's folder; of other weights empty: there is no page unless one
/// was asked for.
std::filesystem::path place_of_page(const EvaluationPage& page);

/// Writes it, and logs where it is. Throws FileError where it was asked for and
/// cannot be written; else that is a warning.
void leave_page(const EvaluationPage& page, const Loader& loader,
                const Evaluation& result);

}  // namespace skipzoo

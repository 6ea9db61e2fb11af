#pragma once

#include <string>

#include "tools/cli/run.h"
#include "tools/data/measured.h"

namespace skipzoo {

// Which pictures `evaluate` measures a network by.

/// The pictures to measure, and what they are called.
struct Pictures {
  DatasetPtr dataset;
  std::string split;
};

/// Throws FileError where they are not there or are not the network's, and
/// ConfigError where nothing is left to measure by.
Pictures pictures_to_measure(const NetworkSource& source, Measured measured,
                             const LoadedNetwork& network);

/// Neither an export nor published weights hold where their pictures are:
/// throws ConfigError where they were not named.
void check_place(const NetworkSource& source, const LoadedNetwork& network);

}  // namespace skipzoo

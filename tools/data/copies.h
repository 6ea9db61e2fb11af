#pragma once

#include <string>
#include <vector>

#include "tools/data/dataset.h"
#include "tools/data/options.h"

namespace skipzoo {

/// content() of each picture, and that of the first among its copies where the
/// same pixels stand in other bytes: without its EXIF data, or as a PNG. So
/// what is equal here are copies. Reads every picture once, by options.workers
/// threads, and decodes its upper rows; all of it only where those are another
/// picture's too. One that cannot be read stops it, or counts as itself alone
/// (options.on_error); one that cannot be decoded always does the latter.
std::vector<std::string> contents_of(const Dataset& data,
                                     const DataOptions& options);

}  // namespace skipzoo

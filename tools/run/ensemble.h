#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tools/run/network.h"

namespace skipzoo {

/// "fold-3" in the folder of a cross-validation.
std::filesystem::path folder_of_fold(const std::filesystem::path& folder,
                                     int64_t fold);
/// How many folds a folder holds: fold-1, fold-2 …; 0: it is none.
int64_t folds_in(const std::filesystem::path& folder);

/// The best networks of all folds as one: its output is the logarithm of the
/// mean of their probabilities or, where they find several labels in a picture,
/// the logit of that, with the mean of their thresholds. What it is besides is
/// the first fold's, but it holds out nothing: each picture that one was
/// validated on, the others were trained on. Throws as load_network() does, and
/// FileError where their classes differ.
LoadedNetwork load_ensemble(const NetworkSource& source);

/// Throws ConfigError where it is several networks: `what` needs one.
void refuse_ensemble(const LoadedNetwork& network, const std::string& what);

}  // namespace skipzoo

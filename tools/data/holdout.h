#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/data/dataset.h"

namespace skipzoo {

/// Which pictures of a split a run trains on and which it holds out, each in
/// their old order: what is read from a disk is read in sequence.
struct Deal {
  std::vector<int64_t> train;
  std::vector<int64_t> held_out;
};

/// Of each class the share options.holdout, at least one picture where it has
/// two: those whose SHA-256 of seed and content come first. So pictures that
/// are added move few of the others, copies (contents_of()) go the same way,
/// and what stands under two classes is trained on. A picture of several labels
/// is dealt with its rarest class, and those of none by themselves. Reads every
/// picture once, by options.workers threads; one that cannot be read stops it,
/// or counts as itself alone (options.on_error).
Deal deal_by_content(const Dataset& data, const DataOptions& options,
                     int64_t seed);

/// By a random permutation of their places: that of runs without a list.
Deal deal_by_place(int64_t count, double share, int64_t seed);

/// Those that a list names. What is not there any more is counted in a warning.
/// Throws FileError where the list fits other data.
Deal deal_by_list(const Dataset& data, const std::filesystem::path& list);

/// The text of such a list.
std::string list_of_keys(const Dataset& data);

}  // namespace skipzoo

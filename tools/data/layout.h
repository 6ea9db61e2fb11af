#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tools/data/dataset.h"
#include "tools/data/options.h"

namespace skipzoo {

/// Whether data.root holds the class folders itself, and no splits.
bool is_flat(const DataOptions& options);

/// The folder of a split of image_folder: the one that train_split or val_split
/// names, else one of another usual name (split_meant_by()), else data.root
/// where that is flat. The named one, which is not there, where none is.
std::filesystem::path folder_of_split(const DataOptions& options, Split split);

/// The share held out where nothing else is there to validate on.
constexpr double kUsualHoldout = 0.2;

/// What a run trains by, whose data lie as they do now: train_split and
/// val_split are the names that are there ("." where data.root is flat), and
/// holdout is kUsualHoldout where it was 0 and there are no other pictures to
/// validate on: no split beside the training one, but for a val_split of one's
/// own choice, which is then missing. Logs what it found other than was asked
/// for. Whether a table's pictures have several labels each is found there too
/// (DataOptions::multi_label). Throws FileError where a table cannot be read.
DataOptions as_laid_out(DataOptions options);

/// The same of a place alone: a folder of class folders or splits, or a table.
/// Validated on is the split `val` by any of its usual names, where it is there
/// beside `test`. Throws FileError where it is neither.
DataOptions data_at(const std::filesystem::path& place);

/// For an error: where data.root holds one folder, which holds several, that is
/// probably the one that was meant; "" where not.
std::string hint_of_wrapper(const DataOptions& options);

/// The splits that are there, sorted: folders or values in the table's column;
/// none of a data set of another kind, or where they cannot be seen.
std::vector<std::string> splits_at(const DataOptions& options);

/// The name of the split that is measured: val_split, or the one that is meant
/// by it and there; "test" of a data set without names.
std::string name_of_measured_split(const DataOptions& options);

}  // namespace skipzoo

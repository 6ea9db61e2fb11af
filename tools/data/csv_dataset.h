#pragma once

#include <string>
#include <vector>

#include "tools/data/dataset.h"
#include "tools/data/options.h"

namespace skipzoo {

/// The pictures of a split of a table (DataOptions::csv). Its columns are known
/// by their headings, in any case of letters: `path` (file, filename, image …),
/// `label` (class, target …) and, where they are there, `split` (subset, set)
/// and `weight`; others are passed over. Without a column of splits all are of
/// the training split. Classes are the labels of all rows, sorted: as numbers
/// where all of them are. Throws FileError with the line of what is wrong: a
/// picture that is not there (but for on_error: skip), one named twice, a label
/// left out, a weight that is none. With several labels a picture
/// (DataOptions::multi_label) also one that no training picture has.
DatasetPtr open_csv(const DataOptions& options, Split split, int64_t channels,
                    int64_t num_classes);

/// The different labels, in the order of their numbers. Throws FileError.
std::vector<std::string> classes_of_csv(const DataOptions& options);

/// Where a training row first names several labels, with '|' between them, as
/// "line 3: 'cat|outdoor'"; empty: nowhere. Throws FileError.
std::string place_of_several_labels(const DataOptions& options);

/// The names of the splits that the table has pictures of, sorted; none where
/// it has no such column. Throws FileError.
std::vector<std::string> splits_of_csv(const DataOptions& options);

}  // namespace skipzoo

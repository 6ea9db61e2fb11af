#pragma once

#include <filesystem>
#include <istream>
#include <string>
#include <vector>

#include "tools/data/dataset.h"

namespace skipzoo {

/// Whether a name ends as that of a JPEG or PNG file.
bool is_picture(const std::filesystem::path& path);

/// What is in a folder, hidden names left out, sorted by their bytes: a
/// directory's own order differs from one file system to the next. Throws
/// FileError.
std::vector<std::filesystem::path> sorted_entries(
    const std::filesystem::path& folder);

/// The pictures that names on a command line mean: a folder stands for every
/// picture in and below it, a .txt file for the names in it, one a line, "-"
/// for those on `standard_input`; any other name for itself. In that order.
/// Throws FileError where a folder or list cannot be read or holds none.
std::vector<std::filesystem::path> find_pictures(
    const std::vector<std::string>& names, std::istream& standard_input);

/// Pictures without labels: the label of each is its place in the list.
DatasetPtr open_pictures(std::vector<std::filesystem::path> files,
                         int64_t channels);

}  // namespace skipzoo

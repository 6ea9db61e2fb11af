#pragma once

#include <filesystem>
#include <istream>
#include <string>
#include <vector>

#include "tools/data/dataset.h"
#include "tools/data/passed_over.h"

namespace skipzoo {

/// Whether its name begins with a dot, or is one that systems leave in people's
/// folders.
bool is_hidden(const std::filesystem::path& path);

/// What is in a folder, hidden names left out, sorted by their bytes: a
/// directory's own order differs from one file system to the next. Throws
/// FileError.
std::vector<std::filesystem::directory_entry> sorted_entries(
    const std::filesystem::path& folder);

/// Pictures to look at, and what was among them and is not.
struct FoundPictures {
  std::vector<std::filesystem::path> files;
  PassedOver passed_over;
};

/// The pictures that names on a command line mean: a folder stands for every
/// picture in and below it, a .txt file for the names in it, one a line, "-"
/// for those on `standard_input`; any other name for itself. In that order.
/// Throws FileError where a folder or list cannot be read or holds none.
FoundPictures find_pictures(const std::vector<std::string>& names,
                            std::istream& standard_input);

/// The names in a list, one a line or with a zero byte behind each: UTF-8 or
/// UTF-16, with or without a byte order mark, carriage returns, blanks or
/// quotes around them, as file:// addresses too. A name that is there as it
/// stands is taken as it stands.
std::vector<std::filesystem::path> names_in_list(std::string bytes);

/// Pictures without labels: that of each is 0.
DatasetPtr open_pictures(std::vector<std::filesystem::path> files,
                         const ReadImage& how);

}  // namespace skipzoo

#pragma once

#include <memory>
#include <vector>

#include "tools/weights/zip_file.h"

namespace skipzoo {

/// The records that the list at a zip's end names, in its order. Throws
/// std::runtime_error where list and records do not agree.
std::vector<ZipFile::Record> read_zip_directory(
    const std::shared_ptr<const InputFile>& file);

}  // namespace skipzoo

#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "tools/weights/zip_file.h"

namespace skipzoo {

// What a file or folder is that holds no weights, and what to do about it, as
// the end of a message: "an HTML page: was the download redirected?"

/// By its first bytes.
std::string what_file(std::span<const uint8_t> head);
/// A zip without a data.pkl, by the names in it.
std::string what_zip(const ZipFile& zip);
/// A folder, by the files in it.
std::string what_folder(const std::filesystem::path& path);

}  // namespace skipzoo

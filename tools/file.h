#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace skipzoo {

/// The whole of an ordinary file. Throws FileError.
std::vector<uint8_t> read_file(const std::filesystem::path& path);

/// Throws FileError where `to` is the file that `from` is read from.
void refuse_to_overwrite(const std::filesystem::path& from,
                         const std::filesystem::path& to);

/// Creates a folder and those above it. Throws FileError where that fails or
/// nothing can be written there.
void make_folder(const std::filesystem::path& path);

/// Creates the folder `path`, or where that is there already the first of
/// path-2, path-3 … that is not; no other process gets the same. Throws
/// FileError as make_folder().
std::filesystem::path make_folder_of_its_own(const std::filesystem::path& path);

}  // namespace skipzoo

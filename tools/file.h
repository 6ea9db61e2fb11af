#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace skipzoo {

/// The whole file. Throws FileError.
std::vector<uint8_t> read_file(const std::filesystem::path& path);

/// Calls `write` with a path beside `path`, flushes what it wrote to the disk
/// and renames it: a crash leaves the old file or the new one, never half of
/// one. A link stays one, its target is written; a device or a pipe is written
/// to itself. Throws FileError.
void write_whole(
    const std::filesystem::path& path,
    const std::function<void(const std::filesystem::path&)>& write);
/// The same for a text at hand.
void write_whole(const std::filesystem::path& path, std::string_view text);

/// Throws FileError where `to` is the file that `from` is read from.
void refuse_to_overwrite(const std::filesystem::path& from,
                         const std::filesystem::path& to);

/// Appends a line and flushes it to the disk. Throws FileError.
void append_line(const std::filesystem::path& path, std::string_view line);

/// Creates a folder and those above it. Throws FileError where that fails or
/// nothing can be written there.
void make_folder(const std::filesystem::path& path);

/// Creates the folder `path`, or where that is there already the first of
/// path-2, path-3 … that is not; no other process gets the same. Throws
/// FileError as make_folder().
std::filesystem::path make_folder_of_its_own(const std::filesystem::path& path);

}  // namespace skipzoo

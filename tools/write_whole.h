#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "tools/output_file.h"

namespace skipzoo {

/// Has `write` fill a file of a name of its own beside `path`, flushes it to
/// the disk and renames it: a crash leaves the old file or the new one, never
/// half of one, and an error leaves the old one alone. A new file has the mode
/// that the umask gives, one that is replaced keeps its mode and, where that is
/// allowed, its owner. A link stays one, its target is replaced. What is no
/// regular file, and a descriptor of this process such as /dev/stdout, is
/// written to itself, behind what it holds. Throws FileError.
void write_whole(const std::filesystem::path& path,
                 const std::function<void(OutputFile&)>& write);
/// The same for a text at hand.
void write_whole(const std::filesystem::path& path, std::string_view text);
/// The same for what a user named as the place of a result: makes the folders
/// above it, and removes those again where an error leaves them empty.
void write_output(const std::filesystem::path& path,
                  const std::function<void(OutputFile&)>& write);

/// Gives a file that is whole, and on the disk, its name, and has the disk note
/// that. What had the name is replaced. Throws FileError.
void rename_whole(const std::filesystem::path& from,
                  const std::filesystem::path& to);

/// Whether write_whole() replaces `path`, or makes it; else it is written to
/// itself and cannot be read again.
bool is_replaced_whole(const std::filesystem::path& path);

/// An empty file of a name of its own among the temporary ones, removed at the
/// end.
class TemporaryFile {
 public:
  TemporaryFile();
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Appends and flushes to the disk; what of it was written when that fails is
/// cut off again. Throws FileError.
void append(const std::filesystem::path& path, std::string_view bytes);

/// Removes what write_whole() has begun and not finished, and each
/// TemporaryFile, for a process that is about to end. Only this is for a
/// signal's handler.
void remove_unfinished_files() noexcept;
/// Removes what a process that was killed left unfinished of a file.
void remove_leftovers_of(const std::filesystem::path& path);

}  // namespace skipzoo

#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace skipzoo {

/// A file of that name that one process holds at a time; it names the process
/// and is removed at the end. The system lets go of it when its holder ends,
/// however that ends. On NFS it holds between machines too (Linux makes it a
/// lock of the server's); a file system without locks has none, and says so in
/// a warning.
class LockFile {
 public:
  /// Waits for whoever holds it. Before that `on_held` is called, once, with
  /// the holder in words, and may throw instead. Throws FileError where nothing
  /// can be written in its folder.
  LockFile(const std::filesystem::path& path,
           const std::function<void(const std::string& holder)>& on_held);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace skipzoo

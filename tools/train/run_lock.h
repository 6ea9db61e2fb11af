#pragma once

#include <filesystem>

namespace skipzoo {

/// Held by the one process that writes into a run's folder. The system lets go
/// of it when that ends, however it ends. On NFS it holds between machines too
/// (Linux makes it a lock of the server's); a file system without locks has
/// none, and says so in a warning.
class RunLock {
 public:
  /// Throws FileError naming who holds it, at once.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace skipzoo

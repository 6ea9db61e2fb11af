#pragma once

#include <filesystem>

#include "tools/lock_file.h"

namespace skipzoo {

/// Held by the one process that writes into a run's folder.
class RunLock {
 public:
  /// Throws FileError naming who holds it, at once.
  explicit RunLock(const std::filesystem::path& folder);

 private:
  LockFile file_;
};

}  // namespace skipzoo

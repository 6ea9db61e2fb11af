#pragma once

#include <cstdint>

namespace skipzoo {

/// While it stands, the system refuses one of the calls by which this process
/// writes: the creation of a file or folder, truncate and rename, and for
/// regular files write, pwrite, ftruncate and fsync.
class Fault {
 public:
  /// number: which call, counted from 1. error: ENOSPC, EIO ...
  Fault(int64_t number, int error);
  ~Fault();
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;

  /// Whether there were that many calls.
  bool happened() const;
};

}  // namespace skipzoo

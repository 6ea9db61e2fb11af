#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tools/weights/input_file.h"

namespace skipzoo {

/// The ordinary files of a tar (POSIX.1-1988's ustar), by name.
class TarFile {
 public:
  struct Member {
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  /// Throws std::runtime_error where it is damaged or cut short.
  explicit TarFile(const std::shared_ptr<const InputFile>& file);
  /// Whether a file begins as a tar does.
  static bool begins(const InputFile& file);

  bool has(const std::string& name) const { return members_.contains(name); }
  const Member& at(const std::string& name) const { return members_.at(name); }
  /// " with NAME in it", or nothing where the tar is empty.
  std::string first_name() const;

 private:
  std::map<std::string, Member> members_;
  std::string first_;
};

}  // namespace skipzoo

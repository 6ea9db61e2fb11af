#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace skipzoo {

/// Whether a name ends as that of a picture of a kind that this build reads.
bool is_picture(const std::filesystem::path& path);
/// Whether it ends as one of a kind that is not, such as .heic.
bool is_other_picture(const std::filesystem::path& path);

/// What was found among pictures and not taken, so that it can be named.
struct PassedOver {
  std::map<std::string, int64_t> files;  ///< By ending, e.g. ".heic"; or "".
  int64_t pictures = 0;                  ///< Those of them that are pictures.
  int64_t beside_classes = 0;            ///< Pictures in no class folder.
  int64_t links = 0;   ///< Links to folders, which are not followed.
  int64_t broken = 0;  ///< Links and folders that cannot be looked into.

  void add_file(const std::filesystem::path& path);
  void add(const PassedOver& more);
  /// Whether a picture may be among it.
  bool misses_pictures() const {
    return pictures + beside_classes + broken > 0;
  }
  /// E.g. "12 .heic, 2 .txt; 7 pictures beside the class folders"; "" for
  /// nothing.
  std::string text() const;
};

}  // namespace skipzoo

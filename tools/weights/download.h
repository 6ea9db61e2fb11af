#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "tools/weights/http_get.h"

namespace skipzoo {

/// A file that is to be fetched.
struct Download {
  std::string address;
  std::filesystem::path to;
  /// The first digits of its SHA-256.
  std::string sha256;
};

/// Told how many bytes of how many are there; 0 of all where that is unknown.
using Progress = std::function<void(int64_t done, int64_t all)>;

struct DownloadOptions {
  HttpOptions http = {};
  /// Asked for one when bytes begin to come, with the file's name; it lives as
  /// long as the download. Empty: nobody looks.
  std::function<Progress(const std::string& file)> progress = {};
  /// How often in a row a cut connection may bring less than a megabyte more.
  int tries = 5;
  /// Between two tries, doubled each time.
  std::chrono::milliseconds pause{1000};
};

/// Fetches a file that is not there yet, and makes the folders above it. It
/// has its name only once it is whole, its SHA-256 is right and the disk has
/// it; until then it is `to`.part, from which a later call goes on where this
/// one is cut off. Of several processes one fetches, the others wait and find
/// it. Throws FileError, naming `to`, where it cannot be fetched or written.
void download(const Download& what, const DownloadOptions& options = {});

}  // namespace skipzoo

#pragma once

#include <filesystem>
#include <string>

#include "tools/weights/published_files.h"

namespace skipzoo {

/// What a config is made for: `skipzoo init`, and `skipzoo train` of a place.
struct InitRequest {
  std::filesystem::path place;  ///< A folder of pictures, or a table of them.
  std::string weights;          ///< To begin from; empty: from scratch.
  double minutes = kMinutes;    ///< That the training may take.
  std::string device;           ///< Empty: auto.
  FetchOptions fetch;

  static constexpr double kMinutes = 20;
};

/// The config file that a place has where none is named: "photos.yaml" of
/// photos/ or photos.csv, in the working folder.
std::filesystem::path config_of_place(const std::filesystem::path& place);

/// Looks at the pictures, times networks and sweeps the learning rate; writes
/// the config that comes of it. Throws ConfigError where the file is there.
void write_config_for(const InitRequest& request,
                      const std::filesystem::path& file);

}  // namespace skipzoo

#pragma once

#include <filesystem>
#include <utility>

namespace skipzoo {

/// What a config names as weights: a file or folder, by an absolute path, or
/// published weights by their full name (PublishedWeights::name()), which no
/// absolute path is.
struct WeightsPath : std::filesystem::path {
  using std::filesystem::path::path;
  WeightsPath() = default;
  WeightsPath(std::filesystem::path named)
      : std::filesystem::path(std::move(named)) {}
};

}  // namespace skipzoo

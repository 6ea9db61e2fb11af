#pragma once

#include <filesystem>
#include <optional>

#include "tools/train/checkpoint.h"
#include "tools/weights/published_files.h"

namespace skipzoo {

/// Weights as a user names them, in place.
struct FoundWeights {
  std::filesystem::path file;
  /// What they are of torchvision's, where they were named so; else null.
  const PublishedWeights* published = nullptr;

  /// What is known of their network: of published weights their config,
  /// preprocessing and ImageNet's classes, else what the file says
  /// (read_metadata()).
  std::optional<ModelMetadata> metadata() const;
};

/// A path that is there is that file, or of a run's folder its best checkpoint;
/// else a name is that of published weights, which are fetched where they are
/// nowhere (fetch_published()). Throws FileError where it is neither, with the
/// nearest name. What is clearly a path is not looked at: its reader says more.
FoundWeights find_weights(const std::filesystem::path& named,
                          const FetchOptions& fetch = {});

/// What find_weights() says of a name that it does not know: which was probably
/// meant, else how to see all; begins with "no".
std::string no_published(const std::string& name);

/// As a checkpoint of that network would have it; data.root is a stand-in.
ModelMetadata metadata_of(const PublishedWeights& weights);

}  // namespace skipzoo

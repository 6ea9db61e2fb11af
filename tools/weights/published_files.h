#pragma once

#include <filesystem>

#include "tools/weights/download.h"
#include "tools/weights/published.h"

namespace skipzoo {

/// Where torch.hub of Python keeps what it fetches, so that both find it:
/// $TORCH_HOME/hub/checkpoints, else $XDG_CACHE_HOME/torch/hub/checkpoints,
/// else ~/.cache/torch/hub/checkpoints. Empty where HOME is not set either.
std::filesystem::path published_folder();

/// Where the file lies already: in that folder, else in the working folder;
/// empty where it is in neither. What is in it is not looked at.
std::filesystem::path published_file(const PublishedWeights& weights);

/// How published weights are fetched.
struct FetchOptions {
  /// Nothing is fetched; so too where the environment has SKIPZOO_OFFLINE=1.
  bool offline = false;
  DownloadOptions download = {};
};

/// The file where it lies, fetched into that folder where it lies nowhere. Its
/// SHA-256 is compared each time. Throws FileError where it is another's or
/// cannot be had; that says where the file is and where to lay it.
std::filesystem::path fetch_published(const PublishedWeights& weights,
                                      const FetchOptions& options = {});

}  // namespace skipzoo

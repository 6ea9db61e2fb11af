#include "tools/weights/published_files.h"

#include <cstdlib>
#include <string>
#include <system_error>

#include "tools/error.h"
#include "tools/sha256.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Empty where it is not set or nothing.
std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// torch.hub fills in `~` of its own variable.
fs::path with_home(const std::string& path) {
  if (path == "~" || path.starts_with("~/")) {
    return variable("HOME") + path.substr(1);
  }
  return path;
}

bool is_offline(const FetchOptions& options) {
  const auto word = variable("SKIPZOO_OFFLINE");
  return options.offline || !(word.empty() || word == "0");
}

void check_content(const fs::path& file, const PublishedWeights& weights) {
  const auto sha256 = sha256_of_file(file);
  if (sha256.starts_with(weights.sha256())) return;
  throw FileError(file, "is not " + weights.name() +
                            " as torchvision publishes it: its SHA-256 is " +
                            sha256 + ", expected " +
                            std::string(weights.sha256()) +
                            "…; a damaged file, or another: remove it, or give "
                            "it another name");
}

/// For whoever has no network here.
constexpr const char* kByHand =
    "; it may be laid there by hand, or into the working folder; TORCH_HOME "
    "names another place";

}  // namespace

fs::path published_folder() {
  const fs::path rest = fs::path("hub") / "checkpoints";
  if (const auto home = variable("TORCH_HOME"); !home.empty()) {
    return with_home(home) / rest;
  }
  if (const auto cache = variable("XDG_CACHE_HOME"); !cache.empty()) {
    return with_home(cache) / "torch" / rest;
  }
  const auto home = variable("HOME");
  return home.empty() ? fs::path() : fs::path(home) / ".cache/torch" / rest;
}

fs::path published_file(const PublishedWeights& weights) {
  std::error_code ignored;
  const auto folder = published_folder();
  if (!folder.empty() && fs::is_regular_file(folder / weights.file, ignored)) {
    return folder / weights.file;
  }
  const fs::path here = weights.file;
  return fs::is_regular_file(here, ignored) ? here : fs::path();
}

fs::path fetch_published(const PublishedWeights& weights,
                         const FetchOptions& options) {
  const auto found = published_file(weights);
  if (!found.empty()) {
    check_content(found, weights);
    return found;
  }
  const auto folder = published_folder();
  if (folder.empty()) {
    throw FileError(weights.file,
                    "is not here, and neither HOME nor TORCH_HOME says where "
                    "to lay it; set one of them, or lay " +
                        weights.address() + " into the working folder");
  }
  const auto file = folder / weights.file;
  if (is_offline(options)) {
    throw FileError(file,
                    "is not there, and --offline or SKIPZOO_OFFLINE "
                    "forbids to fetch it from " +
                        weights.address() + kByHand);
  }
  try {
    download({.address = weights.address(),
              .to = file,
              .sha256 = std::string(weights.sha256())},
             options.download);
  } catch (const FileError& error) {
    throw FileError(error, kByHand);
  }
  return file;
}

}  // namespace skipzoo

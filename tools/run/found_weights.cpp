#include "tools/run/found_weights.h"

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <system_error>

#include "tools/config/nearest.h"
#include "tools/config/run_config.h"
#include "tools/error.h"
#include "tools/run/ensemble.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

Interpolation interpolation_of(const PublishedWeights& weights) {
  for (const auto& [value, name] : EnumNames<Interpolation>::values) {
    if (name == weights.interpolation) return value;
  }
  throw std::logic_error("no such interpolation: " +
                         std::string(weights.interpolation));
}

RunConfig config_of_published(const PublishedWeights& weights) {
  RunConfig config;
  config.model = weights.model();
  auto& data = config.data;
  data.root = "FOLDER";
  data.val_split = "val";  // As ImageNet is unpacked for torchvision.
  data.image_size = weights.image_size;
  data.crop_pct = static_cast<double>(weights.image_size) /
                  static_cast<double>(weights.resize_size);
  data.interpolation = interpolation_of(weights);
  data.mean.assign(weights.mean.begin(), weights.mean.end());
  data.std.assign(weights.std.begin(), weights.std.end());
  data.batch_size = 32;  // Of 224 x 224, in any machine's memory.
  return config;
}

}  // namespace

ModelMetadata metadata_of(const PublishedWeights& weights) {
  const RunConfig config = config_of_published(weights);
  return {.config = dump_config(config),
          .classes = imagenet_categories(),
          .mean = config.data.mean,
          .std = config.data.std,
          .input_shape = input_shape(config)};
}

std::optional<ModelMetadata> FoundWeights::metadata() const {
  if (published != nullptr) return metadata_of(*published);
  return read_metadata(file);
}

std::string no_published(const std::string& name) {
  const auto meant = nearest(name, published_names());
  return "no published weights have that name; " +
         (meant.empty() ? "'skipzoo weights' lists those that there are"
                        : "did you mean " + meant + "?");
}

FoundWeights find_weights(const fs::path& named, const FetchOptions& fetch) {
  std::error_code ignored;
  const auto* published = find_published(named.string());
  if (fs::exists(named, ignored)) {
    if (folds_in(named) > 0) {
      throw FileError(named,
                      "holds the folds of a cross-validation; give one of "
                      "them, as " +
                          folder_of_fold(named, 1).string());
    }
    if (published != nullptr) {
      spdlog::info("{}: the file or folder here, not the published weights",
                   named.string());
    }
    return {.file = weights_at(named)};
  }
  if (published != nullptr) {
    return {.file = fetch_published(*published, fetch), .published = published};
  }
  const auto name = named.filename().string();
  const bool is_word = named == named.filename();
  // In a config a word has become a path.
  const bool may_be_meant =
      named.is_absolute() && !nearest(name, published_names()).empty();
  if (!named.has_extension() && (is_word || may_be_meant)) {
    throw FileError(named, "no such file or folder, and " + no_published(name));
  }
  return {.file = named};
}

}  // namespace skipzoo

#include "tools/plan/pretrained.h"

#include "models/make_model.h"
#include "tools/error.h"
#include "tools/run/found_weights.h"
#include "tools/run/network.h"
#include "tools/run/trained_with.h"
#include "tools/weights/deduce.h"
#include "tools/weights/fit.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

/// What most others normalise by, and say nothing of.
DataOptions usual_data(const ModelOptions& model) {
  DataOptions data;
  const auto* resnet = std::get_if<ResNetOptions>(&model);
  const auto* densenet = std::get_if<DenseNetOptions>(&model);
  const bool is_imagenet =
      (resnet != nullptr && resnet->stem == Stem::kImageNet) ||
      (densenet != nullptr && densenet->stem == Stem::kImageNet);
  data.image_size = is_imagenet ? 224 : 32;
  if (!is_imagenet) data.crop_pct = 1;
  data.mean = {0.485, 0.456, 0.406};
  data.std = {0.229, 0.224, 0.225};
  return data;
}

/// The network of weights that say nothing of it.
ModelOptions network_in(const std::filesystem::path& path) {
  const auto file = read_weight_file(path, {});
  for (const auto& options : networks_of(file.tensors, ResNetOptions())) {
    const auto model = make_model(options);
    if (Fit(file.tensors, *model, Head::kMayBeNew).report().complete()) {
      return options;
    }
  }
  throw FileError(path,
                  "weights of no network that is known here; 'skipzoo inspect' "
                  "shows what is in it");
}

}  // namespace

Pretrained pretrained_by(const std::filesystem::path& named,
                         const FetchOptions& fetch) {
  const auto found = find_weights(named, fetch);
  const auto* published =
      found.published != nullptr
          ? found.published
          : find_published_file(found.file.filename().string());
  const auto metadata =
      published != nullptr ? metadata_of(*published) : found.metadata();
  Pretrained pretrained{
      .weights = found.published != nullptr
                     ? std::filesystem::path(found.published->name())
                     : std::filesystem::absolute(named),
      .model = {},
      .data = {}};
  const auto config = metadata ? config_of(*metadata) : std::nullopt;
  if (!config) {
    pretrained.model = network_in(found.file);
    pretrained.data = usual_data(pretrained.model);
    return pretrained;
  }
  pretrained.model = config->model;
  pretrained.data = config->data;
  if (pretrained.data.image_size == 0) {
    pretrained.data.image_size = metadata->input_shape[1];
    pretrained.data.crop_pct = 1;
  }
  return pretrained;
}

}  // namespace skipzoo

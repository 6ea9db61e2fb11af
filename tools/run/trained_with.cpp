#include "tools/run/trained_with.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "tools/config/compare.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/printable.h"
#include "tools/weights/published.h"

namespace skipzoo {

std::optional<RunConfig> config_of(const ModelMetadata& metadata) {
  try {
    return parse_resolved_config(metadata.config, "the run's config", {},
                                 metadata.format)
        .config;
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

namespace {

std::string joined(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    text += (text.empty() ? "" : ", ") + c10::str(value);
  }
  return text.empty() ? "none" : text;
}

/// ImageNet's own folders are named by WordNet's numbers ("n01440764"), in the
/// order of which its classes are.
bool are_imagenet_folders(const std::vector<std::string>& classes) {
  return std::ranges::all_of(classes, [](const std::string& name) {
    return name.size() == 9 && name[0] == 'n' &&
           name.find_first_not_of("0123456789", 1) == std::string::npos;
  });
}

}  // namespace

void warn_of_other_data(const ModelMetadata& trained,
                        const ModelMetadata& data) {
  const bool same_classes = trained.classes == data.classes ||
                            (trained.classes == imagenet_categories() &&
                             are_imagenet_folders(data.classes));
  // Another number of them is the head's affair.
  if (trained.classes.size() == data.classes.size() && !same_classes) {
    size_t i = 0;
    while (trained.classes[i] == data.classes[i]) ++i;
    spdlog::warn(
        "the class names of the data are not those the weights were trained "
        "with; the first that differs: '{}' there, '{}' here; {}",
        printable(trained.classes[i]), printable(data.classes[i]),
        difference(trained.classes, "the weights", data.classes, "the data"));
  }
  if (trained.mean != data.mean || trained.std != data.std) {
    spdlog::warn(
        "the weights were trained on pictures with mean {} and std {}, the "
        "data have mean {} and std {}",
        joined(trained.mean), joined(trained.std), joined(data.mean),
        joined(data.std));
  }
  if (trained.input_shape != data.input_shape) {
    spdlog::warn("the weights were trained on pictures of {}, the data are {}",
                 c10::str(at::IntArrayRef(trained.input_shape)),
                 c10::str(at::IntArrayRef(data.input_shape)));
  }
}

void warn_of_other_network(const ModelMetadata& trained, const RunConfig& now) {
  const auto then = config_of(trained);
  if (!then) return;
  for (const auto& [key, there, here] : differences(*then, now)) {
    // What a head, a first convolution, an option of speed or the first weights
    // may differ in.
    const auto may_differ = {"model.num_classes", "model.in_channels",
                             "model.kernels", "model.zero_init_residual"};
    if (!key.starts_with("model.") ||
        std::ranges::find(may_differ, key) != may_differ.end()) {
      continue;
    }
    spdlog::warn(
        "the weights were trained in another network: '{}' there, '{}' here",
        there, here);
    return;
  }
}

}  // namespace skipzoo

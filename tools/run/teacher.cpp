#include "tools/run/teacher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>

#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/printable.h"
#include "tools/run/network.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

constexpr const char* kKey = "train.distill.teacher";

LoadedNetwork teaching_network(const RunConfig& config,
                               const FoundWeights& found,
                               torch::Device device) {
  const auto& options = config.train.distill;
  if (!std::filesystem::exists(found.file)) {
    throw FileError(options.teacher, "no such file or folder");
  }
  if (options.config.empty() && !found.metadata()) {
    throw FileError(options.teacher,
                    "says nothing of its network; name its config by "
                    "train.distill.config");
  }
  // A network sets the threads of the process: to those of the run.
  return load_network(
      {.file = options.teacher,
       .config = options.config.string(),
       .overrides = {"train.threads=" + std::to_string(config.train.threads)},
       .device = device.str()},
      found);
}

/// Why the teacher's answers say nothing of the run's pictures; empty: they do.
std::string misfit_of(const LoadedNetwork& teacher, const RunConfig& config,
                      const std::vector<std::string>& names) {
  const auto channels = in_channels(teacher.config.model);
  if (channels != in_channels(config.model)) {
    return "takes pictures of " + std::to_string(channels) +
           " channels, model.in_channels is " +
           std::to_string(in_channels(config.model));
  }
  const auto known =
      teacher.is_program()
          ? static_cast<int64_t>(teacher.metadata->classes.size())
          : num_classes(teacher.config.model);
  if (known != num_classes(config.model)) {
    return "knows " + std::to_string(known) +
           " classes, model.num_classes is " +
           std::to_string(num_classes(config.model));
  }
  if (teacher.finds_several()) {
    return "finds several labels in a picture, those of the data have one each";
  }
  if (!teacher.metadata || teacher.metadata->classes == names) return "";
  const auto& own = teacher.metadata->classes;
  if (own.size() != names.size() || !std::ranges::is_permutation(own, names)) {
    return "";
  }
  const auto at = std::ranges::mismatch(own, names);
  return "has the classes in another order: the first that differs is '" +
         printable(*at.in1) + "' there, '" + printable(*at.in2) +
         "' in the data";
}

void warn_of_other_names(const LoadedNetwork& teacher,
                         const std::vector<std::string>& names) {
  if (!teacher.metadata || teacher.metadata->classes == names) return;
  spdlog::warn(
      "{}: the teacher's classes have other names than the data's; they are "
      "taken to be the same, in their order; {}",
      kKey,
      difference(teacher.metadata->classes, "the teacher", names, "the data"));
}

/// (H, W) of the pictures that it is used on; empty where nothing says it.
std::vector<int64_t> size_of_pictures(const LoadedNetwork& network) {
  if (network.config.data.image_size == 0 && !network.metadata) return {};
  const auto shape = network.metadata_now().input_shape;
  return {shape.at(1), shape.at(2)};
}

}  // namespace

Teacher load_teacher(const RunConfig& config,
                     const std::vector<std::string>& classes,
                     torch::Device device, const FetchOptions& fetch) {
  const auto& options = config.train.distill;
  if (!options.enabled()) return {};
  try {
    const auto found = find_weights(options.teacher, fetch);
    const auto network = teaching_network(config, found, device);
    const auto misfit = misfit_of(network, config, classes);
    if (!misfit.empty()) {
      throw ConfigError(std::string(kKey) + ": " + options.teacher.string() +
                        ": " + misfit);
    }
    warn_of_other_names(network, classes);
    const OtherView view(make_preprocessing(config, device).normalise,
                         network.preprocess, size_of_pictures(network));
    return {.logits =
                [view, forward = network.forward](const torch::Tensor& images) {
                  return forward(view(images)).detach();
                },
            .identity = identity_of(read_weight_file(found.file).tensors)};
  } catch (const FileError& error) {
    throw FileError(error, std::string("; it is named by ") + kKey);
  }
}

}  // namespace skipzoo

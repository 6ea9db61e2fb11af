#include "tools/cli/run.h"

#include <spdlog/spdlog.h>

#include "models/classifier.h"
#include "models/summary.h"
#include "tools/error.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

std::vector<int64_t> picture_shape(const RunConfig& config,
                                   const Dataset& dataset) {
  if (config.data.image_size != 0) return input_shape(config);
  const Image first = dataset.image(0);
  return {first.channels, first.height, first.width};
}

void check_passes(Classifier& model, const std::vector<int64_t>& shape,
                  const std::string& key) {
  try {
    summarise(model, shape);
  } catch (const c10::Error& error) {
    throw ConfigError(
        key + ": pictures of " + std::to_string(shape[2]) + " x " +
        std::to_string(shape[1]) +
        " do not pass through this network: " + error.what_without_backtrace());
  }
}

ModelMetadata make_metadata(const RunConfig& config, const Dataset& dataset) {
  return {.config = dump_config(config),
          .classes = dataset.classes(),
          .mean = config.data.mean,
          .std = config.data.std,
          .input_shape = picture_shape(config, dataset),
          // Until a validation finds better ones.
          .thresholds = std::vector<double>(
              dataset.is_multi_label() ? dataset.classes().size() : 0, 0.5),
          .held_out_by_content = config.data.holdout > 0};
}

HeldOut held_out_of(const std::filesystem::path& file,
                    const ModelMetadata& run) {
  const auto folder = std::filesystem::absolute(file).parent_path();
  const auto list = RunFolder::open(folder).holdout();
  if (std::filesystem::exists(list)) return {.list = list};
  if (run.held_out_by_content) {
    spdlog::warn("{}: not there; the pictures held out are drawn anew",
                 list.string());
  }
  return {.list = {}, .by_place = !run.held_out_by_content};
}

}  // namespace skipzoo

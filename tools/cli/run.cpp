#include "tools/cli/run.h"

#include "models/summary.h"
#include "tools/data/transform.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// (C, H, W) of what the network will get.
std::vector<int64_t> shape_of(const RunConfig& config, const Dataset& dataset) {
  if (config.data.image_size != 0) return input_shape(config);
  const Image first = dataset.image(0);
  return {first.channels, first.height, first.width};
}

}  // namespace

std::shared_ptr<Classifier> build_model(const RunConfig& config,
                                        const Dataset& dataset) {
  auto model = make_model(config.model);
  const auto shape = shape_of(config, dataset);
  try {
    summarise(*model, shape);
  } catch (const c10::Error& error) {
    throw ConfigError(
        "data.image_size: pictures of " + std::to_string(shape[2]) + " x " +
        std::to_string(shape[1]) +
        " do not pass through this network: " + error.what_without_backtrace());
  }
  return model;
}

Inputs make_inputs(const RunConfig& config, torch::Device device) {
  return {.device = device,
          .channels_last = config.train.channels_last,
          .amp = config.train.amp,
          .normalise = Normaliser(config.data.mean, config.data.std, device)};
}

Identity make_identity(const RunConfig& config, const Dataset& dataset) {
  return {.config = dump_config(config),
          .classes = dataset.classes(),
          .mean = config.data.mean,
          .std = config.data.std,
          .input_shape = shape_of(config, dataset)};
}

}  // namespace skipzoo

#include "tools/cli/run.h"

#include <spdlog/spdlog.h>

#include "models/summary.h"
#include "tools/data/transform.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/export/scripted.h"
#include "tools/train/run_folder.h"
#include "tools/weights/fit.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

/// The model section of a resolved config.
std::string model_part(const std::string& config) {
  return config.substr(0, config.find("\ndata:"));
}

LoadedConfig config_of(const NetworkSource& source, const WeightFile& file,
                       const std::optional<Identity>& identity) {
  if (!source.config.empty()) {
    return load_config(source.config, source.overrides);
  }
  if (!identity) {
    throw ConfigError(source.file.string() + ": " +
                      std::string(kind_text(file.kind)) +
                      " says nothing of its network; name it by -c CONFIG");
  }
  return parse_config(identity->config, source.file.string(),
                      std::filesystem::current_path(), source.overrides);
}

std::string joined(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    text += (text.empty() ? "" : ", ") + c10::str(value);
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::vector<int64_t> picture_shape(const RunConfig& config,
                                   const Dataset& dataset) {
  if (config.data.image_size != 0) return input_shape(config);
  const Image first = dataset.image(0);
  return {first.channels, first.height, first.width};
}

void check_passes(Classifier& model, const std::vector<int64_t>& shape) {
  if (model.parameters().empty()) return;  // A program, which checks itself.
  try {
    summarise(model, shape);
  } catch (const c10::Error& error) {
    throw ConfigError(
        "data.image_size: pictures of " + std::to_string(shape[2]) + " x " +
        std::to_string(shape[1]) +
        " do not pass through this network: " + error.what_without_backtrace());
  }
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
          .input_shape = picture_shape(config, dataset)};
}

void warn_of_other_data(const Identity& trained, const Identity& data) {
  if (trained.classes != data.classes) {
    const size_t both = std::min(trained.classes.size(), data.classes.size());
    size_t i = 0;
    while (i < both && trained.classes[i] == data.classes[i]) ++i;
    const std::string first =
        i < both ? "; the first that differs: '" + trained.classes[i] +
                       "' there, '" + data.classes[i] + "' here"
                 : "; " + std::to_string(trained.classes.size()) + " there, " +
                       std::to_string(data.classes.size()) + " here";
    spdlog::warn(
        "the class names of the data are not those the weights were "
        "trained with{}",
        first);
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

std::string LoadedNetwork::class_name(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  return identity && i < identity->classes.size() ? identity->classes[i]
                                                  : std::to_string(index);
}

Identity LoadedNetwork::identity_or_config() const {
  if (identity) return *identity;
  Identity from_config{.config = dump_config(config),
                       .classes = {},
                       .mean = config.data.mean,
                       .std = config.data.std,
                       .input_shape = input_shape(config)};
  for (int64_t i = 0; i < num_classes(config.model); ++i) {
    from_config.classes.push_back(class_name(i));
  }
  return from_config;
}

namespace {

/// An exported program: its own network, and its own idea of pixels.
void load_program(const std::filesystem::path& path, LoadedNetwork& network) {
  auto program = load_scripted(path, network.device);
  network.model = program.model;
  network.is_program = true;
  auto& inputs = network.inputs;
  inputs.amp = Amp::kOff;
  if (program.pixels == Pixels::kUnit) {
    inputs.normalise = Normaliser({}, {}, network.device);
  } else if (program.pixels == Pixels::kByte) {
    inputs.normalise = Normaliser({}, {1.0 / 255}, network.device);
  }
}

/// Weights in the network of the config.
void load_weights_of(const WeightFile& file, const std::filesystem::path& path,
                     LoadedNetwork& network) {
  const auto& config = network.config;
  network.model = make_model(config.model);
  const Fit fit(file.tensors, *network.model);
  if (!fit.report().complete()) {
    throw FileError(
        path, "does not fit the network of the config: " + fit.report().text());
  }
  for (const auto& sentence : fit.report().adapted) spdlog::warn(sentence);
  if (!network.identity) {
    spdlog::info(fit.report().text());
  } else if (model_part(network.identity->config) !=
             model_part(dump_config(config))) {
    spdlog::warn("the network is not the one these weights were trained in");
  }
  fit.copy();
  place(*network.model, network.device, config.train.channels_last);
}

}  // namespace

LoadedNetwork load_network(const NetworkSource& given) {
  NetworkSource source = given;
  source.file = weights_at(source.file);
  const WeightFile file = read_weight_file(source.file);
  LoadedNetwork network;
  network.identity = read_identity(source.file);
  const auto [config, warnings] = config_of(source, file, network.identity);
  for (const auto& warning : warnings) spdlog::warn(warning);
  network.config = config;
  set_threads(config.train.threads);
  network.device = resolve_device(source.device.empty() ? config.train.device
                                                        : source.device);
  network.inputs = make_inputs(config, network.device);
  if (file.kind == WeightKind::kTorchScript && network.identity) {
    load_program(source.file, network);
  } else {
    load_weights_of(file, source.file, network);
  }
  return network;
}

}  // namespace skipzoo

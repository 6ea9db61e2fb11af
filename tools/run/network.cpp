#include "tools/run/network.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/config/compare.h"
#include "tools/config/variants.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/export/scripted.h"
#include "tools/run/ensemble.h"
#include "tools/run/thresholds.h"
#include "tools/run/trained_with.h"
#include "tools/train/precision.h"
#include "tools/weights/fit.h"
#include "tools/weights/remarks.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

LoadedConfig read_config(const NetworkSource& source, const WeightFile& file,
                         const std::optional<ModelMetadata>& metadata) {
  if (!source.config.empty()) {
    return load_config(source.config, source.overrides);
  }
  if (!metadata) {
    const auto* published =
        find_published_file(source.file.filename().string());
    throw ConfigError(
        source.file.string() + ": " + std::string(kind_text(file.kind)) +
        " says nothing of its network; name it by -c CONFIG" +
        (published == nullptr
             ? ""
             : ", or give the weights by their name, " + published->name()));
  }
  return parse_resolved_config(metadata->config, source.file.string(),
                               source.overrides, metadata->format);
}

bool differ_in_model(const RunConfig& a, const RunConfig& b) {
  return std::ranges::any_of(differences(a, b), [](const auto& difference) {
    return difference.key.starts_with("model.");
  });
}

}  // namespace

Preprocessing make_preprocessing(const RunConfig& config,
                                 torch::Device device) {
  return {.device = device,
          .channels_last = config.train.channels_last,
          .normalise = Normaliser(config.data.mean, config.data.std, device)};
}

DataOptions picture_options(const LoadedNetwork& network) {
  DataOptions data = network.config.data;
  const auto& metadata = network.metadata;
  if (data.image_size == 0 && metadata &&
      metadata->input_shape[1] == metadata->input_shape[2]) {
    data.image_size = metadata->input_shape[1];
    data.crop_pct = 1;
  }
  return data;
}

std::string LoadedNetwork::class_name(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  return metadata && i < metadata->classes.size() ? metadata->classes[i]
                                                  : std::to_string(index);
}

ModelMetadata LoadedNetwork::metadata_now() const {
  ModelMetadata now{
      .config = dump_config(config),
      .classes = {},
      .mean = config.data.mean,
      .std = config.data.std,
      .input_shape = input_shape(config),
      .thresholds = thresholds,
      .held_out_by_content = metadata && metadata->held_out_by_content};
  for (int64_t i = 0; i < num_classes(config.model); ++i) {
    now.classes.push_back(class_name(i));
  }
  // The data's own size is known to what was trained on them.
  if (metadata && config.data.image_size == 0) {
    now.input_shape = metadata->input_shape;
  }
  return now;
}

namespace {

const char* name_of_type(at::ScalarType type) {
  for (const auto& one : kTypeNames) {
    if (one.type == type) return one.name;
  }
  return c10::toString(type);
}

/// A program computes in the type of its weights.
void check_type_of_program(const ScriptedNetwork& program,
                           const NetworkSource& source) {
  const auto asked_for = type_of(*source.amp);
  if (program.type == asked_for) return;
  const std::string name = name_of_type(asked_for);
  throw ConfigError(source.file.string() + ": an exported program in " +
                    name_of_type(program.type) + ", not " + name +
                    "; give the run folder, or export it by --dtype " + name);
}

/// An exported program: its own network, and its own idea of pixels.
void load_program(const NetworkSource& source, LoadedNetwork& network) {
  auto program = load_scripted(source.file, network.device);
  if (source.amp) check_type_of_program(program, source);
  network.forward = program.forward;
  const auto trained = config_of(*network.metadata);
  if (trained && differ_in_model(*trained, network.config)) {
    spdlog::warn(
        "an exported program has its own network: what is said of the model "
        "here has no effect");
  }
  const bool is_baked_in = program.pixels != Pixels::kNormalised;
  if (is_baked_in && (network.config.data.mean != network.metadata->mean ||
                      network.config.data.std != network.metadata->std)) {
    spdlog::warn(
        "mean and std are baked into this program: others have no "
        "effect");
  }
  auto& normalise = network.preprocess.normalise;
  if (program.pixels == Pixels::kUnit) {
    normalise = Normaliser({}, {}, network.device);
  } else if (program.pixels == Pixels::kByte) {
    normalise = Normaliser({}, {}, network.device, /*most=*/1);
  }
}

/// Weights in the network of the config.
void load_weights_of(const WeightFile& file, const std::filesystem::path& path,
                     LoadedNetwork& network) {
  const auto& config = network.config;
  network.model = make_model(config.model);
  const Fit fit(file.tensors, *network.model);
  const auto& report = fit.report();
  if (!report.complete()) {
    std::string text = report.text();
    for (const auto& line :
         {report.text_of_beside(), text_of(file.left_out),
          variant_that_fits(file.tensors, config.model, Head::kMustFit)}) {
      if (!line.empty()) text += "\n" + line;
    }
    throw FileError(path, "does not fit the network of the config: " + text);
  }
  for (const auto& sentence : report.adapted) spdlog::warn("{}", sentence);
  if (!report.beside.empty()) spdlog::warn("{}", report.text_of_beside());
  if (!network.metadata) {
    spdlog::info("{}", report.text());
  } else {
    warn_of_other_network(*network.metadata, config);
  }
  fit.copy();
  move_to(*network.model, network.device, config.train.channels_last);
  network.forward = [model = network.model,
                     forward = forward_of(*network.model, config.train.amp)](
                        const torch::Tensor& images) {
    return forward(images);
  };
}

/// The mean over a picture and its mirror image.
Forward with_mirror_image(Forward forward) {
  return [forward = std::move(forward)](const torch::Tensor& images) {
    constexpr int64_t kColumns = 3;
    return forward(images).add(forward(images.flip(kColumns))).div_(2);
  };
}

}  // namespace

LoadedNetwork load_network(const NetworkSource& source) {
  if (folds_in(source.file) > 0) return load_ensemble(source);
  return load_network(source, find_weights(source.file, source.fetch));
}

LoadedNetwork load_network(const NetworkSource& given,
                           const FoundWeights& found) {
  NetworkSource source = given;
  source.file = found.file;
  WeightFile file = read_weight_file(source.file, {.key = source.key});
  if (source.raw) file.tensors = trained_weights(source.file);
  log_remarks(file);
  LoadedNetwork network;
  network.metadata = found.metadata();
  network.published = found.published;
  const auto [config, warnings] = read_config(source, file, network.metadata);
  for (const auto& warning : warnings) spdlog::warn(warning);
  network.config = config;
  if (source.amp) network.config.train.amp = *source.amp;
  set_threads(config.train.threads);
  network.device = resolve_device(source.device.empty() ? config.train.device
                                                        : source.device);
  set_cuda_arithmetic(config.train, network.device);
  network.preprocess = make_preprocessing(config, network.device);
  if (file.kind == WeightKind::kTorchScript && network.metadata) {
    load_program(source, network);
  } else {
    if (source.amp) check_dtype(*source.amp, network.device);
    load_weights_of(file, source.file, network);
  }
  network.thresholds = thresholds_for(source, network);
  if (source.views == Views::kHflip) {
    network.forward = with_mirror_image(std::move(network.forward));
  }
  return network;
}

}  // namespace skipzoo

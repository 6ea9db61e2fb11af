#include "tools/cli/run.h"

#include <spdlog/spdlog.h>

#include <sstream>

#include "models/classifier.h"
#include "models/make_model.h"
#include "models/summary.h"
#include "tools/config/variants.h"
#include "tools/data/text.h"
#include "tools/data/transform.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/export/scripted.h"
#include "tools/printable.h"
#include "tools/train/run_folder.h"
#include "tools/weights/fit.h"
#include "tools/weights/remarks.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

/// The model section of a resolved config.
std::string model_part(const std::string& config) {
  return config.substr(0, config.find("\ndata:"));
}

LoadedConfig config_of(const NetworkSource& source, const WeightFile& file,
                       const std::optional<ModelMetadata>& metadata) {
  if (!source.config.empty()) {
    return load_config(source.config, source.overrides);
  }
  if (!metadata) {
    throw ConfigError(source.file.string() + ": " +
                      std::string(kind_text(file.kind)) +
                      " says nothing of its network; name it by -c CONFIG");
  }
  return parse_resolved_config(metadata->config, source.file.string(),
                               source.overrides, metadata->format);
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

Preprocessing make_preprocessing(const RunConfig& config, torch::Device device) {
  return {.device = device,
          .channels_last = config.train.channels_last,
          .amp = config.train.amp,
          .kernels = kernels_of(config.model),
          .normalise = Normaliser(config.data.mean, config.data.std, device)};
}

ModelMetadata make_metadata(const RunConfig& config, const Dataset& dataset) {
  return {.config = dump_config(config),
          .classes = dataset.classes(),
          .mean = config.data.mean,
          .std = config.data.std,
          .input_shape = picture_shape(config, dataset),
          .held_out_by_content = config.data.holdout > 0};
}

HeldOut held_out_of(const std::filesystem::path& file, const ModelMetadata& run) {
  const auto folder = std::filesystem::absolute(file).parent_path();
  const auto list = RunFolder::open(folder).holdout();
  if (std::filesystem::exists(list)) return {.list = list};
  if (run.held_out_by_content) {
    spdlog::warn("{}: not there; the pictures held out are drawn anew",
                 list.string());
  }
  return {.list = {}, .by_place = !run.held_out_by_content};
}

void warn_of_other_data(const ModelMetadata& trained, const ModelMetadata& data) {
  // Another number of them is the head's affair.
  if (trained.classes.size() == data.classes.size() &&
      trained.classes != data.classes) {
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

void warn_of_other_network(const ModelMetadata& trained, const ModelMetadata& now) {
  // What a head, first convolution or option of speed may differ in.
  const auto lines_of = [](const ModelMetadata& metadata) {
    std::vector<std::string> lines;
    std::istringstream text(model_part(metadata.config));
    for (std::string line; std::getline(text, line);) {
      const auto is = [&](const char* key) {
        return line.find(key) != std::string::npos;
      };
      if (!is("num_classes:") && !is("in_channels:") && !is("kernels:")) {
        lines.push_back(line.substr(line.find_first_not_of(' ')));
      }
    }
    return lines;
  };
  const auto there = lines_of(trained), here = lines_of(now);
  for (size_t i = 0; i < std::min(there.size(), here.size()); ++i) {
    if (there[i] == here[i]) continue;
    spdlog::warn(
        "the weights were trained in another network: '{}' there, '{}' here",
        there[i], here[i]);
    return;
  }
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

/// An exported program: its own network, and its own idea of pixels.
void load_program(const std::filesystem::path& path, LoadedNetwork& network) {
  auto program = load_scripted(path, network.device);
  network.model = program.model;
  network.is_program = true;
  if (model_part(network.metadata->config) !=
      model_part(dump_config(network.config))) {
    spdlog::warn(
        "an exported program has its own network: what is said of the model "
        "here has no effect");
  }
  auto& preprocess = network.preprocess;
  preprocess.amp = Amp::kOff;
  if (program.pixels != Pixels::kNormalised &&
      (network.config.data.mean != network.metadata->mean ||
       network.config.data.std != network.metadata->std)) {
    spdlog::warn(
        "mean and std are baked into this program: others have no "
        "effect");
  }
  if (program.pixels == Pixels::kUnit) {
    preprocess.normalise = Normaliser({}, {}, network.device);
  } else if (program.pixels == Pixels::kByte) {
    preprocess.normalise = Normaliser({}, {1.0 / 255}, network.device);
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
    warn_of_other_network(*network.metadata, network.metadata_now());
  }
  fit.copy();
  move_to(*network.model, network.device, config.train.channels_last);
}

}  // namespace

LoadedNetwork load_network(const NetworkSource& given) {
  NetworkSource source = given;
  source.file = weights_at(source.file);
  const WeightFile file = read_weight_file(source.file, {.key = source.key});
  log_remarks(file);
  LoadedNetwork network;
  network.metadata = read_metadata(source.file);
  const auto [config, warnings] = config_of(source, file, network.metadata);
  for (const auto& warning : warnings) spdlog::warn(warning);
  network.config = config;
  set_threads(config.train.threads);
  network.device = resolve_device(source.device.empty() ? config.train.device
                                                        : source.device);
  network.preprocess = make_preprocessing(config, network.device);
  if (file.kind == WeightKind::kTorchScript && network.metadata) {
    load_program(source.file, network);
  } else {
    load_weights_of(file, source.file, network);
  }
  return network;
}

}  // namespace skipzoo

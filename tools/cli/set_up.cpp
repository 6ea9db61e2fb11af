#include "tools/cli/set_up.h"

#include <spdlog/spdlog.h>
#include <torch/utils.h>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/config/multi_label_check.h"
#include "tools/config/variants.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/run/found_weights.h"
#include "tools/run/teacher.h"
#include "tools/run/trained_with.h"
#include "tools/train/fine_tune.h"
#include "tools/train/precision.h"

namespace skipzoo {

namespace {

/// Begins from the weights of another, and says what became of them.
void begin_from(const RunConfig& config, const FetchOptions& fetch,
                Classifier& model, const ModelMetadata& data) {
  auto options = config.fine_tune;
  const FoundWeights found = find_weights(options.weights, fetch);
  options.weights = found.file;
  const FitReport report =
      load_pretrained(model, options, [&](const NamedTensors& file) {
        return variant_that_fits(file, config.model, Head::kMayBeNew);
      });
  spdlog::info("{}: {}", config.fine_tune.weights.string(), report.text());
  if (!report.complete()) {
    spdlog::warn(
        "fine_tune.strict is off: what the network lacks was left out, what "
        "the file lacks begins anew");
  }
  const auto trained = found.metadata();
  if (!trained) return;
  warn_of_other_data(*trained, data);
  warn_of_other_network(*trained, config);
}

/// That the network can take all pictures of the run. input_shape: of those
/// that it is evaluated on.
void check_pictures(const RunConfig& config, Classifier& model,
                    const std::vector<int64_t>& input_shape,
                    const torch::Device& device) {
  for (const auto& [key, size, trains] : config.data.sizes()) {
    auto shape = input_shape;
    if (size > 0) shape[1] = shape[2] = size;
    if (device.is_cpu()) {
      check_memory(model, config, shape,
                   trains ? Work::kTrain : Work::kEvaluate, key);
    }
    check_passes(model, shape, key);
  }
}

/// What is asked before any data are opened; the device of a run.
torch::Device prepared_device(const RunConfig& config) {
  if (config.data.batch_size < 2) {
    throw ConfigError(
        "data.batch_size: must be at least 2 to train, got 1: BatchNorm knows "
        "no variance of a single picture");
  }
  check_multi_label(config);
  set_threads(config.train.threads);
  const auto device = resolve_device(config.train.device);
  check_amp(config.train.amp, device);
  return device;
}

}  // namespace

TrainingData open_data(const RunConfig& config, const HeldOut& held_out) {
  return open_training_data(config.data, in_channels(config.model),
                            num_classes(config.model), config.train.seed,
                            held_out);
}

TrainingSetup set_up_training(const RunConfig& config,
                              const FetchOptions& fetch,
                              const HeldOut& held_out, bool goes_on) {
  prepared_device(config);
  if (!goes_on && config.fine_tune.enabled()) {
    // A name that is wrong is told before all pictures are read.
    find_weights(config.fine_tune.weights, fetch);
  }
  auto all =
      set_up_training(config, fetch, open_data(config, held_out), goes_on);
  if (held_out.by_place) all.metadata.held_out_by_content = false;
  return all;
}

TrainingSetup set_up_training(const RunConfig& config,
                              const FetchOptions& fetch, TrainingData data,
                              bool goes_on) {
  TrainingSetup all;
  all.device = prepared_device(config);
  all.data = std::move(data);
  all.teacher =
      load_teacher(config, all.data.train->classes(), all.device, fetch);
  // Behind the teacher, whose config has its own.
  set_cuda_arithmetic(config.train, all.device);
  torch::manual_seed(static_cast<uint64_t>(config.train.seed));
  all.model = make_model(config.model);
  all.metadata = make_metadata(config, *all.data.train);
  check_pictures(config, *all.model, all.metadata.input_shape, all.device);
  const Freezing names_that_fit(config.fine_tune, *all.model);
  if (!goes_on && config.fine_tune.enabled()) {
    begin_from(config, fetch, *all.model, all.metadata);
  }
  return all;
}

}  // namespace skipzoo

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/tensor.h"
#include "tools/config/run_config.h"
#include "tools/data/dataset.h"
#include "tools/train/checkpoint.h"
#include "tools/train/evaluate.h"

namespace skipzoo {

struct Classifier;

// What the subcommands share: from a config or a file to the parts of a run.

/// (C, H, W) of what the network of a config gets from these data.
std::vector<int64_t> picture_shape(const RunConfig& config,
                                   const Dataset& dataset);

/// Tries a network on one picture of that shape. Throws ConfigError where it is
/// too small for it.
void check_passes(Classifier& model, const std::vector<int64_t>& shape);

/// How the pictures of a config are put to its network.
Preprocessing make_preprocessing(const RunConfig& config, torch::Device device);

/// What travels with the weights of a run.
ModelMetadata make_metadata(const RunConfig& config, const Dataset& dataset);

/// Where the held-out pictures of the run that a checkpoint or export is of are
/// known from: the list in its folder, else they are drawn as they were then.
HeldOut held_out_of(const std::filesystem::path& file, const ModelMetadata& run);

/// Says where data differ from those that a network was trained with: names of
/// classes, mean and std, size of the pictures.
void warn_of_other_data(const ModelMetadata& trained, const ModelMetadata& data);

/// Says where a network differs from the one its weights were trained in,
/// though all names and shapes fit: another padding of a shortcut, say.
void warn_of_other_network(const ModelMetadata& trained, const ModelMetadata& now);

/// Where a network that is to be used comes from, as the command line says it.
struct NetworkSource {
  /// A run folder, checkpoint, exported program or weight file.
  std::filesystem::path file;
  std::string config;  ///< Of a weight file, or instead of its own.
  std::vector<std::string> overrides;
  std::string device;
  std::string key;  ///< Which of several networks in the file.
};

/// A network in place, with its weights.
struct LoadedNetwork {
  std::shared_ptr<Classifier> model;
  RunConfig config;
  std::optional<ModelMetadata> metadata;  ///< Of a checkpoint or export.
  torch::Device device = torch::kCPU;
  Preprocessing preprocess;
  bool is_program = false;  ///< An export, which has its own network.

  /// What the config says now, -c and --set included, with the file's names.
  ModelMetadata metadata_now() const;

  /// Its number where the file knows no names.
  std::string class_name(int64_t index) const;
};

/// Throws ConfigError where a file needs a config and none is named, FileError
/// where its weights do not fit. Says what was renamed, adapted and left out,
/// and where a network was never trained.
LoadedNetwork load_network(const NetworkSource& source);

}  // namespace skipzoo

#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/config/run_config.h"
#include "tools/run/found_weights.h"
#include "tools/train/checkpoint.h"
#include "tools/train/evaluate.h"

namespace skipzoo {

struct Classifier;

/// What a network sees of a picture besides the picture itself (test-time
/// augmentation).
enum class Views {
  kPicture,  ///< Nothing.
  kHflip,    ///< Its mirror image; the mean of both outputs counts.
};

/// Where a network that is to be used comes from.
struct NetworkSource {
  /// A run folder, checkpoint, exported program or weight file; where there is
  /// none of that name, published weights (find_weights()).
  std::filesystem::path file;
  std::string config = {};  ///< Of a weight file, or instead of its own.
  std::vector<std::string> overrides = {};  ///< Of the config, "a.b=value".
  std::string device = {};  ///< "cpu", "cuda:1"; empty: as the config says.
  std::string key = {};     ///< Which of several networks in the file.
  /// Arithmetic of convolutions; nothing: as the config says. An exported
  /// program has its own, and another is a ConfigError.
  std::optional<Amp> amp = {};
  Views views = Views::kPicture;
  /// Of a checkpoint, the weights that training moved, though it is used by
  /// their average.
  bool raw = false;
  /// Of a network that finds several labels in a picture, instead of those it
  /// has; of another it is a ConfigError.
  std::optional<double> threshold = {};
  FetchOptions fetch = {};  ///< Of published weights.
};

/// A network in place, with its weights.
struct LoadedNetwork {
  /// Null for an exported program, which is not made of our modules.
  std::shared_ptr<Classifier> model;
  Forward forward;
  RunConfig config;
  /// Of a checkpoint, an export or published weights.
  std::optional<ModelMetadata> metadata;
  const PublishedWeights* published = nullptr;  ///< Where they were named so.
  torch::Device device = torch::kCPU;
  Preprocessing preprocess;
  /// Networks whose mean it is; 1: `model` is all of it.
  int64_t members = 1;
  /// Where it finds several labels in a picture, the probabilities from which
  /// on, by class; 0.5 where none are known. Empty: one label a picture.
  std::vector<double> thresholds = {};

  bool finds_several() const { return !thresholds.empty(); }
  bool is_program() const { return model == nullptr; }
  /// What the config says now, overrides included, with the file's class names.
  ModelMetadata metadata_now() const;
  /// Its number where the file knows no names.
  std::string class_name(int64_t index) const;
};

/// Throws ConfigError where a file needs a config and none is named, FileError
/// where its weights do not fit. Logs what was renamed, adapted and left out,
/// and where a network was never trained.
LoadedNetwork load_network(const NetworkSource& source);
/// The same, of weights that were found already.
LoadedNetwork load_network(const NetworkSource& source,
                           const FoundWeights& found);

/// How the pictures of a config are put to its network.
Preprocessing make_preprocessing(const RunConfig& config, torch::Device device);

/// The resizing and cropping of single pictures that goes with a network. Where
/// that was trained on its data's own size, other pictures are brought to it.
DataOptions picture_options(const LoadedNetwork& network);

}  // namespace skipzoo

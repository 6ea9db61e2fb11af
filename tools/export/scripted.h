#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "tools/export/program.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {

/// What is kept beside a program, by name: skipzoo.json (the metadata),
/// program.json (what is baked in), and for people classes.txt and config.yaml.
std::map<std::string, std::string> program_facts(const ModelMetadata& metadata,
                                                 const ProgramOptions& options,
                                                 bool takes_any_size);

/// What program.json says: the program's side of the contract.
struct ProgramFacts {
  std::string normalize;  ///< "uint8", "float" or "none": what it takes.
  bool softmax = false;   ///< Whether it gives probabilities,
  bool sigmoid = false;   ///< those of several labels a picture.
  bool any_size = false;  ///< Whether it takes pictures of other sizes.
  std::string type;       ///< Of its weights, as "Float".
};
/// Throws nlohmann::json::exception where it is no such text.
ProgramFacts parse_program_facts(const std::string& text);
/// Those of a TorchScript archive; nothing where it is none of ours. Throws
/// FileError where they are damaged.
std::optional<ProgramFacts> read_program_facts(
    const std::filesystem::path& path);

/// An exported TorchScript archive with those facts. It has a network of its
/// own, which is not made of our modules.
struct ScriptedNetwork {
  /// What it takes, (N, C, H, W) -> logits, or their like, (N, classes). Throws
  /// ConfigError where it is not for pictures of that size, FileError where it
  /// fails.
  std::function<torch::Tensor(const torch::Tensor& images)> forward;
  ModelMetadata metadata;
  Pixels pixels = Pixels::kNormalised;
  at::ScalarType type = at::kFloat;  ///< Of weights and arithmetic.
};

/// Throws FileError where a file is no TorchScript archive of ours.
ScriptedNetwork load_scripted(const std::filesystem::path& path,
                              torch::Device device);

}  // namespace skipzoo

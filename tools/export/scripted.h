#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tools/export/program.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {

struct Classifier;

/// What is kept beside a program, by name: skipzoo.json (the metadata),
/// program.json (what is baked in), and for people classes.txt and config.yaml.
std::map<std::string, std::string> program_facts(const ModelMetadata& metadata,
                                                 const ProgramOptions& options,
                                                 bool takes_any_size);

/// What program.json says: the program's side of the contract.
struct ProgramFacts {
  std::string normalize;  ///< "uint8", "float" or "none": what it takes.
  bool softmax = false;   ///< Whether it gives probabilities.
  bool any_size = false;  ///< Whether it takes pictures of other sizes.
  std::string type;       ///< Of its weights, as "Float".
};
/// Throws nlohmann::json::exception where it is no such text.
ProgramFacts parse_program_facts(const std::string& text);
/// Those of a TorchScript archive; nothing where it is none of ours. Throws
/// FileError where they are damaged.
std::optional<ProgramFacts> read_program_facts(
    const std::filesystem::path& path);

/// An exported TorchScript archive with those facts, as a network.
struct ScriptedNetwork {
  std::shared_ptr<Classifier> model;  ///< Gives logits, or their like.
  ModelMetadata metadata;
  Pixels pixels = Pixels::kNormalised;
};

/// Throws FileError where a file is no TorchScript archive of ours.
ScriptedNetwork load_scripted(const std::filesystem::path& path,
                              torch::Device device);

}  // namespace skipzoo

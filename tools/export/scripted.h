#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "models/classifier.h"
#include "tools/export/program.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {

/// What is kept beside a program, by name: skipzoo.json (the identity),
/// program.json (what is baked in), and for people classes.txt and config.yaml.
std::map<std::string, std::string> program_facts(const Identity& identity,
                                                 const ProgramOptions& options,
                                                 bool takes_any_size);

/// An exported TorchScript archive with those facts, as a network.
struct ScriptedNetwork {
  std::shared_ptr<Classifier> model;  ///< Gives logits, or their like.
  Identity identity;
  Pixels pixels = Pixels::kNormalised;
};

/// Throws FileError where a file is no TorchScript archive of ours.
ScriptedNetwork load_scripted(const std::filesystem::path& path,
                              torch::Device device);

}  // namespace skipzoo

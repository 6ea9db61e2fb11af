#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/export/scripted.h"
#include "tools/train/checkpoint.h"
#include "tools/weights/published.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

/// A config whose network has these names and shapes.
struct Fitting {
  std::string config;
  std::string but;  ///< What does not fit: a head for other classes; or empty.
};

/// What 'inspect' finds in a file.
struct Inspection {
  std::string kind;  ///< As in "a TorchScript archive".
  WeightFile file;
  std::string sha256;
  /// The digits that its name ends in, as published weights do, or none.
  std::string named_digits;
  std::filesystem::path configs;  ///< Where they were looked for; or empty.
  std::vector<Fitting> fits;
  bool never_trained = false;
  /// What it is of torchvision's, by its name and SHA-256; or null.
  const PublishedWeights* published = nullptr;
  std::optional<ModelMetadata> metadata;  ///< Of what skipzoo wrote, or that.
  std::optional<ProgramFacts> program;    ///< Of what it exported.

  bool is_as_named() const { return sha256.starts_with(named_digits); }
};

void print_json(const Inspection& inspection);
void print_text(const Inspection& inspection);

}  // namespace skipzoo

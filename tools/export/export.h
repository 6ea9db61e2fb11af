#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "models/model_options.h"
#include "tools/export/program.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {

enum class ExportFormat { kTorchScript, kOnnx, kSafetensors, kPth };

struct ExportOptions {
  ExportFormat format = ExportFormat::kTorchScript;
  /// What is baked in; of a format without code, its type alone.
  ProgramOptions program = {};
  /// BatchNorms folded into convolutions.
  bool fold = false;
};

/// How far a file's outputs are from those of its network.
struct ExportCheck {
  /// The largest norm(a - b) / max(norm(b), 1) of these batches.
  double difference = 0;
  /// What it must not pass: 1e-4, in bfloat16 0.1, in float16 0.02.
  double bound = 0;
  std::vector<std::vector<int64_t>> shapes;  ///< (N, C, H, W) of each batch.
};

/// A network and its weights, to be exported.
struct Exportable {
  ModelOptions model;
  NamedTensors weights;  ///< state_dict() of such a network.
  ModelMetadata metadata;
};

/// Writes a network to `path`, by way of a file beside it that is read again
/// and checked: what is published under that name is right. Throws FileError,
/// or ExportError where it is not, or where the network does not fit the
/// format.
ExportCheck export_network(const std::filesystem::path& path,
                           const Exportable& network,
                           const ExportOptions& options);

/// Reads an export and runs it on fresh pictures: two other batch sizes and,
/// where the network takes one, another size. Throws ExportError where its
/// outputs differ from the network's by more than the bound.
ExportCheck check_export(const std::filesystem::path& path,
                         const Exportable& network,
                         const ExportOptions& options);

}  // namespace skipzoo

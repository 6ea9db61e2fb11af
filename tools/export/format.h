#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "tools/export/export.h"

namespace skipzoo {

struct Classifier;
class OutputFile;

/// A network that is about to be exported, or was.
struct ExportSubject {
  Classifier& model;  ///< float32, in evaluation, on the CPU, no gradients.
  const Exportable& network;
  const ExportOptions& options;
};

/// What an export computes for its user: pictures -> outputs.
using RunExport = std::function<torch::Tensor(const torch::Tensor& pictures)>;

/// A format, and how its files are written and used. A new one is an enumerator
/// of ExportFormat, a line in export_formats() and a file with the two
/// functions.
struct ExportFormatInfo {
  ExportFormat format;
  std::string_view name;  ///< On the command line.
  std::string_view extension;
  /// Whether its files hold a program, which --softmax, --sigmoid, --normalize
  /// and --fold change, or weights alone.
  bool has_program;
  std::span<const at::ScalarType> types;  ///< That it can be exported in.
  /// Throws FileError, or ExportError where the network does not fit.
  void (*write)(OutputFile& file, const ExportSubject& subject);
  /// As its user would. Throws what its readers throw.
  RunExport (*open)(const std::filesystem::path& path,
                    const ExportSubject& subject);
};

/// All of them.
std::span<const ExportFormatInfo> export_formats();
const ExportFormatInfo& info_of(ExportFormat format);

/// The subject as a program of its options.
Program make_program(const ExportSubject& subject);
/// A network of those options with weights of a file, as an ExportSubject's
/// model is. Throws ExportError where they do not fit.
std::shared_ptr<Classifier> build_network(const ModelOptions& options,
                                          const NamedTensors& weights);

/// The subject's weights on the CPU, under their names: those of a floating
/// type in the type of the export, others as they are.
NamedTensors cast_weights(const ExportSubject& subject);

void write_torchscript_export(OutputFile& file, const ExportSubject& subject);
RunExport open_torchscript_export(const std::filesystem::path& path,
                                  const ExportSubject& subject);
void write_onnx_export(OutputFile& file, const ExportSubject& subject);
RunExport open_onnx_export(const std::filesystem::path& path,
                           const ExportSubject& subject);
void write_safetensors_export(OutputFile& file, const ExportSubject& subject);
void write_pth_export(OutputFile& file, const ExportSubject& subject);
RunExport open_weights_export(const std::filesystem::path& path,
                              const ExportSubject& subject);

}  // namespace skipzoo

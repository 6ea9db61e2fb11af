#include "tools/export/format.h"

#include <algorithm>
#include <array>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/error.h"
#include "tools/export/onnx.h"
#include "tools/export/onnx_model.h"
#include "tools/export/scripted.h"
#include "tools/export/straight_line.h"
#include "tools/export/torchscript.h"
#include "tools/file.h"
#include "tools/output_file.h"
#include "tools/weights/fit.h"
#include "tools/weights/weight_file.h"
#include "tools/weights/write.h"

namespace skipzoo {

namespace {

constexpr std::array kAllTypes = {at::kFloat, at::kBFloat16, at::kHalf};
constexpr std::array kWithoutBfloat16 = {at::kFloat, at::kHalf};

constexpr ExportFormatInfo kFormats[] = {
    {ExportFormat::kTorchScript, "torchscript", ".pt", true, kAllTypes,
     write_torchscript_export, open_torchscript_export},
    {ExportFormat::kOnnx, "onnx", ".onnx", true, kWithoutBfloat16,
     write_onnx_export, open_onnx_export},
    {ExportFormat::kSafetensors, "safetensors", ".safetensors", false,
     kAllTypes, write_safetensors_export, open_weights_export},
    {ExportFormat::kPth, "pth", ".pth", false, kAllTypes, write_pth_export,
     open_weights_export},
};

std::map<std::string, std::string> facts_of(const ExportSubject& subject) {
  return program_facts(subject.network.metadata, subject.options.program,
                       subject.model.takes_any_size());
}

}  // namespace

std::span<const ExportFormatInfo> export_formats() { return kFormats; }

const ExportFormatInfo& info_of(ExportFormat format) {
  return *std::ranges::find(kFormats, format, &ExportFormatInfo::format);
}

std::shared_ptr<Classifier> build_network(const ModelOptions& options,
                                          const NamedTensors& weights) {
  auto model = make_uninitialised(options);
  const Fit fit(weights, *model);
  if (!fit.report().complete()) {
    throw ExportError("the weights do not fit the network: " +
                      fit.report().text());
  }
  fit.copy();
  for (auto& parameter : model->parameters()) parameter.requires_grad_(false);
  model->eval();
  return model;
}

Program make_program(const ExportSubject& subject) {
  const auto& [model, network, options] = subject;
  auto shape = network.metadata.input_shape;
  shape.insert(shape.begin(), 2);
  std::shared_ptr<Classifier> cast;
  if (options.program.type != at::kFloat) {
    cast = build_network(network.model, network.weights);
    cast->to(options.program.type);
  }
  Program program = trace_program(cast ? *cast : model, options.program, shape);
  if (options.fold) fold_batch_norms(program);
  return program;
}

NamedTensors cast_weights(const ExportSubject& subject) {
  const auto type = subject.options.program.type;
  NamedTensors out;
  for (const auto& [name, tensor] : subject.network.weights) {
    const auto own = tensor.detach().to(torch::kCPU);
    out.emplace_back(name, own.is_floating_point() ? own.to(type) : own);
  }
  return out;
}

void write_torchscript_export(OutputFile& file, const ExportSubject& subject) {
  write_torchscript(file, make_program(subject), facts_of(subject));
}

RunExport open_torchscript_export(const std::filesystem::path& path,
                                  const ExportSubject&) {
  auto module = load_straight_line(path);
  return [module](const torch::Tensor& pictures) mutable {
    return module.forward({pictures}).toTensor();
  };
}

void write_onnx_export(OutputFile& file, const ExportSubject& subject) {
  const auto& program = subject.options.program;
  file.write(to_onnx(make_program(subject), subject.model.takes_any_size(),
                     program.softmax || program.sigmoid, facts_of(subject)));
}

RunExport open_onnx_export(const std::filesystem::path& path,
                           const ExportSubject&) {
  const auto bytes = read_file(path);
  const auto model = std::make_shared<OnnxModel>(std::string_view(
      reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  return
      [model](const torch::Tensor& pictures) { return model->run(pictures); };
}

void write_safetensors_export(OutputFile& file, const ExportSubject& subject) {
  write_safetensors(file, cast_weights(subject));
}

void write_pth_export(OutputFile& file, const ExportSubject& subject) {
  write_pth(file, cast_weights(subject));
}

RunExport open_weights_export(const std::filesystem::path& path,
                              const ExportSubject& subject) {
  const auto model =
      build_network(subject.network.model, read_weight_file(path).tensors);
  return [model](const torch::Tensor& pictures) {
    return model->forward(pictures);
  };
}

}  // namespace skipzoo

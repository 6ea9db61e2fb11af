#include "tools/export/export.h"

#include <torch/csrc/jit/api/module.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/error.h"
#include "tools/export/onnx.h"
#include "tools/export/onnx_model.h"
#include "tools/export/scripted.h"
#include "tools/export/straight_line.h"
#include "tools/export/torchscript.h"
#include "tools/file.h"
#include "tools/weights/fit.h"
#include "tools/weights/weight_file.h"
#include "tools/weights/write.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// The network in evaluation, on the CPU, without gradients.
std::shared_ptr<Classifier> build(const ModelOptions& options,
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

/// In the type of the export.
NamedTensors cast(const NamedTensors& weights, at::ScalarType type) {
  NamedTensors out;
  for (const auto& [name, tensor] : weights) {
    const auto own = tensor.detach().to(torch::kCPU);
    out.emplace_back(name, own.is_floating_point() ? own.to(type) : own);
  }
  return out;
}

std::vector<int64_t> batch_of(int64_t count, std::vector<int64_t> shape) {
  shape.insert(shape.begin(), count);
  return shape;
}

Program make_program(const Exportable& network, const ExportOptions& options) {
  const auto model = build(network.model, network.weights);
  model->to(options.program.type);
  Program program = trace_program(*model, options.program,
                                  batch_of(2, network.metadata.input_shape));
  if (options.fold) fold_batch_norms(program);
  return program;
}

bool takes_any_size(const ModelOptions& options) {
  return make_uninitialised(options)->takes_any_size();
}

void write(OutputFile& file, const Exportable& network,
           const ExportOptions& options) {
  const bool any_size = takes_any_size(network.model);
  const auto facts = program_facts(network.metadata, options.program, any_size);
  switch (options.format) {
    case ExportFormat::kTorchScript:
      return write_torchscript(file, make_program(network, options), facts);
    case ExportFormat::kOnnx:
      return file.write(to_onnx(make_program(network, options), any_size,
                                options.program.softmax, facts));
    case ExportFormat::kSafetensors:
      return write_safetensors(file,
                               cast(network.weights, options.program.type));
    case ExportFormat::kPth:
      return write_pth(file, cast(network.weights, options.program.type));
  }
}

using Run = std::function<torch::Tensor(const torch::Tensor& pictures)>;

/// What a file's user would run.
Run load(const fs::path& path, const Exportable& network,
         const ExportOptions& options) {
  switch (options.format) {
    case ExportFormat::kTorchScript: {
      auto module = load_straight_line(path);
      return [module](const torch::Tensor& pictures) mutable {
        return module.forward({pictures}).toTensor();
      };
    }
    case ExportFormat::kOnnx: {
      const auto bytes = read_file(path);
      const auto model = std::make_shared<OnnxModel>(std::string_view(
          reinterpret_cast<const char*>(bytes.data()), bytes.size()));
      return [model](const torch::Tensor& pictures) {
        return model->run(pictures);
      };
    }
    default: {
      const auto model = build(network.model, read_weight_file(path).tensors);
      return [model](const torch::Tensor& pictures) {
        return model->forward(pictures);
      };
    }
  }
}

double bound_of(at::ScalarType type) {
  return type == at::kFloat ? 1e-4 : type == at::kHalf ? 0.02 : 0.1;
}

/// Batches of other sizes than the traced one.
std::vector<std::vector<int64_t>> shapes_to_try(const Exportable& network) {
  const auto& shape = network.metadata.input_shape;
  std::vector<std::vector<int64_t>> shapes = {batch_of(1, shape),
                                              batch_of(5, shape)};
  if (takes_any_size(network.model)) {
    // Smaller where that leaves enough for five halvings.
    const auto other = [](int64_t size) {
      return size >= 128 ? size - 32 : size + 8;
    };
    shapes.push_back({3, shape[0], other(shape[1]), other(shape[2])});
  }
  return shapes;
}

/// How far the file is from the network on one fresh batch.
double difference_on(const std::vector<int64_t>& shape, const Run& run,
                     Classifier& model, const ProgramOptions& program) {
  const auto pictures = random_pictures(shape, program.pixels);
  auto expected = model.forward(network_input(pictures, program));
  if (program.softmax) expected = expected.softmax(1);
  const auto found = run(pictures);
  if (found.sizes() != expected.sizes()) {
    throw ExportError("its outputs have another shape");
  }
  return (found - expected).norm().item<double>() /
         std::max(expected.norm().item<double>(), 1.0);
}

/// Every way in which a file can be wrong, in words that say so.
template <typename Check>
void refusing(Check check) {
  const std::string refused = "the export is refused: ";
  try {
    check();
  } catch (const ExportError& error) {
    throw ExportError(refused + error.what());
  } catch (const c10::Error& error) {
    throw ExportError(refused +
                      "it cannot be run: " + error.what_without_backtrace());
  } catch (const std::runtime_error& error) {
    throw ExportError(refused + "it cannot be read: " + error.what());
  }
}

}  // namespace

ExportCheck check_export(const fs::path& path, const Exportable& network,
                         const ExportOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto model = build(network.model, network.weights);
  ExportCheck check{.difference = 0,
                    .bound = bound_of(options.program.type),
                    .shapes = shapes_to_try(network)};
  refusing([&] {
    const Run run = load(path, network, options);
    for (const auto& shape : check.shapes) {
      const double difference =
          difference_on(shape, run, *model, options.program);
      // Written so that a NaN is refused too.
      if (!(difference <= check.bound)) {
        throw ExportError("its outputs differ from the network's by " +
                          c10::str(difference) + ", allowed are " +
                          c10::str(check.bound) + ", for pictures of " +
                          c10::str(at::IntArrayRef(shape)));
      }
      check.difference = std::max(check.difference, difference);
    }
  });
  return check;
}

ExportCheck export_network(const fs::path& path, const Exportable& network,
                           const ExportOptions& options) {
  ExportCheck check;
  const auto write_and_check = [&](OutputFile& file) {
    write(file, network, options);
    check = check_export(file.readable(), network, options);
  };
  if (is_replaced_whole(path)) {
    write_output(path, write_and_check);
    return check;
  }
  // What goes into a pipe cannot be read again: it is checked before.
  write_output(path, [&](OutputFile& pipe) {
    const TemporaryFile checked;
    write_whole(checked.path(), write_and_check);
    const auto bytes = read_file(checked.path());
    pipe.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  return check;
}

}  // namespace skipzoo

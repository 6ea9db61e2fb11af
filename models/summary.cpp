#include "models/summary.h"

#include <ATen/record_function.h>

#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "models/classifier.h"
#include "models/eval_mode.h"
#include "models/kernels/kernels.h"

namespace skipzoo {

namespace {

struct Weight {
  std::string layer;
  int64_t macs_per_output;  ///< One dot product with a row; 0 in a BatchNorm.
  bool is_of_block;         ///< A block's own, as a factor on its branch.
};

/// What one run of the network leaves behind. Thread-local, for the callback of
/// a RecordFunction is a plain function.
struct Recorder {
  /// By the address of its data, which a transposed view of it shares.
  std::unordered_map<const void*, Weight> weights;
  std::map<std::string, int64_t> parameters_of_layer;
  NetworkSummary summary;
  bool in_layer = false;  ///< A linear layer is made of further operators.
};
thread_local Recorder* active = nullptr;

std::string parent_of(const std::string& name) {
  const auto dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

/// Which inputs of an operator may be a layer's weight. LibTorch's linear layer
/// arrives as addmm, or as matmul without a bias; a block's own parameters are
/// factors or summands.
std::vector<size_t> positions_of_weight(std::string_view op) {
  if (op == "aten::addmm") return {2};
  if (op == "aten::mul" || op == "aten::add") return {0, 1};
  const bool second = op == "aten::conv2d" || op == "aten::batch_norm" ||
                      op == "aten::linear" || op == "aten::matmul";
  return second ? std::vector<size_t>{1} : std::vector<size_t>{};
}

/// The layer whose weight an operator reads, or the end.
auto weight_in(Recorder& recorder, const at::RecordFunction& call) {
  for (const size_t position : positions_of_weight(call.name())) {
    const auto& input = call.inputs()[position];
    if (!input.isTensor() || !input.toTensor().has_storage()) continue;
    const auto found = recorder.weights.find(input.toTensor().const_data_ptr());
    if (found != recorder.weights.end()) return found;
  }
  return recorder.weights.end();
}

/// A layer that has begun to run.
struct RunningLayer : at::ObserverContext {
  LayerSummary layer;
  int64_t macs_per_output = 0;
};

/// An operator's inputs are only to be read here, its outputs at its end.
std::unique_ptr<at::ObserverContext> on_operator_start(
    const at::RecordFunction& call) {
  if (active == nullptr || active->in_layer) return {};
  const auto found = weight_in(*active, call);
  if (found == active->weights.end()) return {};

  auto running = std::make_unique<RunningLayer>();
  const auto [layer, macs_per_output, is_of_block] = found->second;
  running->layer.name = layer;
  running->layer.parameters = active->parameters_of_layer[layer];
  running->macs_per_output = macs_per_output;
  // Read by two operators, as before a branch and past it, it is one all the
  // same.
  if (is_of_block) active->weights.erase(found);
  active->in_layer = true;
  return running;
}

void on_operator_end(const at::RecordFunction& call,
                     at::ObserverContext* context) {
  if (active == nullptr || context == nullptr) return;
  active->in_layer = false;
  if (call.outputs().empty()) return;  // It has thrown.
  auto& running = static_cast<RunningLayer&>(*context);
  const auto& output = call.outputs()[0].toTensor();
  running.layer.output_shape = output.sizes().slice(1).vec();
  running.layer.macs = output.numel() * running.macs_per_output;
  active->summary.layers.push_back(std::move(running.layer));
}

}  // namespace

NetworkSummary summarise(Classifier& model,
                         const std::vector<int64_t>& image_shape) {
  Recorder recorder;
  for (const auto& item : model.named_parameters()) {
    const auto& name = item.key();
    const bool is_of_block =
        !name.ends_with(".weight") && !name.ends_with(".bias");
    const auto layer = is_of_block ? name : parent_of(name);
    const auto& value = item.value();
    recorder.weights[value.const_data_ptr()] = {
        layer, value.dim() > 1 ? value[0].numel() : 0, is_of_block};
    recorder.parameters_of_layer[layer] += value.numel();
    recorder.summary.parameters += value.numel();
  }

  const EvalMode eval(model);
  const ReferenceOnly reference_only;
  active = &recorder;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(on_operator_start, on_operator_end)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION}));
  const auto restore = [&] {
    at::removeCallback(handle);
    active = nullptr;
  };
  try {
    torch::NoGradGuard no_grad;
    std::vector<int64_t> shape = {1};
    shape.insert(shape.end(), image_shape.begin(), image_shape.end());
    model.forward(torch::zeros(shape, model.parameters().front().options()));
  } catch (...) {
    restore();
    throw;
  }
  restore();
  for (const auto& layer : recorder.summary.layers) {
    recorder.summary.macs += layer.macs;
  }
  return recorder.summary;
}

}  // namespace skipzoo

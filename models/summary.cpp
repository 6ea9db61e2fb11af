#include "models/summary.h"

#include <ATen/record_function.h>

#include <map>
#include <string_view>
#include <unordered_map>

namespace skipzoo {

namespace {

/// What one run of the network leaves behind. Thread-local, for the callback of
/// a RecordFunction is a plain function.
struct Recorder {
  std::unordered_map<const void*, std::string> layer_of_weight;
  std::map<std::string, int64_t> parameters_of_layer;
  NetworkSummary summary;
};
thread_local Recorder* active = nullptr;

std::string parent_of(const std::string& name) {
  const auto dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

void on_operator_end(const at::RecordFunction& call, at::ObserverContext*) {
  const std::string_view op = call.name();
  const bool multiplies = op == "aten::conv2d" || op == "aten::linear";
  if (active == nullptr || !(multiplies || op == "aten::batch_norm")) return;
  const auto weight = call.inputs()[1].toTensor();
  const auto output = call.outputs().at(0).toTensor();
  const auto found = active->layer_of_weight.find(weight.unsafeGetTensorImpl());
  if (found == active->layer_of_weight.end()) return;

  LayerSummary layer;
  layer.name = found->second;
  layer.output_shape = output.sizes().slice(1).vec();
  layer.parameters = active->parameters_of_layer[layer.name];
  // Each output element is one dot product with one row of the weight.
  if (multiplies) {
    layer.macs = output.numel() * (weight.numel() / weight.size(0));
  }
  active->summary.layers.push_back(std::move(layer));
}

}  // namespace

NetworkSummary summarise(Classifier& model,
                         const std::vector<int64_t>& image_shape) {
  Recorder recorder;
  for (const auto& item : model.named_parameters()) {
    const auto layer = parent_of(item.key());
    recorder.layer_of_weight[item.value().unsafeGetTensorImpl()] = layer;
    recorder.parameters_of_layer[layer] += item.value().numel();
    recorder.summary.parameters += item.value().numel();
  }

  const bool was_training = model.is_training();
  model.eval();
  active = &recorder;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(nullptr, on_operator_end)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION}));
  const auto restore = [&] {
    at::removeCallback(handle);
    active = nullptr;
    model.train(was_training);
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

#include "tools/study/layer_signals.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "models/classifier.h"
#include "models/kernels/kernels.h"

namespace skipzoo {

namespace {

/// What a forward pass leaves behind. Thread-local, for the callback of a
/// RecordFunction is a plain function.
struct Signals {
  /// Layers by the address of their weight's data.
  std::unordered_map<const void*, std::string> layers;
  /// Scalars of the device: reading each would wait for it.
  std::vector<std::pair<std::string, torch::Tensor>> variances;
  bool in_layer = false;  ///< A linear layer is made of further operators.
};
thread_local Signals* listening = nullptr;

struct LayerCall : at::ObserverContext {
  std::string layer;
};

/// Which input is the weight; 0: none is. A linear layer without a gradient
/// arrives as addmm, or as matmul where it has no bias.
size_t input_of_weight(std::string_view op) {
  if (op == "aten::addmm") return 2;
  return op == "aten::conv2d" || op == "aten::convolution" ||
                 op == "aten::linear" || op == "aten::matmul"
             ? 1
             : 0;
}

std::unique_ptr<at::ObserverContext> on_layer_start(
    const at::RecordFunction& call) {
  if (listening == nullptr || listening->in_layer) return {};
  const size_t input = input_of_weight(call.name());
  if (input == 0 || !call.inputs()[input].isTensor()) return {};
  const auto* data = call.inputs()[input].toTensor().const_data_ptr();
  const auto found = listening->layers.find(data);
  if (found == listening->layers.end()) return {};
  auto running = std::make_unique<LayerCall>();
  running->layer = found->second;
  listening->in_layer = true;
  return running;
}

void on_layer_end(const at::RecordFunction& call,
                  at::ObserverContext* context) {
  if (listening == nullptr || context == nullptr) return;
  auto* const signals = std::exchange(listening, nullptr);
  if (!call.outputs().empty()) {  // Else it has thrown.
    const torch::NoGradGuard no_grad;
    const auto output = call.outputs()[0].toTensor().detach();
    signals->variances.emplace_back(
        static_cast<LayerCall&>(*context).layer,
        output.to(torch::kDouble).var(/*unbiased=*/false));
  }
  signals->in_layer = false;
  listening = signals;
}

/// Listens while it lives.
class Listener {
 public:
  explicit Listener(Signals& signals) {
    listening = &signals;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(on_layer_start, on_layer_end)
            .needsInputs(true)
            .needsOutputs(true)
            .scopes({at::RecordScope::FUNCTION}));
  }
  ~Listener() {
    at::removeCallback(handle_);
    listening = nullptr;
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  at::CallbackHandle handle_;
};

}  // namespace

std::vector<std::pair<std::string, double>> layer_variances(
    Classifier& model, const ProbeBatch& batch, const Objective& objective,
    bool with_gradient) {
  Signals signals;
  for (const auto& item : model.named_parameters()) {
    const auto& name = item.key();
    if (item.value().dim() < 2 || !name.ends_with(".weight")) continue;
    signals.layers[item.value().const_data_ptr()] =
        name.substr(0, name.rfind('.'));
  }
  model.train();
  const ReferenceOnly reference_only;
  torch::AutoGradMode gradients(with_gradient);
  torch::Tensor logits;
  {
    const Listener listener(signals);
    logits = model.forward(batch.images);
  }
  if (with_gradient) objective(logits, batch.targets).backward();
  std::vector<std::pair<std::string, double>> found;
  for (const auto& [layer, variance] : signals.variances) {
    found.emplace_back(layer, variance.item<double>());
  }
  return found;
}

}  // namespace skipzoo

#include "tools/cli/layer_choices.h"

#include <ATen/record_function.h>
#include <torch/types.h>

#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "models/classifier.h"

namespace skipzoo {

namespace {

using torch::Tensor;

/// Of an operator of LibTorch that a network calls; none of others.
std::optional<ConvolutionCall> call_of(const at::RecordFunction& operation) {
  const std::string_view name = operation.name();
  const auto inputs = operation.inputs();
  const auto tensor = [&](size_t i) { return inputs[i].toTensor(); };
  if (name == "aten::addmm") {
    const auto matrix = tensor(2);
    return ConvolutionCall{.weight = matrix.const_data_ptr(),
                           .images = tensor(1).sizes().vec(),
                           .kernel = matrix.t().sizes().vec()};
  }
  const bool is_linear = name == "aten::linear";
  // stride, padding, dilation; then groups, or what transposed ones have first.
  const size_t groups =
      name == "aten::conv1d" || name == "aten::conv2d"              ? 6
      : name == "aten::convolution" || name == "aten::_convolution" ? 8
                                                                    : 0;
  if (!is_linear && groups == 0) return {};
  const auto x = tensor(0), weight = tensor(1);
  ConvolutionCall call{.weight = weight.const_data_ptr(),
                       .images = x.sizes().vec(),
                       .kernel = weight.sizes().vec(),
                       .wants_input_gradient = x.requires_grad()};
  if (is_linear) return call;
  call.stride = inputs[3].toIntVector().front();
  call.groups = inputs[groups].toInt();
  return call;
}

/// Gathers what our own code says of its choices, and sees what LibTorch is
/// called for.
class ChoiceRecorder : public ChoiceListener {
 public:
  explicit ChoiceRecorder(const Classifier& model)
      : why_library_(model.kernels() == Kernels::kReference
                         ? taken("kernels: reference")
                         : taken("called by the network itself")) {
    for (const auto& parameter : model.named_parameters()) {
      const auto& name = parameter.key();
      names_[parameter.value().const_data_ptr()] =
          name.substr(0, name.rfind('.'));
    }
  }

  void chosen(const Choice& choice) override { asked_.insert(row_of(choice)); }
  void gradient(const GradientChoice& choice) override {
    const auto found = rows_.find(layer_of(choice.weight));
    if (found == rows_.end()) return;
    auto& layer = layers_[found->second];
    if (choice.of_input) layer.input_gradient = choice.algorithm;
    if (choice.of_weight) layer.weight_gradient = choice.algorithm;
    if (choice.algorithm != layer.choice.algorithm) {
      layer.why_gradients = choice.why;
    }
  }
  void begin_step(const std::string& name) override { step_ = name; }

  /// LibTorch begins a convolution or a linear layer, by itself or as the
  /// choice that was told.
  void library(ConvolutionCall call) {
    const bool is_linear = call.kernel.size() == 2;
    if (is_linear && layer_of(call.weight).empty()) return;  // An optimizer's.
    library_ = row_of({std::move(call), Algorithm::kLibTorch, why_library_});
  }
  /// It does so by oneDNN.
  void library_is_onednn() {
    auto& algorithm = layers_[library_].choice.algorithm;
    if (asked_.contains(library_) && algorithm == Algorithm::kLibTorch) {
      algorithm = Algorithm::kOneDnn;
    }
  }

  std::vector<LayerChoice> layers(bool trains) {
    for (auto& layer : layers_) {
      const auto algorithm = layer.choice.algorithm;
      const bool is_library =
          algorithm == Algorithm::kLibTorch || algorithm == Algorithm::kOneDnn;
      if (!trains || !is_library) continue;
      // Autograd's own.
      layer.weight_gradient = algorithm;
      if (layer.choice.call.wants_input_gradient) {
        layer.input_gradient = algorithm;
      }
    }
    return std::move(layers_);
  }

 private:
  /// An engine's step, else whose the weight is; empty: nobody's.
  std::string layer_of(const void* weight) const {
    if (!step_.empty()) return step_;
    const auto found = names_.find(weight);
    return found != names_.end() ? found->second : std::string();
  }
  /// Of the choice's layer, which is the one made first.
  size_t row_of(const Choice& choice) {
    auto name = layer_of(choice.call.weight);
    if (name.empty()) name = "(of another weight)";
    const auto [row, is_new] = rows_.emplace(name, layers_.size());
    if (is_new) layers_.push_back({.layer = name, .choice = choice});
    return row->second;
  }

  Verdict why_library_;
  std::map<const void*, std::string> names_;  ///< By parameters' numbers.
  std::string step_;                          ///< Empty outside of an engine.
  std::vector<LayerChoice> layers_;
  std::map<std::string, size_t> rows_;  ///< By name.
  size_t library_ = 0;                  ///< The row that LibTorch computes.
  std::set<size_t> asked_;  ///< Rows that our own algorithms were asked for.
};

/// What the observer's functions, which are plain ones, tell.
thread_local ChoiceRecorder* recorder = nullptr;
thread_local int64_t depth = 0;  ///< Of LibTorch's operators in each other.

struct WithinLibrary : at::ObserverContext {};

std::unique_ptr<at::ObserverContext> on_start(
    const at::RecordFunction& operation) {
  // An engine traces a network first; another thread has no recorder.
  if (ReferenceOnly::active() || recorder == nullptr) return nullptr;
  if (depth > 0 &&
      operation.name() == std::string_view("aten::mkldnn_convolution")) {
    recorder->library_is_onednn();
  }
  auto call = call_of(operation);
  if (!call) return nullptr;
  if (depth++ == 0) recorder->library(std::move(*call));
  return std::make_unique<WithinLibrary>();
}

void on_end(const at::RecordFunction&, at::ObserverContext* context) {
  if (context != nullptr) --depth;
}

/// Observes this thread while it lives.
class Observing {
 public:
  explicit Observing(ChoiceRecorder& of)
      : listening_(of),
        handle_(at::addThreadLocalCallback(
            at::RecordFunctionCallback(on_start, on_end)
                .needsInputs(true)
                .scopes({at::RecordScope::FUNCTION}))) {
    recorder = &of;
    depth = 0;
  }
  ~Observing() {
    at::removeCallback(handle_);
    recorder = nullptr;
  }
  Observing(const Observing&) = delete;
  Observing& operator=(const Observing&) = delete;

 private:
  Listening listening_;
  at::CallbackHandle handle_;
};

}  // namespace

std::vector<LayerChoice> layer_choices(const BenchmarkStep& step, bool trains) {
  ChoiceRecorder recorded(*step.model);
  {
    const Observing observing(recorded);
    step.run();
  }
  return recorded.layers(trains);
}

}  // namespace skipzoo

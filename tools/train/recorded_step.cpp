#include "tools/train/recorded_step.h"

#include <ATen/core/grad_mode.h>
#include <spdlog/spdlog.h>
#include <torch/nn/module.h>

#include <exception>
#include <utility>

#include "models/kernels/cuda/graph.h"

namespace skipzoo {

namespace {

/// Steps that run as they are, behind a first one, where they will be recorded:
/// until then libraries have chosen their algorithms and made their workspaces.
constexpr int kRunsBefore = 2;

class OnCuda : public StepGraph {
 public:
  explicit OnCuda(torch::Device device) : graph_(device) {}
  Outcome run(const Work& work) override {
    Outcome outcome;
    graph_.run([&] { outcome = work(); });
    return outcome;
  }
  void record(const Work& work) override {
    outcome_ = {};
    graph_.record([&] { outcome_ = work(); });
  }
  bool is_recorded() const override { return graph_.is_recorded(); }
  Outcome replay() override {
    graph_.replay();
    return outcome_;
  }

 private:
  CudaGraph graph_;
  Outcome outcome_;
};

/// Why no step of these options can be recorded; empty: it can.
std::string why_not(const TrainOptions& options, int64_t processes) {
  if (processes > 1) return "several processes meet within it";
  if (options.grad_accum_steps > 1) {
    return "train.grad_accum_steps makes it of several batches";
  }
  return "";
}

/// LibTorch's errors have a trace of calls behind the first line.
std::string first_line_of(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

int64_t place_of(const torch::Tensor& tensor) {
  return reinterpret_cast<int64_t>(tensor.const_data_ptr());
}

torch::Tensor copy_of_input(const torch::Tensor& tensor) {
  return tensor.defined() ? tensor.detach().clone() : tensor;
}

}  // namespace

StepGraphs step_graphs(torch::Device device) {
  if (!CudaGraph::is_available(device)) return {};
  return [device] { return std::make_unique<OnCuda>(device); };
}

RecordedStep::RecordedStep(TrainingStep& step, const torch::nn::Module& model,
                           const TrainOptions& options, StepGraphs graphs,
                           int64_t processes)
    : step_(step),
      model_(model),
      graphs_(std::move(graphs)),
      parameters_(model.parameters()),
      buffers_(model.buffers()),
      modules_(model.modules(/*include_self=*/false)) {
  if (!graphs_ || options.cuda_graph == CudaGraphs::kOff) return;
  const auto why = why_not(options, processes);
  if (why.empty()) {
    graph_ = graphs_();
  } else {
    give_up(why);
  }
}

int64_t RecordedStep::steps_before() const {
  constexpr int kFirst = 1, kRecorded = 1;
  return graph_ == nullptr ? 0 : kFirst + kRunsBefore + kRecorded;
}

TrainingStep::Result RecordedStep::operator()(const torch::Tensor& images,
                                              const Targets& targets,
                                              bool is_few) {
  if (graph_ == nullptr || is_few) return step_(images, targets, is_few);
  forget_if_changed();
  const Kind kind = kind_of(images, targets);
  const bool follows_itself = std::exchange(last_, kind) == kind;
  if (graph_->is_recorded() && kind == recorded_) {
    {
      const torch::NoGradGuard no_grad;
      images_.copy_(images);
      targets_.values.copy_(targets.values);
      if (targets.weights.defined()) targets_.weights.copy_(targets.weights);
    }
    return replay();
  }
  if (kind != next_) {
    if (!follows_itself) return step_(images, targets);
    next_ = kind;
    runs_ = 0;
  }
  if (runs_ == kRunsBefore) return record(images, targets, kind);
  ++runs_;
  return graph_->run([&] { return outcome_of(images, targets); }).result;
}

StepGraph::Outcome RecordedStep::outcome_of(const torch::Tensor& images,
                                            const Targets& targets) {
  StepGraph::Outcome outcome{step_(images, targets), {}};
  for (const auto& parameter : parameters_) {
    outcome.gradients.push_back(parameter.grad());
  }
  return outcome;
}

TrainingStep::Result RecordedStep::replay() {
  const auto outcome = graph_->replay();
  // Steps that ran in between have left others.
  for (size_t i = 0; i < parameters_.size(); ++i) {
    auto& gradient = parameters_[i].mutable_grad();
    if (!gradient.is_same(outcome.gradients[i])) {
      gradient = outcome.gradients[i];
    }
  }
  return outcome.result;
}

TrainingStep::Result RecordedStep::record(const torch::Tensor& images,
                                          const Targets& targets,
                                          const Kind& kind) {
  images_ = copy_of_input(images);  // In their layout.
  targets_ = {copy_of_input(targets.values), copy_of_input(targets.weights),
              targets.is_multi_label};
  // Those of the steps before lie in between memory that is to be given back.
  for (const auto& parameter : parameters_) {
    parameter.mutable_grad() = torch::Tensor();
  }
  try {
    graph_->record([this] { return outcome_of(images_, targets_); });
  } catch (const std::exception& error) {
    // Nothing of it was computed. What is wrong with the step itself, it says
    // again.
    give_up(first_line_of(error));
    return step_(images, targets);
  }
  recorded_ = kind;
  spdlog::info(
      "train.cuda_graph: a step of {} pictures is recorded, and launched as a "
      "whole from now on",
      images.size(0));
  return replay();
}

void RecordedStep::give_up(const std::string& why) {
  graph_.reset();
  images_ = torch::Tensor();
  targets_ = Targets();
  spdlog::info("train.cuda_graph: a step is not recorded: {}", why);
}

void RecordedStep::forget_if_changed() {
  auto now = fixed();
  if (now == fixed_) return;
  fixed_ = std::move(now);
  if (next_.empty()) return;
  graph_.reset();  // Its memory, before there is another.
  graph_ = graphs_();
  next_.clear();
}

std::vector<int64_t> RecordedStep::fixed() const {
  std::vector<int64_t> all = {model_.is_training()};
  for (const auto& parameter : parameters_) {
    all.push_back(place_of(parameter));
    all.push_back(parameter.requires_grad());
  }
  for (const auto& buffer : buffers_) all.push_back(place_of(buffer));
  for (const auto& module : modules_) all.push_back(module->is_training());
  return all;
}

RecordedStep::Kind RecordedStep::kind_of(const torch::Tensor& images,
                                         const Targets& targets) {
  Kind kind = {targets.is_multi_label};
  for (const auto& tensor : {images, targets.values, targets.weights}) {
    kind.push_back(tensor.defined());
    if (!tensor.defined()) continue;
    kind.push_back(static_cast<int64_t>(tensor.scalar_type()));
    kind.push_back(tensor.dim());
    kind.insert(kind.end(), tensor.sizes().begin(), tensor.sizes().end());
    kind.insert(kind.end(), tensor.strides().begin(), tensor.strides().end());
  }
  return kind;
}

}  // namespace skipzoo

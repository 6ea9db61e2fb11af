#include "tools/study/layer_probe.h"

#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sub.h>

#include <algorithm>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/train/foreach.h"
#include "tools/train/preprocessing.h"
#include "tools/train/random_state.h"
#include "tools/train/training_state.h"
#include "tools/weights/fit.h"

namespace skipzoo {

namespace {

/// What is drawn meanwhile, by dropout, training does not miss.
class SameRandomness {
 public:
  explicit SameRandomness(torch::Device device)
      : device_(device), states_(random_state(device)) {}
  ~SameRandomness() { set_random_state(states_, device_); }
  SameRandomness(const SameRandomness&) = delete;
  SameRandomness& operator=(const SameRandomness&) = delete;

 private:
  torch::Device device_;
  NamedTensors states_;
};

std::shared_ptr<Classifier> twin_of(const ModelOptions& network,
                                    const torch::Tensor& images) {
  const SameRandomness same(images.device());
  auto twin = make_uninitialised(network);
  move_to(*twin, images.device(),
          images.is_contiguous(at::MemoryFormat::ChannelsLast));
  return twin;
}

}  // namespace

class LayerProbe::AfterStep : public Callback {
 public:
  explicit AfterStep(LayerProbe& probe) : probe_(probe) {}
  void on_step_end() override { probe_.after_step(); }
  void add_to(TrainingState& state) override { state.add(probe_.section()); }

 private:
  LayerProbe& probe_;
};

LayerProbe::LayerProbe(std::shared_ptr<Classifier> model, ModelOptions network,
                       ProbeBatch batch, Objective objective,
                       std::filesystem::path file)
    : model_(std::move(model)),
      twin_(twin_of(network, batch.images)),
      batch_(std::move(batch)),
      objective_(std::move(objective)),
      file_(std::move(file)),
      steps_(torch::zeros({}, torch::kLong)) {}

LayerProbe::~LayerProbe() = default;

CallbackFactory LayerProbe::callback() {
  // The twin, and the weights before a step.
  return {.copies_of_weights = 2, .make = [this](Classifier&) {
            return std::make_unique<AfterStep>(*this);
          }};
}

void LayerProbe::begin(const Position& position) {
  has_begun_ = true;
  rows_.clear();
  if (position.step > 0 && std::filesystem::exists(file_)) {
    rows_ = read_layers(file_);
    std::erase_if(
        rows_, [&](const LayerRow& row) { return row.epoch > position.epoch; });
  }
  std::vector<LayerRow> start;
  {
    const SameRandomness same(batch_.images.device());
    copy_exactly(state_dict(*model_), *twin_);
    for (const auto& [layer, variance] :
         layer_variances(*twin_, batch_, objective_, /*with_gradient=*/true)) {
      start.push_back({.layer = layer, .signal_variance = variance});
    }
  }
  const auto own = model_->named_parameters();
  const auto twins = twin_->named_parameters();
  layers_.clear();
  weights_.clear();
  before_.clear();
  for (auto& row : start) {
    const auto name = row.layer + ".weight";
    row.gradient_norm = twins[name].grad().norm().item<double>();
    layers_.push_back(row.layer);
    weights_.push_back(own[name].detach());
    before_.push_back(weights_.back().clone());
  }
  for (auto& parameter : twin_->parameters()) parameter.mutable_grad().reset();
  if (!sums_.defined()) {
    sums_ = torch::zeros({2, std::ssize(layers_)},
                         weights_.front().options().dtype(torch::kDouble));
  }
  if (position.step == 0) {
    rows_ = std::move(start);
    write_layers(file_, rows_);
  }
  saved(position);
}

void LayerProbe::after_step() {
  const torch::NoGradGuard no_grad;
  const auto parameters = model_->named_parameters();
  std::vector<torch::Tensor> gradients;
  for (const auto& layer : layers_) {
    const auto& gradient = parameters[layer + ".weight"].grad();
    if (!gradient.defined()) return;
    gradients.push_back(gradient);
  }
  const auto updates = at::_foreach_sub(weights_, before_);
  sums_[0] += stacked(at::_foreach_norm(gradients));
  sums_[1] +=
      stacked(at::_foreach_norm(updates)) / stacked(at::_foreach_norm(before_));
  steps_ += 1;
  at::_foreach_copy_(before_, weights_);
}

void LayerProbe::saved(const Position& position) {
  if (!has_begun_ || position.batch > 0 || position.epoch == 0) return;
  if (rows_of_epoch(rows_, position.epoch).empty()) record(position.epoch);
  sums_.zero_();
  steps_.zero_();
}

void LayerProbe::record(int64_t epoch) {
  const auto means = (sums_ / steps_.item<int64_t>()).cpu();
  const auto values = means.accessor<double, 2>();
  const SameRandomness same(batch_.images.device());
  copy_exactly(state_dict(*model_), *twin_);
  int64_t number = 0;
  for (const auto& [layer, variance] :
       layer_variances(*twin_, batch_, objective_, /*with_gradient=*/false)) {
    rows_.push_back({.epoch = epoch,
                     .layer = layer,
                     .gradient_norm = values[0][number],
                     .signal_variance = variance,
                     .update_ratio = values[1][number]});
    ++number;
  }
  write_layers(file_, rows_);
}

StateSection LayerProbe::section() {
  return {.name = "study",
          .save =
              [this] {
                return NamedTensors{{"sums", sums_}, {"steps", steps_}};
              },
          .load =
              [this](const NamedTensors& saved) {
                for (const auto& [name, tensor] : saved) {
                  if (name == "sums" && tensor.dim() == 2) {
                    sums_ = tensor.to(batch_.images.device()).clone();
                  }
                  if (name == "steps" && tensor.numel() == 1) {
                    steps_ = tensor.reshape({}).clone();
                  }
                }
              }};
}

}  // namespace skipzoo

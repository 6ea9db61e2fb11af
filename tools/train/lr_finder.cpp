#include "tools/train/lr_finder.h"

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/error.h"
#include "tools/train/fine_tune.h"
#include "tools/train/random_state.h"
#include "tools/train/step.h"

namespace skipzoo {

namespace {

/// Puts back what training changes of a network, and the generators.
class AsItWas {
 public:
  AsItWas(Classifier& model, torch::Device device)
      : model_(model), device_(device), random_(random_state(device)) {
    for (const auto& [name, tensor] : state_dict(model)) {
      weights_.emplace_back(name, tensor.detach().clone());
    }
  }
  ~AsItWas() {
    const torch::NoGradGuard no_grad;
    const auto now = state_dict(model_);
    for (size_t i = 0; i < now.size(); ++i) {
      now[i].second.detach().copy_(weights_[i].second);
    }
    for (auto& parameter : model_.parameters()) {
      parameter.mutable_grad() = torch::Tensor();
    }
    set_random_state(random_, device_);
  }
  AsItWas(const AsItWas&) = delete;
  AsItWas& operator=(const AsItWas&) = delete;

 private:
  Classifier& model_;
  torch::Device device_;
  NamedTensors random_;
  NamedTensors weights_;
};

/// The parts of a step of the optimizer, and its loss.
class Group {
 public:
  Group(TrainingStep& step, int64_t parts) : step_(step), parts_(parts) {}

  /// Returns whether it is full.
  bool add(const torch::Tensor& images, const Targets& targets) {
    const auto size = static_cast<double>(images.size(0));
    loss_ += size * step_.accumulate(images, targets).loss.item<double>();
    pictures_ += size;
    return ++count_ == parts_;
  }
  bool is_empty() const { return count_ == 0; }
  /// Ends it, with a step; returns its loss.
  double end() {
    step_.update();
    const double mean = loss_ / pictures_;
    loss_ = pictures_ = 0;
    count_ = 0;
    return mean;
  }

 private:
  TrainingStep& step_;
  int64_t parts_;
  int64_t count_ = 0;
  double loss_ = 0;
  double pictures_ = 0;
};

}  // namespace

LrSweep find_lr(LrFinderParts& parts, const LrSweepOptions& options) {
  auto& model = parts.model;
  const AsItWas restored(model, parts.preprocess.device);
  Freezing(parts.fine_tune, model).apply(model, /*epoch=*/0);
  Optimizer optimizer(parts.options.optimizer, model,
                      lr_scales(parts.fine_tune, model));
  TrainingStep step(model, optimizer, parts.options, single_process(),
                    parts.teacher);
  LrSweep sweep(options);
  Group group(step, parts.options.grad_accum_steps);
  const auto end_step = [&] {
    sweep.add(group.end());
    optimizer.set_lr(sweep.lr());
    if (parts.on_step) parts.on_step(std::ssize(sweep.points()));
  };
  optimizer.set_lr(sweep.lr());
  for (int64_t epoch = 0; !sweep.is_over(); ++epoch) {
    const auto steps_before = std::ssize(sweep.points());
    int64_t number = 0;
    auto batches = parts.train.epoch(epoch);
    for (const Batch& batch : batches) {
      const int64_t mine = number++;
      if (batch.size() < 2) continue;  // BatchNorm has no variance there.
      auto images = parts.preprocess(batch.images);
      auto targets = batch.targets.to(parts.preprocess.device);
      transform_batch(parts.batch_transforms, images, targets,
                      parts.options.seed, epoch, mine);
      if (group.add(images, targets)) end_step();
      if (sweep.is_over()) break;
    }
    if (!group.is_empty() && !sweep.is_over()) end_step();
    if (std::ssize(sweep.points()) == steps_before && !sweep.is_over()) {
      throw TrainingError("no training picture could be read");
    }
  }
  if (sweep.points().empty()) {
    throw TrainingError(
        "loss is not finite at the first step, of learning rate " +
        rate_text(options.min_lr));
  }
  return sweep;
}

}  // namespace skipzoo

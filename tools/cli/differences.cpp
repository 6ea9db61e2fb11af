#include "tools/cli/differences.h"

#include <torch/types.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "models/classifier.h"
#include "models/drop_path.h"
#include "models/make_model.h"
#include "tools/cli/run.h"
#include "tools/train/evaluate.h"
#include "tools/train/precision.h"
#include "tools/train/step.h"

namespace skipzoo {

namespace {

/// What a few synthetic pictures give: logits and, in training, every gradient.
std::vector<torch::Tensor> results(const RunConfig& config,
                                   const ComparedStep& step,
                                   torch::Device device, Kernels kernels,
                                   Amp amp) {
  auto options = config.model;
  std::visit([&](auto& family) { family.kernels = kernels; }, options);
  torch::manual_seed(0);
  const auto model = make_model(options);
  move_to(*model, device, config.train.channels_last);
  auto shape = input_shape(config);
  shape.insert(shape.begin(), std::min<int64_t>(step.batch, 4));
  const auto images = torch::randn(shape, device)
                          .contiguous(config.train.channels_last
                                          ? at::MemoryFormat::ChannelsLast
                                          : at::MemoryFormat::Contiguous);
  if (!step.train) return {forward_of(*model, amp)(images)};
  model->train();
  set_drop_path(*model, config.train.drop_path);
  torch::manual_seed(1);  // Dropout's.
  torch::Tensor logits;
  {
    const Autocast autocast(amp, device);
    logits = model->forward(images).to(torch::kFloat);
  }
  logits.log_softmax(1).select(1, 0).sum().backward();
  std::vector<torch::Tensor> all = {logits.detach()};
  for (const auto& parameter : model->parameters()) {
    all.push_back(parameter.grad());
  }
  return all;
}

double largest_difference(const std::vector<torch::Tensor>& found,
                          const std::vector<torch::Tensor>& expected) {
  double largest = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    const auto b = expected[i].to(torch::kDouble);
    largest = std::max(largest, ((found[i].to(torch::kDouble) - b).norm() /
                                 b.norm().clamp_min(1))
                                    .item<double>());
  }
  return largest;
}

}  // namespace

Differences differences(const RunConfig& config, const ComparedStep& step,
                        torch::Device device) {
  const auto reference =
      results(config, step, device, Kernels::kReference, step.amp);
  Differences found{
      .from_reference = largest_difference(
          results(config, step, device, kernels_of(config.model), step.amp),
          reference),
      .of_rounding = {}};
  if (step.amp != Amp::kOff) {
    found.of_rounding = largest_difference(
        reference,
        results(config, step, device, Kernels::kReference, Amp::kOff));
  }
  return found;
}

}  // namespace skipzoo

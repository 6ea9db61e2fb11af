#include "tools/train/evaluate.h"

#include "models/classifier.h"
#include "tools/error.h"
#include "tools/train/precision.h"

namespace skipzoo {

torch::Tensor Inputs::operator()(const torch::Tensor& pixels) const {
  const auto layout = channels_last ? at::MemoryFormat::ChannelsLast
                                    : at::MemoryFormat::Contiguous;
  return normalise(pixels.to(device, /*non_blocking=*/true)).contiguous(layout);
}

void place(torch::nn::Module& model, torch::Device device, bool channels_last) {
  model.to(device);
  if (!channels_last) return;
  for (auto& parameter : model.parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(
          parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

Evaluator::Evaluator(Classifier& model, const Inputs& inputs)
    : amp_(inputs.amp),
      device_(inputs.device),
      engine_(model, inputs.kernels,
              inputs.amp == Amp::kBf16 ? at::kBFloat16 : at::kFloat) {}

torch::Tensor Evaluator::operator()(const torch::Tensor& images) {
  const torch::NoGradGuard no_grad;
  const Autocast autocast(amp_, device_);
  return engine_(images);
}

Evaluation evaluate(Classifier& model, Loader& loader, const Inputs& inputs,
                    const std::function<bool()>& stop,
                    const std::shared_ptr<Collective>& collective) {
  Evaluator evaluator(model, inputs);
  const auto classes = static_cast<int64_t>(loader.dataset().classes().size());
  EvaluationSums sums(classes, inputs.device);
  auto epoch = loader.epoch(0);
  for (const Batch& batch : epoch) {
    if (batch.size() == 0) continue;  // Every picture was skipped.
    const auto labels = batch.targets.to(inputs.device).labels();
    sums.add(evaluator(inputs(batch.images)), labels);
    if (stop && stop()) break;
  }
  auto result = sums.result(*collective);
  result.skipped = loader.skipped();
  if (result.images == 0 && !(stop && stop())) {
    throw TrainingError("no picture to evaluate on could be read");
  }
  return result;
}

}  // namespace skipzoo

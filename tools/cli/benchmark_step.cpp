#include "tools/cli/benchmark_step.h"

#include <torch/types.h>

#include <memory>
#include <optional>
#include <utility>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/train/evaluate.h"
#include "tools/train/preprocessing.h"
#include "tools/train/step.h"

namespace skipzoo {

BenchmarkStep make_step(const RunConfig& config, const ComparedStep& measured,
                        torch::Device device,
                        std::shared_ptr<Collective> collective) {
  torch::manual_seed(0);
  struct Parts {
    std::shared_ptr<Classifier> model;
    TrainOptions options;
    std::optional<Optimizer> optimizer;
    std::optional<TrainingStep> step;
    Forward forward;
    torch::Tensor images;
    Targets targets;
  };
  auto parts = std::make_shared<Parts>();
  parts->options = config.train;
  parts->options.amp = measured.amp;
  parts->model = make_model(config.model);
  move_to(*parts->model, device, config.train.channels_last);
  auto shape = input_shape(config);
  shape.insert(shape.begin(), measured.batch);
  const auto layout = config.train.channels_last
                          ? at::MemoryFormat::ChannelsLast
                          : at::MemoryFormat::Contiguous;
  parts->images = torch::randn(shape, device).contiguous(layout);
  parts->targets = {torch::randint(num_classes(config.model), {measured.batch},
                                   torch::device(device).dtype(torch::kLong))};
  if (measured.train) {
    parts->model->train();
    parts->optimizer.emplace(config.train.optimizer, *parts->model);
    parts->step.emplace(*parts->model, *parts->optimizer, parts->options,
                        std::move(collective));
    return {
        .run =
            [parts] {
              (*parts->step)(parts->images, parts->targets).loss.item<float>();
            },
        .launch = [parts] { (*parts->step)(parts->images, parts->targets); },
        .reduction = [parts] { return parts->step->reduction_times(); },
        .model = parts->model};
  }
  parts->forward = forward_of(*parts->model, measured.amp);
  return {.run =
              [parts, device] {
                const auto logits = parts->forward(parts->images);
                if (!device.is_cpu()) logits.sum().item<float>();  // Waits.
              },
          .launch = [parts] { parts->forward(parts->images); },
          .reduction = [] { return std::nullopt; },
          .model = parts->model};
}

}  // namespace skipzoo

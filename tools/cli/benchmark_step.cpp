#include "tools/cli/benchmark_step.h"

#include <torch/types.h>

#include <memory>
#include <optional>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/train/evaluate.h"
#include "tools/train/preprocessing.h"
#include "tools/train/recorded_step.h"

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
    std::optional<RecordedStep> recorded;
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
                        collective);
    parts->recorded.emplace(*parts->step, *parts->model, parts->options,
                            step_graphs(device), collective->size());
    const auto step = [parts] {
      return (*parts->recorded)(parts->images, parts->targets);
    };
    return {.run = [step] { step().loss.item<float>(); },
            .launch = [step] { step(); },
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

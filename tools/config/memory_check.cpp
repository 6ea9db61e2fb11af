#include "tools/config/memory_check.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "models/classifier.h"
#include "models/make_model.h"
#include "models/summary.h"
#include "tools/error.h"
#include "tools/memory.h"
#include "tools/train/callbacks.h"
#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

/// Numbers that one picture leaves behind, by layers with weights.
struct Outputs {
  double all = 0;      ///< Of the convolutions and linear layers together.
  double largest = 0;  ///< Of a single one.
};

/// Taken from a small picture, as the picture itself may be beyond memory.
Outputs outputs_of(Classifier& model, std::vector<int64_t> shape) {
  constexpr int64_t kSmall = 128;
  double scale = 1;
  for (size_t i = 1; i < shape.size(); ++i) {
    if (shape[i] <= kSmall) continue;
    scale *= static_cast<double>(shape[i]) / kSmall;
    shape[i] = kSmall;
  }
  Outputs outputs;
  try {
    for (const auto& layer : summarise(model, shape).layers) {
      if (layer.macs == 0) continue;
      double numbers = layer.output_shape.size() > 1 ? scale : 1;
      for (const auto length : layer.output_shape) {
        numbers *= static_cast<double>(length);
      }
      outputs.all += numbers;
      outputs.largest = std::max(outputs.largest, numbers);
    }
  } catch (const c10::Error&) {
    return {};  // Too small for this network; whoever runs it will say so.
  }
  return outputs;
}

/// Share of the outputs that is surely saved for the backward pass. A dense
/// block recomputes its bottlenecks, four of five of its channels.
double kept_share(const ModelOptions& model) {
  return std::holds_alternative<DenseNetOptions>(model) ? 0.2 : 1;
}

/// Weights, gradients and what the optimizer and the callbacks keep of each.
double copies_of_weights(const TrainOptions& train) {
  return static_cast<double>(2 + copies_in_slots(train.optimizer) +
                             copies_in_callbacks(train));
}

std::string text_of(const std::vector<int64_t>& shape) {
  std::string text;
  for (const auto length : shape) {
    text += (text.empty() ? "" : " x ") + std::to_string(length);
  }
  return text;
}

}  // namespace

void check_memory(Classifier& model, const RunConfig& config,
                  const std::vector<int64_t>& shape, Work work,
                  const std::string& key) {
  const double memory = memory_of_machine();
  const auto refuse = [&](const std::string& what, double bytes) {
    throw ConfigError(what + " at least " + bytes_text(bytes) +
                      " of memory; this machine has " + bytes_text(memory));
  };
  const auto classes = static_cast<double>(num_classes(config.model));
  const double confusion = 2 * 8 * classes * classes;
  if (work != Work::kForward && confusion > memory) {
    refuse("model.num_classes: to count " +
               std::to_string(num_classes(config.model)) +
               " classes, each mistaken for each other, takes",
           confusion);
  }
  const double weights = 4 * static_cast<double>(count_parameters(model));
  const bool trains = work == Work::kTrain;
  const double all_weights =
      trains ? weights * copies_of_weights(config.train) : weights;
  if (all_weights > memory) {
    refuse("model: to train this network's weights takes", all_weights);
  }
  const Outputs outputs = outputs_of(model, shape);
  const double picture = all_weights + 4 * outputs.largest;
  if (picture > memory) {
    refuse(key + ": a picture of " + text_of(shape) + " takes", picture);
  }
  const double number = config.train.amp == Amp::kBf16 ? 2 : 4;
  const double step =
      all_weights + static_cast<double>(config.data.batch_size) * number *
                        outputs.all * kept_share(config.model);
  if (trains && step > memory) {
    refuse("data.batch_size: a step on " +
               std::to_string(config.data.batch_size) + " pictures of " +
               text_of(shape) + " takes",
           step);
  }
}

}  // namespace skipzoo

#pragma once

#include <functional>

#include "models/engine.h"
#include "tools/data/loader.h"
#include "tools/data/transform.h"
#include "tools/train/collective.h"
#include "tools/train/metrics.h"
#include "tools/train/options.h"

namespace torch::nn {
class Module;
}  // namespace torch::nn

namespace skipzoo {

struct Classifier;

/// How a batch of pictures is put to a network.
struct Inputs {
  torch::Device device = torch::kCPU;
  bool channels_last = true;
  Amp amp = Amp::kOff;
  Kernels kernels = Kernels::kFused;
  Normaliser normalise = {{}, {}, torch::kCPU};

  /// uint8 pixels -> normalised float images on the device, in the layout.
  torch::Tensor operator()(const torch::Tensor& pixels) const;
};

/// A network as it is evaluated: on the CPU by an Engine of the type that `amp`
/// names.
class Evaluator {
 public:
  /// The model must outlive it; its weights are those of now.
  Evaluator(Classifier& model, const Inputs& inputs);
  /// Normalised images -> logits.
  torch::Tensor operator()(const torch::Tensor& images);

 private:
  Amp amp_;
  torch::Device device_;
  Engine engine_;
};

/// Moves a network to a device and layout. Before the optimizer is built: it
/// holds on to the tensors.
void place(torch::nn::Module& model, torch::Device device, bool channels_last);

/// Runs `model` in evaluation mode over every picture of `loader`, each counted
/// once. The model's mode is left as it was. stop: asked after each batch;
/// where it says true, the result is of the batches so far. Of several
/// processes each takes the batches of its loader; the result is of all.
Evaluation evaluate(
    Classifier& model, Loader& loader, const Inputs& inputs,
    const std::function<bool()>& stop = {},
    const std::shared_ptr<Collective>& collective = single_process());

}  // namespace skipzoo

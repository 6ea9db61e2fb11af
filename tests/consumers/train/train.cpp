// Three steps of a ResNet-20 of skipzoo's in a loop of one's own, what the
// engine makes of it, then its weights in a file that Python's torch loads.

#include <torch/nn/functional/loss.h>
#include <torch/optim/sgd.h>

#include <iostream>

#include "models/engine.h"
#include "models/zoo.h"
#include "tools/weights/write.h"

int main() {
  torch::manual_seed(0);
  const skipzoo::ResNetOptions options;  // The defaults: a ResNet-20.
  const auto model = skipzoo::make_model(options);
  torch::optim::SGD optimizer(model->parameters(), 0.05);
  const auto images = torch::randn({16, 3, 32, 32});
  const auto labels = torch::arange(16).remainder(10);
  double first = 0, last = 0;
  for (int step = 0; step < 3; ++step) {
    optimizer.zero_grad();
    const auto loss =
        torch::nn::functional::cross_entropy(model->forward(images), labels);
    loss.backward();
    optimizer.step();
    last = loss.item<double>();
    if (step == 0) first = last;
    std::cout << "step " << step + 1 << ": loss " << last << '\n';
  }
  // Folded and packed once, for many images.
  skipzoo::Engine engine(*model, skipzoo::Kernels::kFused);
  model->eval();
  const auto difference =
      (engine(images) - model->forward(images)).norm().item<double>();
  std::cout << "engine: differs by " << difference << '\n';
  skipzoo::write_pth("resnet20.pth", skipzoo::state_dict(*model));
  return last < first && difference < 1e-3 ? 0 : 1;
}

#include "tools/run/embedding.h"

#include <gtest/gtest.h>

#include "models/zoo.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

// What the last layer gets: that layer makes the logits of it.
TEST(Embedding, IsWhatTheLastLayerGets) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, options] : variants()) {
    torch::manual_seed(1);
    LoadedNetwork network;
    network.config.model = options;
    network.model = make_model(options);
    network.model->train();  // Statistics other than 0 and 1.
    const auto images = torch::rand({4, in_channels(options), 32, 32});
    network.model->forward(images);
    network.model->eval();
    const auto parameters = network.model->named_parameters();
    const auto head = network.model->head_name();
    const auto features = embedding_of(network)(images);
    const auto logits = torch::linear(features, parameters[head + ".weight"],
                                      parameters[head + ".bias"]);
    const auto expected = network.model->forward(images);
    EXPECT_LE((logits - expected).norm().item<double>(),
              1e-5 * expected.norm().item<double>())
        << name;
  }
}

}  // namespace
}  // namespace skipzoo

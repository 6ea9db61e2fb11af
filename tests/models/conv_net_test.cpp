#include "models/conv_net.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "models/zoo.h"

namespace skipzoo {
namespace {

using torch::indexing::Slice;

/// Every number under `key` in what goldens/keras_conv_block.py wrote.
torch::Tensor from_keras(const std::string& key, at::IntArrayRef shape) {
  std::ifstream file(SKIPZOO_GOLDENS "/conv_block_keras.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t start = text.find('"' + key + '"');
  TORCH_CHECK(start != std::string::npos, "no ", key, " from Keras");
  std::vector<double> numbers;
  const char* at = text.c_str() + text.find('[', start);
  while (*at != '\0' && *at != '"') {  // The next key, or the end.
    char* end = nullptr;
    const double number = std::strtod(at, &end);
    if (end != at) numbers.push_back(number);
    at = end == at ? at + 1 : end;
  }
  return torch::tensor(numbers, torch::kFloat64).reshape(shape);
}

/// sin(start + step * j) for element j.
torch::Tensor wave(double start, double step, at::IntArrayRef shape) {
  const auto j = torch::arange(c10::multiply_integers(shape), torch::kFloat64);
  return (start + step * j).sin().reshape(shape);
}

/// Fills tensor number i of `model`, counted layer by layer with its moving
/// statistics, by keras_conv_block.py's formula.
void fill_as_keras_did(torch::nn::Module& model) {
  torch::NoGradGuard no_grad;
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& [name, tensor] : state_dict(model)) tensors[name] = tensor;
  std::vector<std::string> layers;
  for (const std::string block : {"0.", "1.", "2.", "3."}) {
    for (const std::string part :
         {"conv1", "bn1", "conv2", "bn2", "skip.0", "skip.1"}) {
      layers.push_back("blocks." + block + part);
    }
  }
  layers.push_back("fc");

  int i = 0;
  for (const auto& layer : layers) {
    for (const std::string part :
         {".weight", ".bias", ".running_mean", ".running_var"}) {
      const auto found = tensors.find(layer + part);
      if (found == tensors.end()) continue;
      auto& tensor = found->second;
      const auto value = wave(0.7 * i++, 0.37, tensor.sizes());
      const bool kernel = tensor.dim() > 1;
      if (!kernel && (part == ".weight" || part == ".running_var")) {
        tensor.copy_(1 + 0.25 * value);
      } else {
        const double scale =
            kernel ? std::sqrt(2.0 / static_cast<double>(tensor[0].numel()))
                   : 0.1;
        tensor.copy_(0.5 * scale * value);
      }
    }
  }
}

torch::Tensor images_as_keras_saw() {
  return wave(0, 0.05, {3, 3, 32, 32}).to(torch::kFloat32);
}

/// A block in eval mode, one channel in and out, whose second convolution
/// copies and whose first picks one of the nine taps.
ConvBlock block_that_picks(int64_t row, int64_t column, int64_t stride,
                           Activation activation = Activation::kRelu) {
  torch::NoGradGuard no_grad;
  ConvBlock block(1, 1, stride,
                  ConvNetOptions{.activation = activation,
                                 .shortcut = ConvShortcut::kNone});
  for (auto& parameter : block->parameters()) {
    if (parameter.dim() == 4) parameter.zero_();
  }
  block->conv1->weight[0][0][row][column] = 1;
  block->conv2->weight[0][0][1][1] = 1;
  block->conv1->bias.zero_();
  block->conv2->bias.zero_();
  block->eval();
  return block;
}

/// What a BatchNorm of unit statistics multiplies by: Keras's epsilon is 1e-3.
const double kNorm = 1 / std::sqrt(1 + 1e-3);

// The two counts that Keras's own summary prints of this network.
TEST(ConvNet, HasKerassParameterCount) {
  EXPECT_EQ(count_parameters(*make_model(ConvNetOptions{})), 1'221'290);
}

TEST(ConvNet, HasKerassCountWithTheMovingStatistics) {
  int64_t total = 0;
  for (const auto& [name, tensor] : state_dict(*make_model(ConvNetOptions{}))) {
    if (tensor.is_floating_point()) total += tensor.numel();
  }
  EXPECT_EQ(total, 1'224'170);
}

// 1,221,290 less 44,544 of the four 1x1 convolutions and their BatchNorms.
TEST(ConvNet, WithoutTheSkipHasFewerParameters) {
  const ConvNetOptions plain{.shortcut = ConvShortcut::kNone};
  EXPECT_EQ(count_parameters(*make_model(plain)), 1'176'746);
}

TEST(ConvNet, GivesKerassLogitsInEvalMode) {
  const auto model = make_model(ConvNetOptions{});
  fill_as_keras_did(*model);
  model->eval();
  const auto logits = model->forward(images_as_keras_saw());
  EXPECT_TRUE(torch::allclose(logits.to(torch::kFloat64),
                              from_keras("eval_logits", {3, 10}),
                              /*rtol=*/0, /*atol=*/1e-5))
      << logits;
}

// Keras rounds more in this mode: float64 is as far from it as we are.
TEST(ConvNet, GivesKerassLogitsAndMovingMeanInTrainingMode) {
  const auto model = make_model(ConvNetOptions{});
  fill_as_keras_did(*model);
  const auto logits = model->forward(images_as_keras_saw());
  EXPECT_TRUE(torch::allclose(logits.to(torch::kFloat64),
                              from_keras("train_mode_logits", {3, 10}),
                              /*rtol=*/0, /*atol=*/5e-5))
      << logits;
  // Means only: Keras moves the variance by the biased one of the batch.
  const auto mean = model->named_buffers()["blocks.0.bn1.running_mean"];
  EXPECT_TRUE(torch::allclose(mean.slice(0, 0, 4).to(torch::kFloat64),
                              from_keras("bn1_moving_mean_after", {4}),
                              /*rtol=*/0, /*atol=*/1e-6))
      << mean;
}

// Keras, padding="same": of an even size at stride 2 the one row and column of
// zeros go to the bottom and the right, so that the first tap sees pixel 0.
TEST(ConvBlock, PadsAnEvenSizeAtTheBottomAndTheRight) {
  const auto x = torch::rand({2, 1, 6, 4});
  const auto first_tap = block_that_picks(0, 0, 2)(x);
  const auto expected = x.index({"...", Slice(0, {}, 2), Slice(0, {}, 2)});
  EXPECT_TRUE(torch::allclose(first_tap, expected * kNorm * kNorm));
}

// ... and of an odd size there are two, one on each side: the middle tap sees
// pixel 0.
TEST(ConvBlock, PadsAnOddSizeOnBothSides) {
  const auto x = torch::rand({2, 1, 7, 5});
  const auto middle_tap = block_that_picks(1, 1, 2)(x);
  const auto expected = x.index({"...", Slice(0, {}, 2), Slice(0, {}, 2)});
  EXPECT_TRUE(torch::allclose(middle_tap, expected * kNorm * kNorm));
}

TEST(ConvBlock, PadsHeightAndWidthEachByItsOwnParity) {
  const auto x = torch::rand({2, 1, 7, 4});
  const auto tap = block_that_picks(/*row=*/1, /*column=*/0, 2)(x);
  const auto expected = x.index({"...", Slice(0, {}, 2), Slice(0, {}, 2)});
  EXPECT_TRUE(torch::allclose(tap, expected * kNorm * kNorm));
}

TEST(ConvNet, EndsEightByEightDigitsAtOnePixel) {
  ConvNetImpl model(ConvNetOptions{.in_channels = 1});
  const auto features = model.blocks->forward(torch::rand({2, 1, 8, 8}));
  EXPECT_EQ(features.sizes(), (std::vector<int64_t>{2, 256, 1, 1}));
}

// Each by its formula, between the convolutions and at the end.
TEST(ConvBlock, AppliesTheActivationThatItsOptionNames) {
  const std::map<Activation, double (*)(double)> formulas = {
      {Activation::kRelu, [](double x) { return x > 0 ? x : 0; }},
      {Activation::kElu, [](double x) { return x > 0 ? x : std::expm1(x); }},
      {Activation::kGelu,
       [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.0))); }},
      {Activation::kSilu, [](double x) { return x / (1 + std::exp(-x)); }},
      {Activation::kTanh, [](double x) { return std::tanh(x); }}};
  for (const auto& [activation, f] : formulas) {
    for (const double x : {-1.5, -0.3, 0.4, 2.0}) {
      auto block = block_that_picks(1, 1, 1, activation);
      const auto y = block(torch::full({1, 1, 1, 1}, x)).item<double>();
      EXPECT_NEAR(y, f(kNorm * f(kNorm * x)), 1e-6)
          << name_of(activation) << " of " << x;
    }
  }
}

// Glorot & Bengio 2010, as Keras's default: uniform in +-sqrt(6 / (in + out)).
TEST(ConvNet, StartsAsKerasDoes) {
  const ConvNetImpl model(ConvNetOptions{});
  EXPECT_EQ(model.fc->bias.abs().max().item<float>(), 0);
  const double limit = std::sqrt(6.0 / (256 + 10));
  const double largest = model.fc->weight.abs().max().item<double>();
  EXPECT_LE(largest, limit);
  EXPECT_GT(largest, 0.98 * limit);
}

TEST(ConvNet, ResetsItsHeadAsKerasStartsOne) {
  ConvNetImpl model(ConvNetOptions{});
  model.reset_head(3);
  EXPECT_EQ(model.forward(torch::rand({2, 3, 32, 32})).size(1), 3);
  EXPECT_EQ(model.fc->bias.abs().max().item<float>(), 0);
}

TEST(ConvNetOptions, RefusesFiltersAndStridesOfDifferentLengths) {
  const ConvNetOptions options{.filters = {8, 16}, .strides = {2}};
  Problems problems;
  options.validate(problems);
  EXPECT_EQ(problems,
            Problems{"filters has 2 entries but strides has 1; give one stride "
                     "per block"});
  EXPECT_THROW(make_model(options), c10::Error);
}

}  // namespace
}  // namespace skipzoo

// Which algorithm a convolution takes, as it is told, against what runs.

#include "models/kernels/choice.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <map>

#include "models/densenet.h"
#include "models/engine.h"
#include "models/kernels/ops/convolution.h"
#include "models/kernels/ops/inference.h"
#include "models/kernels/simd/processor.h"
#include "models/resnet.h"
#include "tests/support/calls.h"

namespace skipzoo {
namespace {

namespace nn = torch::nn;

struct Heard : ChoiceListener {
  void chosen(const Choice& choice) override {
    choices.push_back(choice);
    steps.push_back(step);
  }
  void gradient(const GradientChoice& choice) override {
    gradients.push_back(choice);
  }
  void begin_step(const std::string& name) override { step = name; }

  std::vector<Choice> choices;
  std::vector<GradientChoice> gradients;
  std::vector<std::string> steps;  ///< Of each choice.
  std::string step;
};

torch::Tensor channels_last(at::IntArrayRef sizes) {
  return torch::randn(sizes).contiguous(at::MemoryFormat::ChannelsLast);
}

/// "not winograd: stride 2", …
std::vector<std::string> declined_by(const Choice& choice) {
  std::vector<std::string> words;
  for (const auto& [algorithm, why] : choice.declined) {
    words.push_back(std::string(name_of(algorithm)) + ": " + why.words());
  }
  return words;
}

struct TrainedCase {
  nn::Conv2dOptions options;
  std::vector<int64_t> images;
  Algorithm algorithm;  ///< With AVX2 alone.
};

std::vector<TrainedCase> trained_cases() {
  return {
      {nn::Conv2dOptions(16, 16, 3).padding(1),
       {8, 16, 8, 8},
       Algorithm::kWinograd},
      {nn::Conv2dOptions(32, 32, 3).padding(1).stride(2),
       {32, 32, 8, 8},
       Algorithm::kImplicitGemm},
      {nn::Conv2dOptions(16, 16, 3).padding(1).groups(4),
       {2, 16, 8, 8},
       Algorithm::kGroups},
      {nn::Conv2dOptions(16, 24, 3).padding(1).stride(2),
       {4, 16, 8, 8},
       Algorithm::kLibTorch},
  };
}

TEST(ConvolutionChoice, OfTrainingIsWhatRuns) {
  const std::pair<Algorithm, std::string> names[] = {
      {Algorithm::kWinograd, "skipzoo::winograd_convolution"},
      {Algorithm::kImplicitGemm, "skipzoo::implicit_gemm_convolution"},
      {Algorithm::kGroups, "skipzoo::grouped_convolution"},
      {Algorithm::kLibTorch, "aten::conv2d"}};
  for (const auto& c : trained_cases()) {
    nn::Conv2d conv(c.options);
    const auto x = channels_last(c.images).requires_grad_();
    for (const auto& [algorithm, name] : names) {
      Heard heard;
      const Listening listening(heard);
      torch::Tensor y;
      {
        const Calls calls(name);
        y = convolution(x, conv, Kernels::kFused);
        ASSERT_EQ(heard.choices.size(), 1);
        EXPECT_EQ(calls.count(), heard.choices[0].algorithm == algorithm)
            << name;
      }
      const auto& choice = heard.choices[0];
      if (isa() == Isa::kAvx2) {
        EXPECT_EQ(choice.algorithm, c.algorithm);
      }
      EXPECT_EQ(choice.call.weight, conv->weight.data_ptr());
      EXPECT_EQ(choice.call.images, c.images);
      EXPECT_TRUE(choice.call.wants_input_gradient);
      if (choice.algorithm == Algorithm::kLibTorch) continue;  // Autograd's.
      const std::string backward = name + "_backward";
      const Calls calls(backward);
      y.sum().backward();
      ASSERT_EQ(heard.gradients.size(), 1);
      const auto& gradient = heard.gradients[0];
      EXPECT_EQ(gradient.algorithm, choice.algorithm);
      EXPECT_EQ(gradient.weight, conv->weight.data_ptr());
      EXPECT_TRUE(gradient.of_input && gradient.of_weight);
      EXPECT_EQ(calls.count() > 0, choice.algorithm == algorithm) << backward;
    }
  }
}

TEST(ConvolutionChoice, SaysWhyThoseBeforeDeclined) {
  Heard heard;
  const Listening listening(heard);
  nn::Conv2d conv(nn::Conv2dOptions(16, 24, 3).padding(1).stride(2));
  convolution(channels_last({4, 16, 8, 8}), conv, Kernels::kFused);
  ASSERT_EQ(heard.choices.size(), 1);
  EXPECT_EQ(heard.choices[0].algorithm, Algorithm::kLibTorch);
  EXPECT_FALSE(heard.choices[0].call.wants_input_gradient);
  EXPECT_EQ(declined_by(heard.choices[0]),
            (std::vector<std::string>{
                "winograd: stride 2",
                has_avx2() ? "implicit_gemm: fewer than 8 images: 4"
                           : "implicit_gemm: no AVX2",
                "grouped_convolution: one group"}));
}

TEST(ConvolutionChoice, IsToldToTheLastListenerWhileItListens) {
  nn::Conv2d conv(nn::Conv2dOptions(16, 16, 3).padding(1));
  const auto x = channels_last({8, 16, 8, 8});
  Heard outer, inner;
  {
    const Listening listening(outer);
    {
      const Listening within(inner);
      convolution(x, conv, Kernels::kFused);
    }
    EXPECT_EQ(outer.choices.size(), 0);
    convolution(x, conv, Kernels::kFused);
  }
  convolution(x, conv, Kernels::kFused);
  EXPECT_EQ(inner.choices.size(), 1);
  EXPECT_EQ(outer.choices.size(), 1);
  EXPECT_EQ(ChoiceListener::active(), nullptr);
}

TEST(ConvolutionChoice, OfInferenceIsWhatRuns) {
  struct Case {
    std::vector<int64_t> weight, images, padding, stride;
    int64_t groups;
    Algorithm algorithm;  ///< With AVX2 alone.
    std::string name;
  };
  const std::vector<Case> cases = {
      {{32, 16, 3, 3},
       {1, 16, 4, 4},
       {1, 1},
       {1, 1},
       1,
       Algorithm::kIm2col,
       "skipzoo::im2col_convolution"},
      {{64, 64, 3, 3},
       {8, 64, 8, 8},
       {1, 1},
       {1, 1},
       1,
       Algorithm::kWinograd,
       "skipzoo::winograd_convolution"},
      {{32, 32, 3, 3},
       {32, 32, 8, 8},
       {1, 1},
       {2, 2},
       1,
       Algorithm::kImplicitGemm,
       "skipzoo::implicit_gemm_convolution"},
      {{16, 4, 3, 3},
       {2, 16, 8, 8},
       {1, 1},
       {1, 1},
       4,
       Algorithm::kGroups,
       "skipzoo::grouped_convolution"},
      {{16, 8, 3, 3},
       {1, 8, 24, 24},
       {1, 1},
       {2, 2},
       1,
       Algorithm::kSmall,
       "skipzoo::convolution3x3"},
      {{64, 64, 1, 1},
       {32, 64, 16, 16},
       {0, 0},
       {1, 1},
       1,
       Algorithm::kOneDnn,
       "mkldnn::_convolution_pointwise"},
  };
  const torch::NoGradGuard no_grad;
  for (const auto& c : cases) {
    for (const auto& other : cases) {
      PackedConvolution conv(channels_last(c.weight), {},
                             {.padding = c.padding,
                              .stride = c.stride,
                              .dilation = {1, 1},
                              .groups = c.groups});
      Heard heard;
      const Listening listening(heard);
      const Calls calls(other.name);
      conv(channels_last(c.images), /*relu=*/false);
      ASSERT_EQ(heard.choices.size(), 1);
      const auto& choice = heard.choices[0];
      if (isa() == Isa::kAvx2) {
        EXPECT_EQ(choice.algorithm, c.algorithm);
      }
      EXPECT_EQ(calls.count(), choice.algorithm == other.algorithm)
          << other.name << " in " << name_of(choice.algorithm);
      EXPECT_EQ(choice.call.kernel, c.weight);
      EXPECT_EQ(choice.call.stride, c.stride[0]);
    }
  }
}

TEST(ConvolutionChoice, OfASumIsThatOfTheConvolution) {
  const torch::NoGradGuard no_grad;
  for (const int64_t images : {1, 8, 40}) {
    PackedConvolution conv(
        channels_last({64, 64, 3, 3}), {},
        {.padding = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}});
    const auto x = channels_last({images, 64, 4, 4});
    Heard heard;
    const Listening listening(heard);
    const auto y = conv(x, /*relu=*/false);
    conv.add_to(torch::zeros_like(y), x, /*relu=*/false);
    ASSERT_EQ(heard.choices.size(), 2);
    EXPECT_EQ(heard.choices[0].algorithm, heard.choices[1].algorithm);
  }
}

TEST(ConvolutionChoice, OfADenseBlockIsToldOfEachPass) {
  for (const int64_t bottleneck : {0, 4}) {
    DenseNetImpl net(DenseNetOptions{.block_config = {2},
                                     .growth_rate = 12,
                                     .num_init_features = 16,
                                     .bn_size = bottleneck,
                                     .stem = Stem::kCifar});
    Heard heard;
    const Listening listening(heard);
    net.forward(channels_last({4, 3, 16, 16})).sum().backward();
    std::map<const void*, std::string> names;
    for (const auto& parameter : net.named_parameters()) {
      names[parameter.value().data_ptr()] = parameter.key();
    }
    std::map<std::string, Algorithm> forward, backward;
    for (const auto& choice : heard.choices) {
      forward[names.at(choice.call.weight)] = choice.algorithm;
    }
    for (const auto& choice : heard.gradients) {
      backward[names.at(choice.weight)] = choice.algorithm;
    }
    const auto by_tiles =
        has_avx2() ? Algorithm::kWinograd : Algorithm::kDirect;
    const std::string layer = "features.denseblock1.denselayer2.";
    if (bottleneck == 0) {
      EXPECT_EQ(forward.at(layer + "conv1.weight"), by_tiles);
      // It adds to the gradient of all features.
      EXPECT_EQ(backward.at(layer + "conv1.weight"), Algorithm::kDirect);
      continue;
    }
    EXPECT_EQ(forward.at(layer + "conv1.weight"), Algorithm::kPointwise);
    EXPECT_EQ(backward.at(layer + "conv1.weight"), Algorithm::kPointwise);
    EXPECT_EQ(forward.at(layer + "conv2.weight"), by_tiles);
    EXPECT_EQ(backward.at(layer + "conv2.weight"), by_tiles);
  }
}

TEST(EngineChoice, IsToldWithTheStepThatItIsOf) {
  ResNetImpl net(ResNetOptions{.depths = {1, 1}, .widths = {16, 32}});
  net.eval();
  Engine engine(net, Kernels::kFused);
  const auto images = torch::randn({2, 3, 16, 16});
  engine(images);
  Heard heard;
  {
    const Listening listening(heard);
    engine(images);
  }
  EXPECT_EQ(heard.steps, (std::vector<std::string>{
                             "conv1", "layer1.0.conv1", "layer1.0.conv2",
                             "layer2.0.conv1", "layer2.0.conv2", "fc"}));
}

}  // namespace
}  // namespace skipzoo

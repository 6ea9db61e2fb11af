// The engine against the network's own forward(), over the families and their
// options.

#include "models/engine.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "models/eval_mode.h"
#include "models/zoo.h"

namespace skipzoo {
namespace {

struct Case {
  std::string name;
  ModelOptions options;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& options : families()) {
    all.push_back({family_name(options), options});
  }
  for (const auto shortcut :
       {Shortcut::kAEnd, Shortcut::kB, Shortcut::kC, Shortcut::kNone}) {
    all.push_back(
        {"resnet_shortcut_" + std::to_string(int(shortcut)),
         ResNetOptions{
             .depths = {2, 2}, .widths = {8, 12}, .shortcut = shortcut}});
  }
  all.push_back({"resnet_bottleneck", ResNetOptions{.depths = {2, 2},
                                                    .widths = {8, 16},
                                                    .bottleneck = true,
                                                    .shortcut = Shortcut::kB,
                                                    .stem = Stem::kImageNet}});
  all.push_back({"resnext", ResNetOptions{.depths = {1, 2},
                                          .widths = {16, 16},
                                          .bottleneck = true,
                                          .shortcut = Shortcut::kB,
                                          .groups = 4,
                                          .width_per_group = 16}});
  all.push_back({"densenet_plain", DenseNetOptions{.block_config = {3, 2},
                                                   .growth_rate = 5,
                                                   .num_init_features = 7,
                                                   .bn_size = 0,
                                                   .compression = 1}});
  all.push_back(
      {"densenet_imagenet", DenseNetOptions{.block_config = {2, 3, 1},
                                            .growth_rate = 8,
                                            .num_init_features = 16,
                                            .stem = Stem::kImageNet}});
  all.push_back({"densenet_one_channel", DenseNetOptions{.block_config = {2},
                                                         .growth_rate = 1,
                                                         .num_init_features = 1,
                                                         .in_channels = 1}});
  for (const auto activation : {Activation::kElu, Activation::kTanh}) {
    all.push_back(
        {"conv_net_activation_" + std::to_string(int(activation)),
         ConvNetOptions{
             .filters = {6, 10}, .strides = {1, 2}, .activation = activation}});
  }
  all.push_back(
      {"conv_net_plain", ConvNetOptions{.filters = {6, 10},
                                        .strides = {2, 1},
                                        .shortcut = ConvShortcut::kNone}});
  return all;
}

/// A network whose norms are not the identity.
std::shared_ptr<Classifier> trained(const ModelOptions& options) {
  torch::manual_seed(3);
  auto model = make_model(options);
  const torch::NoGradGuard no_grad;
  for (const auto& buffer : model->named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer.value().normal_(0, 0.2);
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 2);
  }
  for (const auto& parameter : model->named_parameters()) {
    if (parameter.value().dim() == 1)
      parameter.value().add_(0.2 * torch::randn(parameter.value().sizes()));
  }
  return model;
}

torch::Tensor textbook(Classifier& model, const torch::Tensor& images) {
  const EvalMode eval(model);
  const torch::NoGradGuard no_grad;
  const TextbookOnly textbook;
  return model.forward(images);
}

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kDouble) - b.to(torch::kDouble)).norm().item<double>();
}

class EngineOf : public testing::TestWithParam<Case> {};

TEST_P(EngineOf, EqualsTheNetwork) {
  const auto model = trained(GetParam().options);
  Engine engine(*model, Kernels::kFused);
  for (const int64_t batch : {1, 3}) {
    for (const int64_t side : {16, 21}) {
      const auto images = torch::randn(
          {batch, in_channels(GetParam().options), side, side + 2});
      const auto expected = textbook(*model, images);
      // Twice: buffers are written over, and must not be weights or images.
      for (int run = 0; run < 2; ++run) {
        const auto found = engine(images);
        ASSERT_EQ(found.sizes(), expected.sizes());
        EXPECT_EQ(found.scalar_type(), at::kFloat);
        EXPECT_LE(distance(found, expected),
                  1e-5 * std::max(expected.norm().item<double>(), 1.0))
            << batch << " images of " << side;
      }
    }
  }
}

TEST_P(EngineOf, InBfloat16IsAsNearAsAutocast) {
  const auto model = trained(GetParam().options);
  Engine engine(*model, Kernels::kFused, at::kBFloat16);
  const auto images =
      torch::randn({16, in_channels(GetParam().options), 20, 20});
  const auto exact = textbook(*model, images);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const auto cast = textbook(*model, images);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_LE(distance(engine(images), exact),
            2 * distance(cast, exact) + 2e-3 * exact.norm().item<double>());
}

INSTANTIATE_TEST_SUITE_P(Zoo, EngineOf, testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param.name; });

/// Concatenates as no network of the zoo does: parts twice, parts read alone,
/// images, and other axes.
struct Tangled : Classifier {
  explicit Tangled() {
    for (const auto& [name, in] :
         {std::pair{"a", 3}, {"b", 4}, {"c", 8}, {"d", 12}}) {
      convolutions.push_back(register_module(
          name,
          torch::nn::Conv2d(
              torch::nn::Conv2dOptions(in, 4, 3).padding(1).bias(false))));
    }
    norm = register_module("norm", torch::nn::BatchNorm2d(8));
    fc = register_module("fc", torch::nn::Linear(31, 5));
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    const auto a = convolutions[0](images);
    const auto b = convolutions[1](torch::relu(a));
    const auto ab = torch::cat({a, b}, 1);
    const auto c = convolutions[2](torch::relu(norm(ab)));
    const auto d = convolutions[3](torch::cat({a, b, c}, 1));
    const auto tall = torch::cat({c, c}, 2).mean(2, true) + b;
    const auto all = torch::cat({images, d, d, tall, b * c, ab, a}, 1);
    return fc(all.mean({2, 3}));
  }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }

  std::vector<torch::nn::Conv2d> convolutions;
  torch::nn::BatchNorm2d norm{nullptr};
  torch::nn::Linear fc{nullptr};
};

TEST(Engine, TakesConcatenationsThatAreNoDenseBlock) {
  torch::manual_seed(5);
  Tangled model;
  model.norm->running_mean.uniform_(-1, 1);
  Engine engine(model, Kernels::kFused);
  const auto images = torch::randn({2, 3, 9, 7});
  const auto expected = textbook(model, images);
  for (int run = 0; run < 2; ++run) {
    EXPECT_LE(distance(engine(images), expected),
              1e-5 * expected.norm().item<double>());
  }
}

/// Made of what looks like the zoo's wiring and is not: norms without weights,
/// of two axes, shared; a transposed convolution; sums that broadcast.
struct Unusual : Classifier {
  Unusual() {
    const auto conv = [&](const char* name, int64_t in) {
      return register_module(
          name, torch::nn::Conv2d(
                    torch::nn::Conv2dOptions(in, 4, 3).padding(1).bias(false)));
    };
    first = conv("first", 3);
    again = conv("again", 4);
    scalar = conv("scalar", 4);
    mean = conv("mean", 4);
    place = conv("place", 4);
    up = register_module(
        "up", torch::nn::ConvTranspose2d(
                  torch::nn::ConvTranspose2dOptions(4, 4, 3).padding(1)));
    bare = register_module(
        "bare",
        torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(4).affine(false)));
    norm = register_module("norm", torch::nn::BatchNorm2d(4));
    up_norm = register_module("up_norm", torch::nn::BatchNorm2d(4));
    flat_norm = register_module("flat_norm", torch::nn::BatchNorm1d(4));
    fc = register_module("fc", torch::nn::Linear(4, 5));
    where = register_parameter("where", torch::randn({1, 4, 9, 7}));
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    auto x = torch::relu(bare(first(images)));
    x = torch::relu(norm(again(x)));
    x = torch::relu(norm(again(x)));
    x = torch::relu(up_norm(up(x)));
    x = torch::relu(scalar(x) + 0.5);
    x = torch::relu(mean(x) + x.mean({2, 3}, true));
    x = torch::relu(place(x) + where);
    return fc(torch::relu(flat_norm(x.mean({2, 3}))));
  }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }

  torch::nn::Conv2d first{nullptr}, again{nullptr}, scalar{nullptr},
      mean{nullptr}, place{nullptr};
  torch::nn::ConvTranspose2d up{nullptr};
  torch::nn::BatchNorm2d bare{nullptr}, norm{nullptr}, up_norm{nullptr};
  torch::nn::BatchNorm1d flat_norm{nullptr};
  torch::nn::Linear fc{nullptr};
  torch::Tensor where;
};

TEST(Engine, LeavesToLibTorchWhatItDoesNotKnow) {
  torch::manual_seed(6);
  Unusual model;
  const torch::NoGradGuard no_grad;
  for (const auto& buffer : model.named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer.value().uniform_(-1, 1);
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 2);
  }
  Engine engine(model, Kernels::kFused);
  for (const int64_t batch : {1, 3}) {
    const auto images = torch::randn({batch, 3, 9, 7});
    const auto expected = textbook(model, images);
    EXPECT_LE(distance(engine(images), expected),
              1e-5 * expected.norm().item<double>())
        << batch;
  }
}

TEST(Engine, LeavesTheNetworkAsItWas) {
  const auto model = trained(ResNetOptions{});
  model->train();
  std::vector<torch::Tensor> before;
  for (const auto& [name, tensor] : state_dict(*model)) {
    before.push_back(tensor.clone());
  }
  Engine engine(*model, Kernels::kFused);
  engine(torch::randn({2, 3, 16, 16}));
  EXPECT_TRUE(model->is_training());
  const auto after = state_dict(*model);
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(torch::equal(before[i], after[i].second)) << after[i].first;
  }
}

TEST(Engine, WithReferenceKernelsIsTheNetworkItself) {
  const auto model = trained(DenseNetOptions{.kernels = Kernels::kReference});
  Engine engine(*model, Kernels::kReference);
  const auto images = torch::randn({2, 3, 16, 16});
  EXPECT_TRUE(torch::equal(engine(images), textbook(*model, images)));
}

TEST(Engine, IsTheSameEveryTimeForTheSameNumberOfThreads) {
  for (const auto& options : families()) {
    const auto model = trained(options);
    Engine engine(*model, Kernels::kFused);
    const auto images = torch::randn({5, 3, 24, 24});
    EXPECT_TRUE(torch::equal(engine(images), engine(images)))
        << family_name(options);
  }
}

}  // namespace
}  // namespace skipzoo

#include "models/grad_cam.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "models/zoo.h"
#include "tests/models/published.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/variants.h"
#include "tests/support/weights_by_formula.h"
#include "tools/error.h"
#include "tools/run/predictor.h"

namespace skipzoo {
namespace {

double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>();
}

/// make_grad_cam.py's networks.
const std::map<std::string, ModelOptions>& networks_with_heat() {
  static const std::map<std::string, ModelOptions> table = {
      {"convnet-residual", ConvNetOptions{}},
      {"convnet-plain", ConvNetOptions{.shortcut = ConvShortcut::kNone}},
      {"resnet20-a", cifar_resnet(20, Shortcut::kA)},
      {"resnet50", imagenet_resnet(kDepths50)},
      {"densenet-bc-100-12", densenet_bc(100, 12)},
      {"densenet121", imagenet_densenet({6, 12, 24, 16})}};
  return table;
}

TEST(GradCam, IsPlainPyTorchs) {
  const auto goldens = nlohmann::json::parse(
      read_text(std::filesystem::path(SKIPZOO_GOLDENS) / "grad_cam.json"));
  EXPECT_EQ(goldens.size(), networks_with_heat().size());
  for (const auto& [name, options] : networks_with_heat()) {
    const auto& golden = goldens.at(name);
    const auto model = make_model(options);
    fill_by_formula(*model);
    const auto size = golden.at("size").get<int64_t>();
    const auto classes =
        torch::tensor(golden.at("classes").get<std::vector<int64_t>>());
    const auto heat =
        grad_cam(*model, formula_images(2, 3, size, size), classes);
    const auto expected =
        torch::tensor(golden.at("maps").get<std::vector<double>>(),
                      torch::kDouble)
            .view(golden.at("shape").get<std::vector<int64_t>>());
    EXPECT_LT(largest_difference(heat, expected), 1e-9) << name;
  }
}

// Zhou et al. 2016: behind global average pooling and one linear layer, the
// last layer's weights say how much each map speaks for a class.
TEST(GradCam, IsTheClassActivationMapOfEveryFamily) {
  for (const auto& [name, options] : variants()) {
    torch::manual_seed(1);
    const auto model = make_model(options);
    const auto images = torch::rand({3, in_channels(options), 32, 32});
    model->train();
    model->forward(images);  // Statistics other than 0 and 1.
    const auto classes = torch::tensor({0, 1, 1}, torch::kLong);
    const auto heat = grad_cam(*model, images, classes);

    EXPECT_TRUE(model->is_training()) << name;
    const torch::NoGradGuard no_grad;
    model->eval();
    const auto maps = model->forward_features(images);
    EXPECT_TRUE(torch::equal(model->forward_head(maps), model->forward(images)))
        << name;
    const auto rows =
        model->named_parameters()[model->head_name() + ".weight"].index_select(
            0, classes);
    auto expected = torch::relu(torch::einsum("nk,nkhw->nhw", {rows, maps}));
    const auto most = expected.amax({1, 2}, true);
    expected = expected / torch::where(most > 0, most, torch::ones_like(most));
    EXPECT_LT(largest_difference(heat, expected), 1e-4) << name;
    for (const auto& parameter : model->parameters()) {
      EXPECT_FALSE(parameter.grad().defined()) << name;
    }
  }
}

/// Two channels of an image are the feature maps; what is behind them is not
/// linear, so that every pixel has a gradient of its own.
struct Crooked : Classifier {
  torch::Tensor forward(const torch::Tensor& images) override {
    return forward_head(forward_features(images));
  }
  torch::Tensor forward_features(const torch::Tensor& images) override {
    return images;
  }
  torch::Tensor forward_head(const torch::Tensor& maps) override {
    const auto pooled = maps.pow(3).sin().mean({2, 3});
    return torch::stack({pooled.select(1, 0) * pooled.select(1, 1),
                         pooled.select(1, 0) - 2 * pooled.select(1, 1)},
                        1);
  }
  std::string head_name() const override { return ""; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }
  Kernels kernels() const override { return Kernels::kReference; }
};

TEST(GradCam, TakesTheGradientThatFiniteDifferencesFind) {
  Crooked model;
  const auto images = formula_images(1, 2, 3, 4);
  for (const int64_t label : {0, 1}) {
    const auto heat = grad_cam(model, images, torch::tensor({label}));
    const auto score = [&](const torch::Tensor& maps) {
      return model.forward_head(maps)[0][label].item<double>();
    };
    auto total = torch::zeros({3, 4}, torch::kDouble);
    for (int64_t k = 0; k < 2; ++k) {
      double gradient = 0;
      for (int64_t i = 0; i < 12; ++i) {
        constexpr double kStep = 1e-5;
        auto step = torch::zeros_like(images);
        step[0][k].view({12})[i] = kStep;
        gradient += (score(images + step) - score(images - step)) / (2 * kStep);
      }
      total += gradient / 12 * images[0][k];
    }
    total = torch::relu(total);
    ASSERT_GT(total.max().item<double>(), 0);
    EXPECT_LT(largest_difference(heat[0], total / total.max()), 1e-6) << label;
  }
}

TEST(GradCam, IsZeroWhereNothingSpeaksForTheClass) {
  ConvNetOptions options;
  options.filters = {4};
  options.strides = {1};
  const auto model = make_model(options);
  {
    const torch::NoGradGuard no_grad;
    model->named_parameters()["fc.weight"].fill_(-1);
  }
  const auto images = torch::rand({1, 3, 8, 8});
  const auto zero = torch::tensor({0}, torch::kLong);
  EXPECT_TRUE(
      torch::equal(grad_cam(*model, images, zero), torch::zeros({1, 8, 8})));
  const auto bad = torch::full_like(images, NAN);
  EXPECT_TRUE(
      torch::equal(grad_cam(*model, bad, zero), torch::zeros({1, 8, 8})));
}

TEST(GradCam, IsRefusedWhereThereAreNoFeatureMaps) {
  struct Whole : Crooked {
    torch::Tensor forward_features(const torch::Tensor& images) override {
      return Classifier::forward_features(images);
    }
  };
  Whole model;
  EXPECT_THROW(grad_cam(model, torch::rand({1, 2, 3, 4}),
                        torch::tensor({0}, torch::kLong)),
               c10::NotImplementedError);
  LoadedNetwork exported;  // Without modules, as an exported program is.
  const Predictor program(exported);
  EXPECT_THROW(program.heat_maps(torch::zeros({1, 3, 8, 8}, torch::kByte),
                                 torch::tensor({0}, torch::kLong)),
               ConfigError);
}

}  // namespace
}  // namespace skipzoo

// One training step of every network of plain PyTorch in goldens/, where
// make_goldens.py stands that wrote them: names, shapes, logits, the loss,
// every gradient and every running statistic.
#include <gtest/gtest.h>
#include <torch/nn.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "models/zoo.h"
#include "tests/models/published.h"
#include "tests/support/weights_by_formula.h"

namespace skipzoo {
namespace {

/// What the zoo calls the networks of reference_models.py.
const std::map<std::string, ModelOptions>& networks() {
  static const std::map<std::string, ModelOptions> table = {
      {"convnet-residual", ConvNetOptions{}},
      {"convnet-plain", ConvNetOptions{.shortcut = ConvShortcut::kNone}},
      {"resnet20-a", cifar_resnet(20, Shortcut::kA)},
      {"resnet20-b", cifar_resnet(20, Shortcut::kB)},
      {"resnet56-a", cifar_resnet(56, Shortcut::kA)},
      {"resnet110-a", cifar_resnet(110, Shortcut::kA)},
      {"resnet18", imagenet_basic(kDepths18)},
      {"resnet34", imagenet_basic(kDepths50)},
      {"resnet50", imagenet_resnet(kDepths50)},
      {"resnet101", imagenet_resnet(kDepths101)},
      {"resnet152", imagenet_resnet(kDepths152)},
      {"resnext50_32x4d", imagenet_resnet(kDepths50, 32, 4)},
      {"wide_resnet50_2", imagenet_resnet(kDepths50, 1, 128)},
      {"resnet50-v1", resnet_v1(imagenet_resnet(kDepths50))},
      {"resnet50d", resnet_d(imagenet_resnet(kDepths50))},
      {"resnetblur18", resnet_blur(imagenet_basic(kDepths18))},
      {"resnetblur50", resnet_blur(imagenet_resnet(kDepths50))},
      {"seresnet50", se_resnet(imagenet_resnet(kDepths50))},
      {"legacy_seresnet18", se_resnet(imagenet_basic(kDepths18), 1)},
      {"ecaresnet50", eca_resnet(imagenet_resnet(kDepths50))},
      {"preact_resnet110-a", preact_basic(110)},
      {"preact_resnet164", preact_bottlenecks(164)},
      {"preact_resnet18-kuangliu", kuangliu_preact18()},
      {"wrn_16_4", wide_resnet(16, 4)},
      {"resnetv2_18", resnetv2(kDepths18, false)},
      {"resnetv2_50", resnetv2(kDepths50, true)},
      {"densenet-40-12", densenet(40, 12)},
      {"densenet-bc-100-12", densenet_bc(100, 12)},
      {"dpn_small", DPNOptions{}},
      {"dpn68", dpn68()},
      {"dpn68b", dpn68(/*split_output=*/true)},
      {"dpn92", dpn92()},
      {"convnet-identity", skip_net(ConvShortcut::kIdentity)},
      {"convnet-highway", skip_net(ConvShortcut::kHighway)},
      {"convnet-rezero", skip_net(ConvShortcut::kReZero)},
      {"convnet-skipinit", skip_net(ConvShortcut::kSkipInit)},
      {"convnet-layerscale", skip_net(ConvShortcut::kLayerScale)},
      {"convnet-dense", skip_net(ConvShortcut::kDense)},
      {"convnet-skipinit-unnormed",
       unnormed(skip_net(ConvShortcut::kSkipInit))},
      {"convnet-fixup", fixup(skip_net(ConvShortcut::kProjection))},
      {"convnet-fixup-identity", fixup(skip_net(ConvShortcut::kIdentity))},
      {"densenet121", imagenet_densenet({6, 12, 24, 16})},
      {"densenetblur121d", blur_densenet(imagenet_densenet({6, 12, 24, 16}))},
      {"densenet169", imagenet_densenet({6, 12, 32, 32})},
      {"densenet201", imagenet_densenet({6, 12, 48, 32})},
      {"densenet161", imagenet_densenet({6, 12, 36, 24}, 48)}};
  return table;
}

/// One line of a golden: a tensor's norm and its product with its probe.
struct Line {
  std::string kind;
  std::string name;
  std::string shape;
  double norm = 0;
  double product = 0;
};

struct Golden {
  std::vector<int64_t> images;
  double loss = 0;
  std::vector<Line> tensors;  ///< Logits, parameters, buffers.
};

std::vector<int64_t> sizes_from(std::string shape) {
  std::replace(shape.begin(), shape.end(), 'x', ' ');
  std::istringstream words(shape);
  return {std::istream_iterator<int64_t>(words), {}};
}

std::string shape_of(const torch::Tensor& tensor) {
  std::string shape;
  for (const int64_t size : tensor.sizes()) {
    if (!shape.empty()) shape += 'x';
    shape += std::to_string(size);
  }
  return shape.empty() ? "scalar" : shape;
}

Golden read_golden(const std::string& network) {
  const auto path = std::filesystem::path(SKIPZOO_GOLDENS) / (network + ".txt");
  std::ifstream file(path);
  Golden golden;
  for (std::string text; std::getline(file, text);) {
    if (text.starts_with('#')) continue;
    std::istringstream words(text);
    Line line;
    words >> line.kind;
    if (line.kind == "images") {
      std::string shape;
      words >> shape;
      golden.images = sizes_from(shape);
    } else if (line.kind == "loss") {
      words >> golden.loss;
    } else {
      line.name = line.kind;
      if (line.kind != "logits") words >> line.name;
      words >> line.shape >> line.norm;
      if (line.kind != "buffer") words >> line.product;
      golden.tensors.push_back(line);
    }
    EXPECT_FALSE(words.fail()) << path << ": " << text;
  }
  return golden;
}

/// Some gradients are truly zero (a bias before a BatchNorm): hence the 1.
void expect_same(const torch::Tensor& tensor, const Line& golden) {
  const auto what = golden.kind + " " + golden.name;
  const double tolerance = 1e-9 * std::max(golden.norm, 1.0);
  ASSERT_EQ(shape_of(tensor), golden.shape) << what;
  const auto value = tensor.detach().to(torch::kFloat64).flatten();
  EXPECT_NEAR(value.norm().item<double>(), golden.norm, tolerance) << what;
  if (golden.kind == "buffer") return;
  // The probe is random to any error d of the tensor, so that this product is
  // off by about norm(d) / sqrt(3): it is held to the bound on norm(d).
  const auto probe = formula_uniform(golden.name + ".probe", value.sizes());
  EXPECT_NEAR(value.dot(probe).item<double>(), golden.product, tolerance)
      << what;
}

/// As a golden lists a network: logits, parameters, then buffers.
std::vector<std::pair<std::string, torch::Tensor>> tensors_to_compare(
    const Classifier& model, const torch::Tensor& logits) {
  std::vector<std::pair<std::string, torch::Tensor>> tensors = {
      {"logits", logits}};
  for (const auto& item : model.named_parameters()) {
    tensors.emplace_back(item.key(), item.value().grad());
  }
  for (const auto& item : model.named_buffers()) {
    tensors.emplace_back(item.key(), item.value());
  }
  return tensors;
}

class Goldens : public testing::TestWithParam<std::string> {};

TEST_P(Goldens, OneTrainingStepIsPlainPyTorchs) {
  const auto golden = read_golden(GetParam());
  ASSERT_EQ(golden.images.size(), 4);
  const auto model = make_model(networks().at(GetParam()));
  fill_by_formula(*model);
  model->train();
  const auto& size = golden.images;
  const auto images = formula_images(size[0], size[1], size[2], size[3]);

  const auto logits = model->forward(images);
  const auto loss = torch::nn::functional::cross_entropy(
      logits, torch::arange(size[0]).remainder(logits.size(1)));
  loss.backward();

  EXPECT_NEAR(loss.item<double>(), golden.loss, 1e-9);
  const auto ours = tensors_to_compare(*model, logits);
  ASSERT_EQ(ours.size(), golden.tensors.size());
  for (size_t i = 0; i < ours.size(); ++i) {
    ASSERT_EQ(ours[i].first, golden.tensors[i].name);
    expect_same(ours[i].second, golden.tensors[i]);
    if (HasFailure()) return;  // The first that differs names the place.
  }
}

TEST(GoldenFiles, AreOneForEachNetworkOfTheTable) {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(SKIPZOO_GOLDENS)) {
    if (entry.path().extension() == ".txt") {
      files.push_back(entry.path().stem().string());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> names;
  for (const auto& [name, options] : networks()) names.push_back(name);
  EXPECT_EQ(files, names);
}

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const auto& [name, options] : networks()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(PlainPyTorch, Goldens,
                         testing::ValuesIn(network_names()),
                         [](const auto& test) {
                           auto name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace skipzoo

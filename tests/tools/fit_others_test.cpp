// Files that hold more than a network, or the network under other names:
// self-supervised pretraining, distillation, profilers, losses.

#include <gtest/gtest.h>

#include <chrono>

#include "models/zoo.h"
#include "tests/support/copy_of.h"
#include "tools/weights/fit.h"

namespace skipzoo {
namespace {

using Names = std::vector<std::string>;

std::shared_ptr<Classifier> small_resnet() {
  ResNetOptions options;
  options.depths = {1, 1};
  options.widths = {4, 8};
  options.shortcut = Shortcut::kB;
  return make_model(options);
}

std::shared_ptr<Classifier> small_densenet() {
  DenseNetOptions options;
  options.block_config = {2, 2};
  options.growth_rate = 4;
  options.num_init_features = 8;
  return make_model(options);
}

NamedTensors under(const std::string& prefix, const NamedTensors& tensors) {
  NamedTensors file;
  for (const auto& [name, tensor] : tensors) {
    file.emplace_back(prefix + name, tensor);
  }
  return file;
}

NamedTensors without_head(NamedTensors tensors) {
  std::erase_if(tensors, [](const auto& entry) {
    return entry.first.starts_with("fc.");
  });
  return tensors;
}

void append(NamedTensors& file, const NamedTensors& more) {
  file.insert(file.end(), more.begin(), more.end());
}

/// Expects a network's own weights in it after all.
void expect_loads(const NamedTensors& file, const NamedTensors& expected,
                  const std::shared_ptr<Classifier>& model) {
  torch::NoGradGuard no_grad;
  for (auto& entry : state_dict(*model)) entry.second.fill_(9);
  const Fit fit(file, *model);
  ASSERT_TRUE(fit.report().complete()) << fit.report().text();
  fit.copy();
  const auto loaded = copy_of(*model);
  ASSERT_EQ(loaded.size(), expected.size());
  for (size_t i = 0; i < loaded.size(); ++i) {
    EXPECT_TRUE(torch::equal(loaded[i].second, expected[i].second))
        << loaded[i].first;
  }
}

TEST(FitOfOthers, DropsAnyPrefixThatAllNamesHave) {
  const auto resnet = small_resnet();
  const auto own = copy_of(*resnet);
  for (const char* prefix :
       {"module.encoder_q.", "network.0.", "teacher.backbone.", "a.b.c.d.e.f.",
        "state.model.", "1."}) {
    SCOPED_TRACE(prefix);
    expect_loads(under(prefix, own), own, resnet);
  }
  const auto densenet = small_densenet();
  expect_loads(under("module.densenet121.", copy_of(*densenet)),
               copy_of(*densenet), densenet);
}

TEST(FitOfOthers, TheHeadMayStandBesideTheBackbone) {
  const auto model = small_resnet();
  const auto own = copy_of(*model);
  for (const char* head : {"module.head.fc.", "module.fc.", "fc."}) {
    auto file = under("module.backbone.", without_head(own));
    for (const auto& [name, tensor] : own) {
      if (name.starts_with("fc.")) {
        file.emplace_back(head + name.substr(3), tensor);
      }
    }
    expect_loads(file, own, model);
  }
}

TEST(FitOfOthers, AHeadMayBeTheOneLayerOfASequential) {
  const auto model = small_resnet();
  const auto own = copy_of(*model);
  for (const char* head : {"fc.1.", "fc.0.", "classifier.1.", "classifier.0.",
                           "head.1.", "head.fc.1."}) {
    SCOPED_TRACE(head);
    auto file = without_head(own);
    for (const auto& [name, tensor] : own) {
      if (name.starts_with("fc.")) {
        file.emplace_back(head + name.substr(3), tensor);
      }
    }
    expect_loads(file, own, model);
    expect_loads(under("module.", file), own, model);
    // Two layers compute something else, whatever their shapes.
    file.emplace_back(
        std::string(head, std::string(head).size() - 2) + "7.weight",
        torch::zeros({10, 10}));
    EXPECT_FALSE(Fit(file, *model).report().complete());
  }
}

TEST(FitOfOthers, OfTwoNetworksTakesTheFirstAndSaysSo) {
  const auto model = small_resnet();
  const auto query = copy_of(*model);
  NamedTensors key;
  for (const auto& [name, tensor] : query) key.emplace_back(name, tensor + 1);
  NamedTensors moco = {{"module.queue", torch::zeros({4, 16})}};
  append(moco, under("module.encoder_q.", without_head(query)));
  append(moco, {{"module.encoder_q.fc.0.weight", torch::zeros({8, 8})},
                {"module.encoder_q.fc.2.weight", torch::zeros({10, 8})}});
  append(moco, under("module.encoder_k.", without_head(key)));

  const Fit fit(moco, *model, Head::kMayBeNew);
  const auto& report = fit.report();
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_TRUE(report.lacks_head);
  EXPECT_EQ(report.adapted,
            (Names{"taken is what is under 'module.encoder_q.', the first; as "
                   "good would be 'module.encoder_k.'",
                   "fc: a new one; the file has no fc.bias"}));
  EXPECT_EQ(report.beside.size(), 1 + without_head(key).size() + 2);
  EXPECT_EQ(report.beside.front(), "module.queue");
  fit.copy();
  EXPECT_TRUE(
      torch::equal(state_dict(*model).front().second, query.front().second));
}

TEST(FitOfOthers, WhatIsClearlyNotOfTheNetworkIsNamedAndDoesNotMatter) {
  const auto model = small_resnet();
  const auto own = copy_of(*model);
  auto file = own;
  const Names extras = {"criterion.weight",
                        "total_ops",
                        "layer1.total_params",
                        "layer1.0.conv1.total_ops",
                        "mean",
                        "normalize.std",
                        "train_acc.confmat",
                        "predictor.0.weight",
                        "ema.decay"};
  for (const auto& name : extras) {
    file.emplace_back(name, torch::zeros({3}));
  }
  const auto report = Fit(file, *model).report();
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(report.beside, extras);
  EXPECT_TRUE(report.text_of_beside().starts_with(
      "left out: 9 that the network has not (criterion.weight, total_ops, "))
      << report.text_of_beside();
  expect_loads(file, own, model);
}

TEST(FitOfOthers, NamesAreSaidAsDataNotAsCommands) {
  const auto model = small_resnet();
  auto file = copy_of(*model);
  file.emplace_back("x\x1b]0;title\x07\nerror: all is lost", torch::zeros({3}));
  file.emplace_back(std::string(50'000, 'n'), torch::zeros({3}));
  file.emplace_back("fc.\x1b[31m.weight", torch::zeros({3}));
  const auto report = Fit(file, *model).report();
  EXPECT_EQ(report.beside.size() + report.unexpected.size(), 3u);
  for (const auto& text : {report.text(), report.text_of_beside()}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
    EXPECT_EQ(text.find("\nerror: all is lost"), std::string::npos) << text;
    EXPECT_LT(text.size(), 2'000u);
  }
}

TEST(FitOfOthers, LayersThatTheNetworkHasNotDoMatter) {
  const auto model = small_resnet();
  for (const char* extra :
       {"layer1.0.downsample.0.weight", "layer2.0.se.fc1.weight",
        "layer3.0.conv1.weight", "layer1.1.bn2.running_mean", "conv1.bias"}) {
    auto file = copy_of(*model);
    file.emplace_back(extra, torch::zeros({3}));
    const auto report = Fit(file, *model).report();
    EXPECT_FALSE(report.complete()) << extra;
    EXPECT_EQ(report.unexpected, Names{extra});
  }
}

// Nor where the first convolution would be adapted to other pictures.
TEST(FitOfOthers, WholeAndComplexNumbersAreNoWeights) {
  const auto model = small_resnet();
  for (const int64_t channels : {3, 4}) {
    for (const auto type : {at::kChar, at::kBool, at::kComplexFloat}) {
      auto file = copy_of(*model);
      file.front().second = torch::ones({4, channels, 3, 3}, type);
      const auto report = Fit(file, *model).report();
      EXPECT_FALSE(report.complete());
      EXPECT_EQ(report.wrong_type,
                Names{std::string("conv1.weight is of type ") +
                      c10::toString(type) + " in the file"});
      EXPECT_EQ(report.adapted, Names{});
    }
  }
}

TEST(FitOfOthers, AComplexCounterIsNone) {
  const auto model = small_resnet();
  auto file = copy_of(*model);
  for (auto& [name, tensor] : file) {
    if (name.ends_with("num_batches_tracked")) {
      tensor = tensor.to(at::kComplexFloat);
    }
  }
  EXPECT_FALSE(Fit(file, *model).report().complete());
}

// 50,000 tensors, and names of 50 KB.
TEST(FitOfOthers, TakesTimeInProportionToTheNames) {
  const auto model = small_resnet();
  auto file = under("module.encoder.", copy_of(*model));
  for (int i = 0; i < 50'000; ++i) {
    file.emplace_back(
        "module.other.block" + std::to_string(i) + ".conv1.weight",
        torch::zeros({0}));
  }
  for (const char* part : {"a", ".", "shortcut.0.", "denselayer1.norm.1."}) {
    std::string name;
    while (name.size() < 50'000) name += part;
    file.emplace_back(name, torch::zeros({0}));
    file.emplace_back(name + "fc.weight", torch::zeros({0}));
  }
  const auto start = std::chrono::steady_clock::now();
  const auto report = Fit(file, *model).report();
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - start;
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_LT(report.text_of_beside().size(), 3'000u);
  EXPECT_LT(took.count(), 10);  // Seconds; unoptimised, on a busy machine.
}

/// layer1.0.bn1.weight as timm's resnetv2 has it,
/// stages.0.blocks.0.norm1.weight.
std::string resnetv2_name(std::string name) {
  if (name.starts_with("conv1.")) return "stem." + name.replace(0, 5, "conv");
  if (name.starts_with("fc.")) return "head." + name;
  if (!name.starts_with("layer")) return name;
  const auto stage = name[5] - '1';
  name = "stages." + std::to_string(stage) + ".blocks." + name.substr(7);
  for (const auto& [from, to] :
       {std::pair{".bn", ".norm"}, {".downsample.0.", ".downsample.conv."}}) {
    const auto at = name.find(from);
    if (at != name.npos) name.replace(at, std::string(from).size(), to);
  }
  return name;
}

std::string kuangliu_name(std::string name) {
  if (name.starts_with("fc.")) return name.replace(0, 2, "linear");
  const auto at = name.find("downsample");
  return at == name.npos ? name : name.replace(at, 10, "shortcut");
}

/// timm's legacy_seresnet.
std::string legacy_se_name(std::string name) {
  if (name.starts_with("conv1.") || name.starts_with("bn1.")) {
    return "layer0." + name;
  }
  if (name.starts_with("fc.")) return "last_linear" + name.substr(2);
  const auto at = name.find(".se.");
  return at == name.npos ? name : name.replace(at, 4, ".se_module.");
}

NamedShapes shapes_in(const NamedTensors& file) {
  NamedShapes shapes;
  for (const auto& [name, tensor] : file) {
    shapes.emplace_back(name, tensor.sizes().vec());
  }
  return shapes;
}

// The names of timm's resnetv2_* and of kuangliu's PreActResNet, whose file
// tells which network it is.
TEST(FitOfOthers, KnowsThePreActivationNetworksOfOthers) {
  PreActResNetOptions timm{.depths = {1, 2},
                           .widths = {4, 8},
                           .bottleneck = true,
                           .stem = Stem::kImageNet};
  PreActResNetOptions kuangliu{
      .depths = {1, 2}, .widths = {4, 8}, .final_norm = false};
  for (const auto& [options, name_of_others] :
       {std::pair{timm, &resnetv2_name}, {kuangliu, &kuangliu_name}}) {
    const auto model = make_model(options);
    const auto own = copy_of(*model);
    NamedTensors file;
    for (const auto& [name, tensor] : own) {
      // timm's head is a 1x1 convolution.
      const bool is_head =
          name == "fc.weight" && options.stem == Stem::kImageNet;
      file.emplace_back(name_of_others(name),
                        is_head ? tensor.unsqueeze(2).unsqueeze(3) : tensor);
    }
    const auto found = PreActResNetOptions().networks_in(shapes_in(file));
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.front().depths, options.depths);
    EXPECT_EQ(found.front().widths, options.widths);
    EXPECT_EQ(found.front().final_norm, options.final_norm);
    expect_loads(file, own, model);
    EXPECT_TRUE(
        ResNetOptions().networks_in(shapes_in(file)).empty() ||
        !Fit(file, *make_model(ResNetOptions().networks_in(shapes_in(file))[0]))
             .report()
             .complete());
  }
}

// timm's names, which are ours, and its head, a 1x1 convolution; the file tells
// which network it is.
TEST(FitOfOthers, KnowsTheDualPathNetworksOfTimm) {
  DPNOptions dual{.depths = {2, 1},
                  .widths = {8, 16},
                  .growth_rates = {3, 4},
                  .bottleneck_width = 8,
                  .groups = 2,
                  .num_init_features = 6,
                  .stem = Stem::kImageNet,
                  .num_classes = 7};
  auto split = dual;
  split.split_output = true;
  split.stem_kernel = 3;
  for (const auto& options : {dual, split}) {
    const auto model = make_model(options);
    const auto own = copy_of(*model);
    NamedTensors file;
    for (const auto& [name, tensor] : own) {
      file.emplace_back(name, name == "classifier.weight"
                                  ? tensor.unsqueeze(2).unsqueeze(3)
                                  : tensor);
    }
    const DPNOptions large{.stem = Stem::kImageNet};
    const auto found = large.networks_in(shapes_in(file));
    ASSERT_FALSE(found.empty());
    const auto& network = found.front();
    EXPECT_EQ(network.depths, options.depths);
    EXPECT_EQ(network.widths, options.widths);
    EXPECT_EQ(network.growth_rates, options.growth_rates);
    EXPECT_EQ(network.bottleneck_width, options.bottleneck_width);
    EXPECT_EQ(network.groups, options.groups);
    EXPECT_EQ(network.num_init_features, options.num_init_features);
    EXPECT_EQ(network.stem, options.stem);
    EXPECT_EQ(network.stem_kernel, options.stem_kernel);
    EXPECT_EQ(network.split_output, options.split_output);
    EXPECT_EQ(network.num_classes, options.num_classes);
    expect_loads(file, own, model);
  }
}

// timm's densenet264d and densenetblur121d have torchvision's names and a
// deeper stem.
TEST(FitOfOthers, KnowsTheDeepStemOfADenseNet) {
  const DenseNetOptions options{.block_config = {2, 1},
                                .growth_rate = 4,
                                .num_init_features = 10,
                                .stem = Stem::kImageNet,
                                .deep_stem = true};
  const auto found =
      DenseNetOptions().networks_in(shapes_in(copy_of(*make_model(options))));
  ASSERT_EQ(found.size(), 1);
  EXPECT_TRUE(found.front().deep_stem);
  EXPECT_EQ(found.front().stem, Stem::kImageNet);
  EXPECT_EQ(found.front().num_init_features, 10);
  EXPECT_EQ(found.front().growth_rate, 4);
}

// timm's names of the options of a ResNet, and its legacy ones; the file tells
// which network it is.
TEST(FitOfOthers, KnowsTheOptionsOfAResNetByItsWeights) {
  const ResNetOptions plain{.depths = {1, 2},
                            .widths = {16, 32},
                            .bottleneck = true,
                            .shortcut = Shortcut::kB,
                            .stem = Stem::kImageNet};
  auto se = plain, legacy = plain, eca = plain, d = plain;
  se.attention = legacy.attention = Attention::kSe;
  legacy.se_divisor = 1;
  eca.attention = Attention::kEca;
  d.deep_stem = d.avg_down = true;
  for (const auto& options : {plain, se, legacy, eca, d}) {
    const auto model = make_model(options);
    const auto own = copy_of(*model);
    const bool is_legacy = options.se_divisor == 1;
    NamedTensors file;
    for (const auto& [name, tensor] : own) {
      file.emplace_back(is_legacy ? legacy_se_name(name) : name, tensor);
    }
    const auto found = ResNetOptions().networks_in(shapes_in(file));
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].attention, options.attention);
    EXPECT_EQ(found[0].se_divisor, options.se_divisor);
    EXPECT_EQ(found[0].deep_stem, options.deep_stem);
    EXPECT_EQ(found[0].avg_down, options.avg_down);
    EXPECT_EQ(found[0].depths, options.depths);
    expect_loads(file, own, make_model(found[0]));
  }
}

}  // namespace
}  // namespace skipzoo

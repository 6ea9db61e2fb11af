#include "tools/weights/fit.h"

#include <gtest/gtest.h>

#include "models/zoo.h"
#include "tests/support/copy_of.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

std::shared_ptr<Classifier> small_resnet(int64_t in_channels = 3) {
  ResNetOptions options;
  options.depths = {1, 1};
  options.widths = {4, 8};
  options.shortcut = Shortcut::kB;
  options.in_channels = in_channels;
  return make_model(options);
}

/// What was in `file` under `from` is under `to` now.
void rename(NamedTensors& file, const std::string& from,
            const std::string& to) {
  for (auto& entry : file) {
    const auto at = entry.first.find(from);
    if (at != std::string::npos) entry.first.replace(at, from.size(), to);
  }
}

void expect_loads(const NamedTensors& file, const NamedTensors& expected) {
  const auto model = small_resnet();
  const Fit fit(file, *model);
  EXPECT_TRUE(fit.report().complete()) << fit.report().text();
  fit.copy();
  for (const auto& [name, tensor] : expected) {
    for (const auto& [own_name, own] : state_dict(*model)) {
      if (own_name != name) continue;
      EXPECT_TRUE(torch::equal(own, tensor)) << name;
    }
  }
}

TEST(Fit, TakesTheNamesOfOtherSystems) {
  const auto original = copy_of(*small_resnet());
  expect_loads(original, original);
  for (const char* prefix :
       {"module.", "_orig_mod.", "module._orig_mod.", "backbone."}) {
    auto file = original;
    for (auto& entry : file) entry.first = prefix + entry.first;
    expect_loads(file, original);
  }
  for (const char* head :
       {"linear.", "classifier.", "head.fc.", "last_linear."}) {
    auto file = original;
    rename(file, "fc.", head);
    rename(file, "downsample", "shortcut");
    expect_loads(file, original);
  }
}

using Rules = std::vector<std::pair<std::string, int64_t>>;

TEST(Fit, RenamesByTheRulesOfTheFamily) {
  const auto resnet = small_resnet();
  auto file = copy_of(*resnet);
  rename(file, "downsample", "shortcut");
  EXPECT_EQ(Fit(file, *resnet).report().renamed,
            (Rules{{"shortcut to downsample", 6}}));

  DenseNetOptions options;
  options.block_config = {2, 2};
  const auto densenet = make_model(options);
  file = copy_of(*densenet);
  rename(file, "norm5", "norm_final");
  const auto report = Fit(file, *densenet).report();
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(report.renamed, (Rules{{"norm_final to norm5", 5}}));
  // Of a ResNet, no file has that name: the rule is not tried.
  EXPECT_EQ(Fit(file, *resnet).report().renamed, (Rules{{"the head", 2}}));
}

TEST(Fit, TakesAOneByOneConvolutionForTheHead) {
  const auto original = copy_of(*small_resnet());
  auto file = original;
  for (auto& [name, tensor] : file) {
    if (name == "fc.weight") tensor = tensor.unsqueeze(2).unsqueeze(3);
  }
  expect_loads(file, original);
}

TEST(Fit, FillsTheCountersOfOldFiles) {
  const auto model = small_resnet();
  auto file = copy_of(*model);
  const auto all = file.size();
  std::erase_if(file, [](const auto& entry) {
    return entry.first.ends_with("num_batches_tracked");
  });
  const Fit fit(file, *model);
  EXPECT_TRUE(fit.report().complete());
  EXPECT_EQ(fit.report().filled.size(), all - file.size());
}

TEST(Fit, SumsTheFirstConvolutionForGreyPictures) {
  const auto colour = copy_of(*small_resnet());
  const auto grey = small_resnet(1);
  const Fit fit(colour, *grey);
  ASSERT_TRUE(fit.report().complete()) << fit.report().text();
  EXPECT_EQ(fit.report().adapted.size(), 1u);
  fit.copy();
  EXPECT_TRUE(torch::allclose(state_dict(*grey).front().second,
                              colour.front().second.sum(1, true)));
}

TEST(Fit, NamesWhatDoesNotFitAndBothShapes) {
  const auto model = small_resnet();
  auto file = copy_of(*model);
  file.front().second = torch::zeros({4, 3, 5, 5});
  file.emplace_back("layer3.0.conv1.weight", torch::zeros({1}));
  std::erase_if(file,
                [](const auto& entry) { return entry.first == "fc.bias"; });
  const auto report = Fit(file, *model).report();
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(report.missing, std::vector<std::string>{"fc.bias"});
  EXPECT_EQ(report.unexpected,
            std::vector<std::string>{"layer3.0.conv1.weight"});
  ASSERT_EQ(report.wrong_shape.size(), 1u);
  EXPECT_NE(report.text().find("wrong shape: conv1.weight is [4, 3, 5, 5] in "
                               "the file, [4, 3, 3, 3] in the network"),
            std::string::npos)
      << report.text();
}

// facts.md of the format: 606 old entries, 121 counters missing, none too many.
TEST(Fit, TakesDenseNetsOldNames) {
  DenseNetOptions options;
  options.block_config = {6, 12, 24, 16};
  options.growth_rate = 32;
  options.num_init_features = 64;
  options.stem = Stem::kImageNet;
  options.num_classes = 1000;
  const auto model = make_model(options);
  NamedTensors old;
  for (auto [name, tensor] : copy_of(*model)) {
    if (name.ends_with("num_batches_tracked")) continue;
    const auto layer = name.find("denselayer");
    if (layer != std::string::npos) {
      for (const char* part : {"norm1", "norm2", "conv1", "conv2"}) {
        const auto at = name.find(part, layer);
        if (at != std::string::npos) name.insert(at + 4, 1, '.');
      }
    }
    old.emplace_back(std::move(name), tensor);
  }
  EXPECT_EQ(old.size(), 606u);
  const auto report = Fit(old, *model).report();
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(report.filled.size(), 121u);
  EXPECT_EQ(report.fitted.size(), 606u);
}

TEST(CopyExactly, NamesWhatDoesNotFitAndCopiesNothing) {
  ResNetOptions ten;
  ten.depths = {1};
  ten.widths = {4};
  ResNetOptions five = ten;
  five.num_classes = 5;
  const auto model = make_model(five);
  const auto before = model->parameters().front().detach().clone();
  const auto error = [&](const NamedTensors& weights) {
    return words_of_error([&] { copy_exactly(weights, *model); });
  };
  auto weights = state_dict(*make_model(ten));
  EXPECT_EQ(error(weights),
            "fc.weight has shape [10, 4], the network's has [5, 4]");
  weights = state_dict(*make_model(five));
  weights.emplace_back("extra", torch::zeros(1));
  EXPECT_EQ(error(weights), "holds extra, which the network has not");
  weights.pop_back();
  weights.pop_back();
  EXPECT_NE(error(weights).find("lacks "), std::string::npos);
  EXPECT_TRUE(torch::equal(model->parameters().front(), before));
}

}  // namespace
}  // namespace skipzoo

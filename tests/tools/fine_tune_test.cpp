#include "tools/train/fine_tune.h"

#include <gtest/gtest.h>

#include "models/eval_mode.h"
#include "tests/support/copy_of.h"
#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/error.h"
#include "tools/weights/write.h"

namespace skipzoo {
namespace {

using Names = std::vector<std::string>;

std::shared_ptr<Classifier> resnet(int64_t classes, int seed) {
  torch::manual_seed(static_cast<uint64_t>(seed));
  ResNetOptions options;
  options.depths = {1, 2};
  options.widths = {4, 8};
  options.shortcut = Shortcut::kB;
  options.num_classes = classes;
  return make_model(options);
}

/// Names of the tensors that differ between two states.
Names changed(const NamedTensors& before, const NamedTensors& after) {
  Names names;
  EXPECT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i].first, after[i].first);
    if (!torch::equal(before[i].second, after[i].second)) {
      names.push_back(before[i].first);
    }
  }
  return names;
}

std::filesystem::path weights_of(const TemporaryFolder& folder,
                                 const Classifier& model) {
  write_pth(folder / "weights.pth", state_dict(model));
  return folder / "weights.pth";
}

/// The trainer's small run with that network, which has 4 classes.
Settings fine_tuning_run() {
  auto s = small_run();
  ResNetOptions net;
  net.depths = {1, 2};
  net.widths = {4, 8};
  net.shortcut = Shortcut::kB;
  net.num_classes = 4;
  s.model = net;
  s.train.optimizer.weight_decay = 0.01;
  return s;
}

TEST(LoadPretrained, KeepsTheHeadWhereItFitsAndMakesItNewWhereNot) {
  TemporaryFolder folder;
  const auto source = resnet(10, 0);
  const FineTuneOptions options = {.weights = weights_of(folder, *source)};

  const auto same = resnet(10, 1);
  EXPECT_TRUE(load_pretrained(*same, options).adapted.empty());
  EXPECT_EQ(changed(copy_of(*source), copy_of(*same)), Names{});

  const auto other = resnet(5, 1);
  const auto fresh = copy_of(*other);
  const auto report = load_pretrained(*other, options);
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(report.adapted,
            Names{"fc: a new one for 5 classes; the file's is for 10"});
  const auto loaded = copy_of(*other);
  for (size_t i = 0; i < loaded.size(); ++i) {
    const auto& [name, tensor] = loaded[i];
    const bool head = name.starts_with("fc.");
    EXPECT_TRUE(torch::equal(
        tensor, head ? fresh[i].second : copy_of(*source)[i].second))
        << name;
  }
}

TEST(LoadPretrained, TakesABackboneWithoutAHead) {
  TemporaryFolder folder;
  auto backbone = copy_of(*resnet(10, 0));
  std::erase_if(backbone,
                [](const auto& entry) { return entry.first == "fc.bias"; });
  write_pth(folder / "backbone.pth", backbone);
  const auto model = resnet(10, 1);
  const auto fresh = copy_of(*model);
  const auto report =
      load_pretrained(*model, {.weights = folder / "backbone.pth"});
  EXPECT_EQ(report.adapted, Names{"fc: a new one; the file has no fc.bias"});
  // Half a head is none: fc.weight stays the network's own too.
  for (const auto& name : changed(fresh, copy_of(*model))) {
    EXPECT_FALSE(name.starts_with("fc.")) << name;
  }
}

TEST(LoadPretrained, IsStrictAboutAllButTheHeadUnlessToldOtherwise) {
  TemporaryFolder folder;
  auto file = copy_of(*resnet(10, 0));
  file.front().second = torch::zeros({4, 3, 5, 5});
  write_pth(folder / "other.pth", file);
  const auto model = resnet(10, 1);
  const auto fresh = copy_of(*model);
  FineTuneOptions options = {.weights = folder / "other.pth"};
  const auto words = words_of_error([&] { load_pretrained(*model, options); });
  EXPECT_NE(words.find("wrong shape: conv1.weight is [4, 3, 5, 5] in the "
                       "file, [4, 3, 3, 3] in the network"),
            std::string::npos)
      << words;
  EXPECT_NE(words.find("fine_tune.strict=false"), std::string::npos) << words;
  EXPECT_EQ(changed(fresh, copy_of(*model)), Names{});

  options.strict = false;
  EXPECT_EQ(load_pretrained(*model, options).wrong_shape.size(), 1u);
  EXPECT_TRUE(
      torch::equal(copy_of(*model).front().second, fresh.front().second));
  EXPECT_FALSE(changed(fresh, copy_of(*model)).empty());

  write_pth(folder / "none.pth", {{"a", torch::zeros({1})}});
  options.weights = folder / "none.pth";
  EXPECT_NE(words_of_error([&] {
              load_pretrained(*model, options);
            }).find("nothing in it fits"),
            std::string::npos);
}

// From 10 classes to 5 with a frozen backbone, through the trainer.
TEST(FineTune, AFrozenBackboneIsBitEqualAfterTraining) {
  TemporaryFolder folder;
  auto s = fine_tuning_run();
  std::get<ResNetOptions>(s.model).num_classes = 5;
  s.fine_tune.weights = weights_of(folder, *resnet(10, 0));
  s.fine_tune.freeze = {"*"};
  const auto model = resnet(5, 1);
  load_pretrained(*model, s.fine_tune);
  const auto before = copy_of(*model);
  run(s, folder / "run", {}, model);
  EXPECT_EQ(changed(before, copy_of(*model)), (Names{"fc.weight", "fc.bias"}));
  // And what was saved is that.
  const auto saved = load_checkpoint(folder / "run/last.skz").weights;
  EXPECT_EQ(changed(saved, copy_of(*model)), Names{});
}

TEST(FineTune, PatternsEndAtTheirEpochs) {
  TemporaryFolder folder;
  auto s = fine_tuning_run();
  s.fine_tune.freeze = {"layer1", "conv?", "bn1"};
  s.fine_tune.unfreeze_epochs = {2, 1, 4};
  const auto trained_until = [&](int64_t epochs) {
    auto shorter = s;
    shorter.train.epochs = epochs;
    shorter.train.schedule.name = ScheduleKind::kConstant;
    const auto model = make_model(s.model);
    const auto before = copy_of(*model);
    run(shorter, folder / std::to_string(epochs), {}, model);
    std::set<std::string> parts;
    for (const auto& name : changed(before, copy_of(*model))) {
      parts.insert(name.substr(0, name.find('.')));
    }
    return parts;
  };
  using Parts = std::set<std::string>;
  EXPECT_EQ(trained_until(1), (Parts{"layer2", "fc"}));
  EXPECT_EQ(trained_until(2), (Parts{"conv1", "layer2", "fc"}));
  EXPECT_EQ(trained_until(3), (Parts{"conv1", "layer1", "layer2", "fc"}));
}

TEST(FineTune, ResumesBitForBitAcrossAnUnfreezing) {
  TemporaryFolder folder;
  auto s = fine_tuning_run();
  s.fine_tune.freeze = {"layer1", "conv1", "bn1"};
  s.fine_tune.unfreeze_epochs = {2, 2, 3};
  s.fine_tune.head_lr_scale = 2;
  s.fine_tune.layer_decay = 0.7;
  run(s, folder / "whole");
  run(s, folder / "parts", stop_after(10));  // 7 steps an epoch.
  run(s, folder / "parts", stop_after(7));
  run(s, folder / "parts");
  expect_same_run(folder / "whole", folder / "parts");
}

TEST(Freezing, MatchesPartsAndPatternsButNeverTheHead) {
  const auto model = resnet(10, 0);
  const auto trainable = [&](const Names& freeze) {
    Freezing({.freeze = freeze}, *model).apply(*model, 0);
    Names names;
    for (const auto& item : model->named_parameters()) {
      if (item.value().requires_grad()) names.push_back(item.key());
    }
    return names;
  };
  EXPECT_EQ(trainable({"*"}), (Names{"fc.weight", "fc.bias"}));
  EXPECT_EQ(
      trainable({"conv1", "bn1", "layer2", "layer1.0.bn?", "layer1.0.conv2"}),
      (Names{"layer1.0.conv1.weight", "fc.weight", "fc.bias"}));
  EXPECT_EQ(trainable({}).size(), model->parameters().size());
  // The BatchNorms of frozen parts are in evaluation mode, no others.
  Freezing({.freeze = {"layer1"}}, *model).apply(*model, 0);
  for (const auto& item : model->named_modules("", false)) {
    if (item.value()->as<torch::nn::BatchNorm2d>() == nullptr) continue;
    EXPECT_EQ(item.value()->is_training(), !item.key().starts_with("layer1"))
        << item.key();
  }
  // And are so again after an evaluation in between.
  { const EvalMode eval(*model); }
  EXPECT_FALSE(model->named_modules("", false)["layer1.0.bn1"]->is_training());
  EXPECT_TRUE(model->named_modules("", false)["bn1"]->is_training());
}

TEST(Freezing, ANameThatFitsNothingIsAnErrorWithThoseThatDo) {
  const auto words_for = [](const std::string& pattern, const auto& model) {
    return words_of_error([&] { Freezing({.freeze = {pattern}}, *model); });
  };
  EXPECT_EQ(words_for("stage1", resnet(10, 0)),
            "fine_tune.freeze: 'stage1' fits nothing that can be frozen; the "
            "network has conv1, bn1, layer1, layer2");
  EXPECT_NE(words_for("fc", resnet(10, 0)), "");
  EXPECT_NE(words_for("x", make_model(small_run().model))
                .find("features, features.conv0, features.denseblock1, "
                      "features.transition1"),
            std::string::npos);
}

TEST(LearningRates, FallByBlocksFromTheHead) {
  const auto scale =
      lr_scales({.head_lr_scale = 10, .layer_decay = 0.5}, *resnet(10, 0));
  EXPECT_EQ(scale("fc.weight"), 10);
  EXPECT_EQ(scale("layer2.1.bn2.bias"), 0.5);
  EXPECT_EQ(scale("layer2.0.conv1.weight"), 0.25);
  EXPECT_EQ(scale("layer1.0.conv1.weight"), 0.125);
  EXPECT_EQ(scale("conv1.weight"), 0.0625);
  const auto dense =
      lr_scales({.layer_decay = 0.5}, *make_model(small_run().model));
  EXPECT_EQ(dense("classifier.weight"), 1);
  EXPECT_EQ(dense("features.norm5.weight"), 0.5);
  EXPECT_EQ(dense("features.denseblock2.denselayer2.conv1.weight"), 0.5);
  EXPECT_EQ(dense("features.transition1.conv.weight"), 0.125);
  EXPECT_EQ(dense("features.conv0.weight"), 1.0 / 32);
}

TEST(LearningRates, ReachTheUpdatesOfTheirParameters) {
  const auto model = resnet(10, 0);
  OptimizerOptions options;
  options.momentum = options.weight_decay = 0;
  const auto scale =
      lr_scales({.head_lr_scale = 3, .layer_decay = 0.5}, *model);
  Optimizer optimizer(options, *model, scale);
  model->forward(torch::ones({2, 3, 8, 8})).square().mean().backward();
  const auto before = copy_of(*model);
  optimizer.set_lr(0.1);
  optimizer.step();
  size_t i = 0;
  for (const auto& item : model->named_parameters()) {
    const auto expected =
        before[i++].second - 0.1 * scale(item.key()) * item.value().grad();
    EXPECT_TRUE(torch::allclose(item.value(), expected, 1e-5, 1e-7))
        << item.key();
  }
}

TEST(FineTuneOptions, WantAnEpochForEachPattern) {
  Problems problems;
  FineTuneOptions({.freeze = {"a", "b"}, .unfreeze_epochs = {1}})
      .validate(problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems.front(),
            "unfreeze_epochs has 1 entries, freeze has 2; expected one for "
            "each, or none");
}

}  // namespace
}  // namespace skipzoo

// Tables of several labels a picture, and what becomes of them in a batch.

#include <gtest/gtest.h>
#include <torch/types.h>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/config/multi_label_check.h"
#include "tools/config/run_config.h"
#include "tools/data/csv_dataset.h"
#include "tools/data/holdout.h"
#include "tools/data/layout.h"
#include "tools/data/loader.h"
#include "tools/data/mixing.h"
#include "tools/train/checkpoint.h"
#include "tools/train/fingerprint.h"
#include "tools/train/objective.h"

namespace skipzoo {
namespace {

using Labels = std::vector<int64_t>;

class MultiLabelTables : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 6; ++i) {
      folder_.write(std::string(1, static_cast<char>('a' + i)) + ".jpg",
                    make_jpeg({.seed = i}));
    }
    options_.dataset = DatasetKind::kCsv;
    options_.image_size = 16;
    options_.crop_pct = 1;
    options_.batch_size = 6;
    options_.workers = 0;
  }
  void write(const std::string& rows) {
    options_.csv = folder_.write("labels.csv", "path,label,split\n" + rows);
  }
  DatasetPtr open(int64_t classes, Split split = Split::kTrain) {
    return open_csv(options_, split, 3, classes);
  }
  std::string error(const std::string& rows, int64_t classes = 2) {
    write(rows);
    return words_of_error([&] {
      open(classes);
      open(classes, Split::kTest);
    });
  }
  Targets targets(const DatasetPtr& data) {
    Loader loader(data, options_, Loader::Mode::kEvaluate, 0, false);
    return loader.epoch(0).next()->targets;
  }

  TemporaryFolder folder_;
  DataOptions options_;
};

TEST_F(MultiLabelTables, NameAnyNumberOfLabels) {
  write(
      "a.jpg,outdoor | cat,train\nb.jpg,,train\nc.jpg,dog,train\n"
      "d.jpg,\"dog|cat|outdoor\",train\ne.jpg,cat|dog,test\n");
  const auto data = open(3);
  EXPECT_TRUE(data->is_multi_label());
  EXPECT_EQ(data->classes(),
            (std::vector<std::string>{"cat", "dog", "outdoor"}));
  EXPECT_EQ(data->labels(0), (Labels{0, 2}));
  EXPECT_EQ(data->labels(1), Labels{});
  EXPECT_EQ(data->labels(2), Labels{1});
  EXPECT_EQ(data->labels(3), (Labels{0, 1, 2}));
  EXPECT_EQ(open(3, Split::kTest)->labels(0), (Labels{0, 1}));
  const auto batch = targets(data);
  EXPECT_TRUE(batch.is_multi_label);
  EXPECT_TRUE(torch::equal(batch.values, torch::tensor({{1.F, 0.F, 1.F},
                                                        {0.F, 0.F, 0.F},
                                                        {0.F, 1.F, 0.F},
                                                        {1.F, 1.F, 1.F}})));
  // In the data's fingerprint a picture is of each of its classes.
  expect_words(fingerprint({data, data}),
               "\"pictures\":4,\"classes\":[{\"name\":\"cat\",\"pictures\":2");
}

TEST_F(MultiLabelTables, AreKnownByATrainingRow) {
  const std::string plain = "a.jpg,cat,train\nb.jpg,dog,train\n";
  write(plain + "c.jpg,cat|dog,test\n");
  EXPECT_EQ(as_laid_out(options_).multi_label, MultiLabel::kFalse);
  EXPECT_FALSE(open(3)->is_multi_label());  // A class of the name cat|dog.
  write(plain + "c.jpg,cat|dog,train\nd.jpg,cat,test\n");
  EXPECT_EQ(place_of_several_labels(options_), "line 4: 'cat|dog'");
  EXPECT_EQ(as_laid_out(options_).multi_label, MultiLabel::kTrue);
  EXPECT_TRUE(open(2)->is_multi_label());
  options_.multi_label = MultiLabel::kFalse;
  EXPECT_EQ(as_laid_out(options_).multi_label, MultiLabel::kFalse);
  EXPECT_EQ(open(3)->classes()[1], "cat|dog");
  options_.multi_label = MultiLabel::kTrue;
  write(plain + "c.jpg,,train\nd.jpg,cat,test\n");
  EXPECT_EQ(open(2)->labels(2), Labels{});
}

TEST_F(MultiLabelTables, NameTheLineOfWhatIsWrong) {
  const std::string good = "a.jpg,cat|dog,train\n";
  expect_words(error(good + "b.jpg,cat| cat,train\nc.jpg,cat,test\n"),
               "line 3: 'cat' twice in 'cat| cat'");
  for (const char* cell : {"cat|", "|cat", "cat||dog", "|"}) {
    expect_words(error(good + "b.jpg," + cell + ",train\nc.jpg,cat,test\n"),
                 "line 3: no label beside a '|' in '");
  }
  expect_words(error(good + "b.jpg,dog|dgo,test\n", 3),
               "line 3: label 'dgo', which no row of split 'train' has");
  expect_words(error("a.jpg,cat,train\nb.jpg,,train\n"),
               "line 3: no label; with data.multi_label: true");
}

TEST_F(MultiLabelTables, AreHeldOutByTheRarestLabel) {
  std::string rows;
  for (int i = 0; i < 40; ++i) {
    const auto name = "p" + std::to_string(i) + ".jpg";
    folder_.write(name, make_jpeg({.seed = i}));
    rows += name +
            (i % 10 == 0   ? ",common|rare"
             : i % 10 == 1 ? ","
                           : ",common") +
            ",train\n";
  }
  write(rows);
  const auto data = open(2);
  options_.holdout = 0.5;
  const auto deal = deal_by_content(*data, options_, 1);
  int64_t rare = 0, none = 0;
  for (const int64_t i : deal.held_out) {
    rare += data->labels(i).size() == 2 ? 1 : 0;
    none += data->labels(i).empty() ? 1 : 0;
  }
  EXPECT_EQ(rare, 2);
  EXPECT_EQ(none, 2);
  EXPECT_EQ(deal.held_out.size(), 20u);
}

TEST_F(MultiLabelTables, MixRowsByShares) {
  write("a.jpg,cat|dog,train\nb.jpg,dog,train\n");
  auto batch = targets(open(2));
  auto images = torch::rand({2, 3, 4, 4});
  mix({.own = 0.75}, 2, images, batch);
  EXPECT_TRUE(
      torch::equal(batch.values, torch::tensor({{0.75F, 1.F}, {0.25F, 1.F}})));
  // What half of the picture is of counts.
  EXPECT_TRUE(torch::equal(batch.hits(torch::tensor({0, 0})),
                           torch::tensor({true, false})));
}

TEST(MultiLabelLoss, IsBinaryCrossEntropyOfEachClass) {
  const auto logits = torch::tensor({{2.0, -1.0, 0.5}, {0.1, 0.2, -3.0}});
  const auto hot = torch::tensor({{1.0, 0.0, 1.0}, {0.0, 0.0, 0.0}});
  const auto by_hand = [&](const torch::Tensor& target,
                           const torch::Tensor& positive) {
    // BCEWithLogitsLoss(pos_weight) by its formula in PyTorch's documentation.
    const auto p = logits.sigmoid();
    return -(positive * target * p.log() + (1 - target) * (1 - p).log());
  };
  TrainOptions options;
  options.loss = Loss::kBce;
  Targets targets{.values = hot, .is_multi_label = true};
  const auto loss = [&] {
    return make_objective(options)(logits, targets).item<double>();
  };
  const auto ones = torch::ones({3}, torch::kDouble);
  EXPECT_NEAR(loss(), by_hand(hot, ones).mean().item<double>(), 1e-7);
  // timm's BinaryCrossEntropy: off = smoothing / classes, on = 1 - smoothing +
  // off.
  options.label_smoothing = 0.3;
  EXPECT_NEAR(loss(), by_hand(hot * 0.7 + 0.1, ones).mean().item<double>(),
              1e-7);
  options.label_smoothing = 0;
  options.class_weights.numbers = {2, 0.5, 4};
  const auto positive = torch::tensor({2.0, 0.5, 4.0});
  EXPECT_NEAR(loss(), by_hand(hot, positive).mean().item<double>(), 1e-7);
  targets.weights = torch::tensor({3.F, 1.F});
  const auto rows = by_hand(hot, positive).mean(1);
  EXPECT_NEAR(loss(), ((rows[0] * 3 + rows[1]) / 4).item<double>(), 1e-7);
}

TEST_F(MultiLabelTables, BalancedWeightsAreNegativesByPositives) {
  write(
      "a.jpg,x|y,train\nb.jpg,y,train\nc.jpg,y,train\nd.jpg,y,train\n"
      "e.jpg,z,other\n");
  TrainOptions options;
  options.class_weights.word = ClassWeighting::kBalanced;
  // x is in one of four, y in all, z in none.
  EXPECT_EQ(with_class_weights(options, *open(3)).class_weights.numbers,
            (std::vector<double>{3, 1, 1}));
}

constexpr const char* kNet =
    "model: {family: resnet, num_classes: 2}\n"
    "data: {dataset: csv, csv: t.csv, image_size: 32}\n"
    "train: {loss: bce}\n";

std::string config_error(const std::vector<std::string>& overrides) {
  return words_of_error(
      [&] { parse_config(kNet, "net.yaml", "/folder", overrides); });
}

TEST(MultiLabelConfigs, AreRefusedWhereAKeyIsOfOneLabel) {
  const std::string on = "data.multi_label=true";
  EXPECT_EQ(config_error({on}), "");
  EXPECT_EQ(config_error({on, "train.eval_metric=map"}), "");
  expect_words(config_error({on, "train.loss=cross_entropy"}),
               "--set train.loss=cross_entropy: train.loss: must be bce where "
               "pictures have several labels, got cross_entropy");
  expect_words(config_error({on, "train.eval_metric=balanced_accuracy"}),
               "train.eval_metric: balanced_accuracy is of one label");
  expect_words(config_error({on, "data.sampler=balanced"}), "data.sampler: ");
  expect_words(config_error({on, "train.distill.teacher=resnet50"}),
               "train.distill: ");
  EXPECT_EQ(config_error({"data.multi_label=false", "data.sampler=balanced"}),
            "");
}

TEST_F(MultiLabelTables, FoundInTheTableAreRefusedWithItsLine) {
  write("a.jpg,cat|dog,train\nb.jpg,dog,test\n");
  auto config = parse_config(kNet, "net.yaml", "/folder").config;
  config.data = as_laid_out(options_);
  check_multi_label(config);
  config.train.loss = Loss::kCrossEntropy;
  const auto text = words_of_error([&] { check_multi_label(config); });
  expect_words(text, "train.loss: must be bce");
  expect_words(text,
               "labels.csv: line 2: 'cat|dog' names several labels; "
               "where '|' is a part of a name, set data.multi_label: "
               "false");
}

// A run of before, whose table had a class of the name "cat|dog".
TEST(MultiLabelConfigs, OfOldRunsAreOfOneLabel) {
  const auto old = parse_resolved_config(kNet, "last.skz").config;
  EXPECT_EQ(old.data.multi_label, MultiLabel::kFalse);
  const auto again = parse_resolved_config(
      dump_config(
          parse_config(kNet, "net.yaml", "/folder", {"data.multi_label=true"})
              .config),
      "last.skz");
  EXPECT_EQ(again.config.data.multi_label, MultiLabel::kTrue);
}

TEST(MultiLabelMetadata, KeepsThresholds) {
  ModelMetadata metadata{.config = "",
                         .classes = {"cat", "dog"},
                         .mean = {},
                         .std = {},
                         .input_shape = {3, 8, 8}};
  EXPECT_EQ(to_json_text(metadata).find("thresholds"), std::string::npos);
  metadata.thresholds = {0.1 + 0.2, 1};
  EXPECT_EQ(parse_metadata(to_json_text(metadata)).thresholds,
            metadata.thresholds);
  const std::vector<std::vector<double>> bad = {{0.5}, {0.5, 1.5}, {-0.1, 0.5}};
  for (const auto& thresholds : bad) {
    metadata.thresholds = thresholds;
    expect_words(
        words_of_error([&] { parse_metadata(to_json_text(metadata)); }),
        "threshold");
  }
}

}  // namespace
}  // namespace skipzoo

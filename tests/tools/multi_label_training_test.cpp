// A run on pictures of several labels each, through the trainer.

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

/// Pictures of three channels, of which each that is a label is bright: 0 to 3
/// labels.
class Channels : public MemoryDataset {
 public:
  explicit Channels(int64_t count, uint64_t seed)
      : MemoryDataset(pixels(count, seed), 3, 8, 8,
                      std::vector<int64_t>(static_cast<size_t>(count)),
                      {"red", "green", "blue"}, "made") {}

  bool is_multi_label() const override { return true; }
  std::vector<int64_t> labels(int64_t index) const override {
    std::vector<int64_t> all;
    for (int64_t c = 0; c < 3; ++c) {
      if ((index >> c & 1) != 0) all.push_back(c);
    }
    return all;
  }

 private:
  static std::vector<uint8_t> pixels(int64_t count, uint64_t seed) {
    std::vector<uint8_t> all;
    for (int64_t i = 0; i < count; ++i) {
      Random noise(seed, static_cast<uint64_t>(i));
      for (int64_t j = 0; j < 8 * 8 * 3; ++j) {
        const int64_t light = (i >> (j % 3) & 1) != 0 ? 70 : 0;
        all.push_back(static_cast<uint8_t>(light + noise.below(160)));
      }
    }
    return all;
  }
};

Settings labels_run() {
  Settings s = small_run();
  std::get<DenseNetOptions>(s.model).num_classes = 3;
  s.train.loss = Loss::kBce;
  s.train.eval_metric = EvalMetric::kMap;
  s.train.ema.decay = 0.8;
  s.data.augment.mixup = 0.2;
  s.batch_transforms = batch_transforms(s.data, 3);
  return s;
}

/// A run of 100 pictures, 7 batches an epoch, validated on 40.
Trainer labels_trainer(
    const Settings& s, const RunFolder& folder, TrainerHooks hooks = {},
    std::shared_ptr<Collective> processes = single_process()) {
  torch::manual_seed(0);
  const auto loader = [&](int64_t count, uint64_t seed, Loader::Mode mode) {
    return Loader(std::make_shared<Channels>(count, seed), s.data, mode, 0,
                  false);
  };
  return Trainer({.model = make_model(s.model),
                  .options = s.train,
                  .fine_tune = {},
                  .train = loader(100, 1, Loader::Mode::kTrain),
                  .validation = loader(40, 2, Loader::Mode::kEvaluate),
                  .preprocess = {.device = torch::kCPU,
                                 .channels_last = true,
                                 .normalise = Normaliser({}, {}, torch::kCPU)},
                  .batch_transforms = s.batch_transforms,
                  .metadata = {.config = "",
                               .classes = {"red", "green", "blue"},
                               .mean = {},
                               .std = {},
                               .input_shape = {3, 8, 8},
                               .thresholds = {0.5, 0.5, 0.5}},
                  .folder = folder,
                  .hooks = std::move(hooks),
                  .collective = std::move(processes)});
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(MultiLabelTraining, ResumesBitForBitWithItsThresholds) {
  TemporaryFolder folder;
  const auto s = labels_run();
  const auto whole =
      labels_trainer(s, RunFolder::create(folder / "whole")).run();
  EXPECT_GT(whole.last.map, 60);
  // In the second epoch, and in the third.
  labels_trainer(s, RunFolder::create(folder / "parts"), stop_after(10)).run();
  for (const int steps : {9, 1000}) {
    const auto last = folder / "parts/last.skz";
    auto trainer =
        labels_trainer(s, RunFolder::open(folder / "parts"), stop_after(steps));
    trainer.restore(load_checkpoint(last), last);
    trainer.run();
    // What a stop writes is of the validation before it.
    EXPECT_NE(load_checkpoint(last).metadata.thresholds,
              (std::vector<double>{0.5, 0.5, 0.5}));
  }
  expect_same_run(folder / "whole", folder / "parts");
  for (const char* name : {"last.skz", "best.skz"}) {
    EXPECT_EQ(load_checkpoint(folder / "whole" / name).metadata.thresholds,
              load_checkpoint(folder / "parts" / name).metadata.thresholds);
  }
  EXPECT_EQ(load_checkpoint(folder / "whole/last.skz").metadata.thresholds,
            thresholds_of(whole.last.labels));
  const auto report = text_of(folder / "parts/report.html");
  EXPECT_NE(report.find("Labels by class of epoch "), std::string::npos);
  EXPECT_EQ(report.find("Confusion matrix"), std::string::npos);
}

TEST(MultiLabelTraining, RowsHaveTheirFigures) {
  TemporaryFolder folder;
  auto s = labels_run();
  s.train.ema.decay = 0;
  s.train.epochs = 1;
  const auto summary =
      labels_trainer(s, RunFolder::create(folder / "run")).run();
  const auto row = read_csv(folder / "run/summary.csv").back();
  EXPECT_EQ(row.val_map, summary.last.map);
  EXPECT_EQ(row.eval_metric, summary.last.map);
  EXPECT_EQ(row.val_macro_f1, mean_f1(summary.last.labels));
  EXPECT_TRUE(std::isnan(row.val_balanced_accuracy));
  EXPECT_TRUE(summary.last.confusion.empty());
  EXPECT_EQ(summary.last.pictures.labels.sum().item<int64_t>(), 60);
  EXPECT_GT(summary.last.top5, summary.last.top1 - 1e-9);
  // Every eighth picture has no label.
  EXPECT_EQ(summary.last.top5, 87.5);
}

/// One of two processes: the other has the other batches, with the same
/// answers for its pictures.
class Halves : public Collective {
 public:
  int64_t rank() const override { return 0; }
  int64_t size() const override { return 2; }
  void sum(torch::Tensor&) override {}
  void broadcast(torch::Tensor&) override {}
  bool any(bool mine) override { return mine; }
};

TEST(ScoreTables, HoldWhatWasSeenInTheDataSetsOrder) {
  const Channels data(6, 1);
  ScoreTable table(data);
  table.add(torch::tensor({4, 1}),
            torch::tensor({{0.4F, 0.F, 0.F}, {0.1F, 0.F, 0.F}}));
  table.add(torch::tensor({5}), torch::tensor({{0.5F, 0.F, 0.F}}));
  for (const bool alone : {true, false}) {
    Halves halves;
    const auto found = alone ? table.result(*single_process(), torch::kCPU)
                             : table.result(halves, torch::kCPU);
    EXPECT_TRUE(torch::equal(found.probabilities.select(1, 0),
                             torch::tensor({0.1F, 0.4F, 0.5F})));
    EXPECT_TRUE(torch::equal(
        found.labels,
        torch::tensor({{1, 0, 0}, {0, 0, 1}, {1, 0, 1}}, torch::kByte)));
  }
}

// With one label a picture, of softmax: each class against all others.
TEST(MultiLabelTraining, MapOfOneLabelIsOneAgainstTheRest) {
  TemporaryFolder folder;
  auto s = small_run();
  s.train.eval_metric = EvalMetric::kMap;
  const auto summary = run(s, folder / "run");
  ASSERT_EQ(summary.last.labels.size(), 4u);
  EXPECT_EQ(summary.last.map, mean_average_precision(summary.last.labels));
  EXPECT_EQ(summary.last.labels[0].images, 10);
  EXPECT_FALSE(summary.last.confusion.empty());
  const auto sums = summary.last.pictures.probabilities.sum(1);
  EXPECT_TRUE(sums.allclose(torch::ones({40})));
  EXPECT_TRUE(
      load_checkpoint(folder / "run/last.skz").metadata.thresholds.empty());
  // Another eval_metric keeps no scores.
  s.train.eval_metric = EvalMetric::kTop1;
  EXPECT_TRUE(std::isnan(run(s, folder / "other").last.map));
}

}  // namespace
}  // namespace skipzoo

// What a study records of a network's layers while it is trained.

#include "tools/study/layer_probe.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// The same numbers another way: of each step, in float64.
class Oracle : public Callback {
 public:
  struct Sums {
    std::map<std::string, double> gradients, ratios;
    int64_t steps = 0;
  };
  Oracle(Classifier& model, Sums& sums) : model_(model), sums_(sums) {
    note_weights();
  }
  void on_step_end() override {
    for (const auto& item : model_.named_parameters()) {
      const auto& name = item.key();
      const auto gradient = item.value().grad().to(torch::kDouble);
      const auto before = before_.at(name);
      const auto update = item.value().detach().to(torch::kDouble) - before;
      sums_.gradients[name] += gradient.square().sum().sqrt().item<double>();
      sums_.ratios[name] +=
          (update.square().sum() / before.square().sum()).sqrt().item<double>();
    }
    ++sums_.steps;
    note_weights();
  }
  void add_to(TrainingState&) override {}

 private:
  void note_weights() {
    for (const auto& item : model_.named_parameters()) {
      before_[item.key()] = item.value().detach().to(torch::kDouble).clone();
    }
  }
  Classifier& model_;
  Sums& sums_;
  std::map<std::string, torch::Tensor> before_;
};

/// A small run that is recorded, from its beginning or its last checkpoint.
class Recorded {
 public:
  explicit Recorded(Settings settings) : settings_(std::move(settings)) {
    torch::manual_seed(9);
    batch_ = {.images = torch::randn({12, 3, 8, 8}),
              .targets = {torch::arange(12) % 4}};
    torch::manual_seed(static_cast<uint64_t>(settings_.train.seed));
    model_ = make_model(settings_.model);
  }
  /// dies_at: the epoch whose checkpoint is the last thing it does.
  void run(const fs::path& folder, TrainerHooks hooks = {},
           int64_t dies_at = -1) {
    probe_ = std::make_unique<LayerProbe>(model_, settings_.model, batch_,
                                          make_objective(settings_.train),
                                          folder / "layers.csv");
    settings_.callbacks.push_back(probe_->callback());
    hooks.on_save = [this, dies_at](const fs::path& path,
                                    const Position& position) {
      if (position.epoch == dies_at && path.filename() == "last.skz") {
        throw std::runtime_error("dies here");
      }
      probe_->saved(position);
    };
    const auto from = RunFolder::open(folder).checkpoint();
    auto trainer = make_trainer(
        settings_,
        from.empty() ? RunFolder::create(folder) : RunFolder::open(folder),
        std::move(hooks), model_);
    Position position;
    if (!from.empty()) {
      const auto checkpoint = load_checkpoint(from);
      trainer.restore(checkpoint, from);
      position = checkpoint.position;
    }
    probe_->begin(position);
    trainer.run();
  }
  const std::vector<LayerRow>& rows() const { return probe_->rows(); }
  const std::shared_ptr<Classifier>& model() const { return model_; }
  const ProbeBatch& batch() const { return batch_; }

 private:
  Settings settings_;
  ProbeBatch batch_;
  std::shared_ptr<Classifier> model_;
  std::unique_ptr<LayerProbe> probe_;
};

TEST(LayerProbe, RecordsWhatAFloat64LookAtEachStepFinds) {
  TemporaryFolder folder;
  auto settings = small_run();
  settings.train.epochs = 1;
  Oracle::Sums sums;
  settings.callbacks.push_back(
      {.make = [&](Classifier& model) -> std::unique_ptr<Callback> {
        return std::make_unique<Oracle>(model, sums);
      }});
  Recorded recorded(settings);
  recorded.run(folder / "run");
  const auto rows = rows_of_epoch(recorded.rows(), 1);
  // A stem, four layers of two convolutions, a transition, the last layer.
  ASSERT_EQ(rows.size(), 11u);
  ASSERT_EQ(sums.steps, 7);
  for (const auto& row : rows) {
    const auto name = row.layer + ".weight";
    const double gradient = sums.gradients.at(name) / 7;
    const double ratio = sums.ratios.at(name) / 7;
    EXPECT_GT(gradient, 0);
    EXPECT_NEAR(row.gradient_norm, gradient, 1e-5 * gradient) << row.layer;
    EXPECT_NEAR(row.update_ratio, ratio, 1e-4 * ratio) << row.layer;
    EXPECT_GT(row.signal_variance, 0);
  }
  // Signals are those of the weights at the end of the epoch.
  const auto stem = torch::conv2d(
      recorded.batch().images.to(torch::kDouble),
      recorded.model()->named_parameters()[rows[0].layer + ".weight"].to(
          torch::kDouble),
      {}, 1, 1);
  EXPECT_NEAR(rows[0].signal_variance, stem.var(false).item<double>(), 1e-6);
  const auto file = read_layers(folder / "run/layers.csv");
  ASSERT_EQ(file.size(), recorded.rows().size());
  EXPECT_EQ(file.back().signal_variance,
            recorded.rows().back().signal_variance);
}

TEST(LayerProbe, BeforeTrainingHasTheGradientOfTheBatch) {
  TemporaryFolder folder;
  auto settings = small_run();
  std::get<DenseNetOptions>(settings.model).drop_rate = 0;
  settings.train.epochs = 1;
  Recorded recorded(settings);
  const auto twin = make_model(settings.model);
  copy_exactly(state_dict(*recorded.model()), *twin);
  recorded.run(folder / "run");
  twin->train();
  torch::nn::functional::cross_entropy(twin->forward(recorded.batch().images),
                                       recorded.batch().targets.values)
      .backward();
  const auto parameters = twin->named_parameters();
  const auto start = rows_of_epoch(recorded.rows(), 0);
  ASSERT_EQ(start.size(), 11u);
  for (const auto& row : start) {
    const double norm =
        parameters[row.layer + ".weight"].grad().norm().item<double>();
    EXPECT_NEAR(row.gradient_norm, norm, 1e-4 * norm) << row.layer;
    EXPECT_TRUE(std::isnan(row.update_ratio));
  }
}

TEST(LayerProbe, ChangesNothingOfTheTraining) {
  TemporaryFolder folder;
  torch::manual_seed(static_cast<uint64_t>(small_run().train.seed));
  run(small_run(), folder / "plain", {}, make_model(small_run().model));
  Recorded recorded(small_run());
  recorded.run(folder / "recorded");
  auto with = load_checkpoint(folder / "recorded/last.skz");
  ASSERT_EQ(with.sections.erase("study"), 1u);
  const auto without = load_checkpoint(folder / "plain/last.skz");
  ASSERT_EQ(with.sections.size(), without.sections.size());
  for (size_t i = 0; i < with.weights.size(); ++i) {
    EXPECT_TRUE(
        torch::equal(with.weights[i].second, without.weights[i].second));
  }
  for (const auto& [name, tensors] : without.sections) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      EXPECT_TRUE(
          torch::equal(tensors[i].second, with.sections.at(name)[i].second))
          << name;
    }
  }
}

class ResumedProbe : public testing::TestWithParam<int> {};

// 7 steps an epoch: within one, at its end, and in the last.
TEST_P(ResumedProbe, RecordsAsIfItHadNeverStopped) {
  TemporaryFolder folder;
  Recorded(small_run()).run(folder / "whole");
  Recorded(small_run()).run(folder / "parts", stop_after(GetParam()));
  Recorded(small_run()).run(folder / "parts");
  const auto whole = read_text(folder / "whole/layers.csv");
  EXPECT_EQ(read_text(folder / "parts/layers.csv"), whole);
  EXPECT_EQ(std::ranges::count(whole, '\n'), 1 + 5 * 11);
}
INSTANTIATE_TEST_SUITE_P(Steps, ResumedProbe, testing::Values(3, 7, 8, 27));

TEST(LayerProbe, RecordsAnEpochThatItDiedBeforeItCouldWrite) {
  TemporaryFolder folder;
  Recorded(small_run()).run(folder / "whole");
  // The checkpoint of epoch 2 is there, its rows are not.
  EXPECT_EQ(words_of_error([&] {
              Recorded(small_run()).run(folder / "parts", {}, /*dies_at=*/2);
            }),
            "dies here");
  EXPECT_EQ(read_layers(folder / "parts/layers.csv").back().epoch, 1);
  EXPECT_EQ(load_checkpoint(folder / "parts/last.skz").position.epoch, 2);
  Recorded(small_run()).run(folder / "parts");
  EXPECT_EQ(read_text(folder / "parts/layers.csv"),
            read_text(folder / "whole/layers.csv"));
}

}  // namespace
}  // namespace skipzoo

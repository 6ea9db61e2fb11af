// The moving average of the weights: its formula, and which weights a run is
// validated and used by.

#include "tools/train/ema.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

EmaOptions ema_of(double decay, bool warmup = false, int64_t every = 1) {
  return {.decay = decay, .warmup = warmup, .every = every};
}

TEST(Ema, DecayRisesAsTimmsWhereItIsToWarmUp) {
  EXPECT_EQ(ema_decay(ema_of(0.99), 0), 0.99);
  const auto warming = ema_of(0.9, true);
  EXPECT_EQ(ema_decay(warming, 0), 0);
  EXPECT_NEAR(ema_decay(warming, 1), 1 - std::pow(2.0, -2.0 / 3), 1e-15);
  EXPECT_NEAR(ema_decay(warming, 7), 0.75, 1e-15);
  EXPECT_EQ(ema_decay(warming, 1000), 0.9);
}

/// What an average is after each of these values of all weights, by hand.
void expect_follows(const EmaOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto model = make_model(small_run().model);
  const auto set_all = [&](double value) {
    for (auto& [name, tensor] : state_dict(*model)) tensor.fill_(value);
  };
  set_all(1);
  const auto average = make_ema(options).make(*model);
  double expected = 1;
  int64_t step = 0, updates = 0;
  for (const double value : {4.0, -2.0, 8.0, 8.0, 1.0, 0.0}) {
    set_all(value);
    average->on_step_end();
    if (++step % options.every == 0) {
      const double decay = ema_decay(options, updates++);
      expected = decay * expected + (1 - decay) * value;
    }
    average->on_validation_start();
    for (const auto& [name, tensor] : state_dict(*model)) {
      const double found = tensor.flatten()[0].item<double>();
      if (tensor.is_floating_point()) {
        EXPECT_NEAR(found, expected, 1e-5) << name;
      } else if (step % options.every == 0) {
        EXPECT_EQ(found, value) << name;  // A count is no average.
      }
    }
    average->on_validation_end();
    EXPECT_EQ(model->parameters().front().flatten()[0].item<double>(), value);
  }
}

TEST(Ema, FollowsItsFormula) {
  expect_follows(ema_of(0.7));
  expect_follows(ema_of(0.7, true));
  expect_follows(ema_of(0.5, false, 2));
  expect_follows(ema_of(0.9, true, 3));
}

Settings averaged(double decay, bool warmup = true) {
  auto s = small_run();
  s.train.ema = ema_of(decay, warmup);
  return s;
}

bool are_equal(const NamedTensors& a, const NamedTensors& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!torch::equal(a[i].second, b[i].second)) return false;
  }
  return true;
}

TEST(Ema, IsEvaluatedBesideTheWeightsThatTrainAsWithout) {
  TemporaryFolder folder;
  run(small_run(), folder / "plain");
  run(averaged(0.9), folder / "run");
  const auto plain = load_checkpoint(folder / "plain/last.skz");
  const auto last = load_checkpoint(folder / "run/last.skz");
  EXPECT_TRUE(are_equal(last.sections.at("model"), plain.weights));
  EXPECT_FALSE(are_equal(last.weights, plain.weights));
  const auto rows = read_csv(folder / "run/summary.csv");
  const auto plain_rows = read_csv(folder / "plain/summary.csv");
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].val_loss, plain_rows[i].val_loss);
    EXPECT_TRUE(std::isfinite(rows[i].val_top1_ema));
    EXPECT_NE(rows[i].val_loss_ema, rows[i].val_loss);
    EXPECT_TRUE(std::isnan(plain_rows[i].val_top1_ema));
  }
}

TEST(Ema, ARunWithItResumesBitForBit) {
  TemporaryFolder folder;
  run(averaged(0.9), folder / "whole");
  run(averaged(0.9), folder / "parts", stop_after(10));
  run(averaged(0.9), folder / "parts");
  expect_same_run(folder / "whole", folder / "parts");
}

// An average that never moves is that of the first weights.
TEST(Ema, TheBestIsOfWhicheverIsBetter) {
  TemporaryFolder folder;
  for (const bool moves : {false, true}) {
    auto s = averaged(moves ? 0.5 : 0.999999, moves);
    s.train.eval_metric = EvalMetric::kLoss;
    const auto path = folder / (moves ? "moves" : "stays");
    const auto summary = run(s, path);
    double own = 1e9, average = 1e9;
    for (const auto& row : read_csv(path / "summary.csv")) {
      own = std::min(own, row.val_loss);
      average = std::min(average, row.val_loss_ema);
    }
    const auto best = load_checkpoint(path / "best.skz");
    EXPECT_EQ(best.best.by_average, average < own);
    EXPECT_EQ(summary.best.value, std::min(own, average));
    EXPECT_EQ(best.sections.contains("model"), average < own);
    EXPECT_EQ(best.sections.contains("ema"), average >= own);
    if (!moves) {
      EXPECT_FALSE(best.best.by_average);
    }
    // Either is found in it, whichever it is used by.
    const auto trained = trained_weights(path / "best.skz");
    const auto averages = averaged_weights(path / "best.skz");
    ASSERT_TRUE(averages);
    EXPECT_TRUE(
        are_equal(best.best.by_average ? *averages : trained, best.weights));
    EXPECT_FALSE(are_equal(*averages, trained));
    EXPECT_NEAR(validation_loss(best.weights, s), best.best.value, 1e-6);
    // And it can be gone on from.
    auto trainer = make_trainer(s, RunFolder::create(folder / "again"));
    trainer.restore(best, path / "best.skz");
    std::filesystem::remove_all(folder / "again");
  }
}

TEST(Ema, OfFrozenLayersIsTheLayers) {
  TemporaryFolder folder;
  auto s = averaged(0.9, false);
  s.fine_tune.freeze = {"features.conv0"};
  run(s, folder / "run");
  const auto last = load_checkpoint(folder / "run/last.skz");
  const auto& own = last.sections.at("model");
  int frozen = 0;
  for (size_t i = 0; i < own.size(); ++i) {
    if (!own[i].first.starts_with("features.conv0")) continue;
    ++frozen;
    EXPECT_TRUE(torch::equal(own[i].second, last.weights[i].second));
  }
  EXPECT_GT(frozen, 0);
}

torch::Tensor copy_of_one(const NamedTensors& state, std::string_view name) {
  for (const auto& [own, tensor] : state) {
    if (own == name) return tensor.detach().clone();
  }
  ADD_FAILURE() << "no " << name;
  return {};
}

constexpr const char* kThawing[] = {
    "features.denseblock1.denselayer1.conv1.weight",
    "features.denseblock1.denselayer1.norm1.running_mean"};

/// Notes a weight and a statistic after each step.
class Notes : public Callback {
 public:
  using All = std::vector<std::array<torch::Tensor, 2>>;
  Notes(Classifier& model, std::shared_ptr<All> all)
      : model_(model), all_(std::move(all)) {
    on_step_end();
  }

  void on_step_end() override {
    const auto now = state_dict(model_);
    all_->push_back(
        {copy_of_one(now, kThawing[0]), copy_of_one(now, kThawing[1])});
  }
  void add_to(TrainingState&) override {}

 private:
  Classifier& model_;
  std::shared_ptr<All> all_;
};

// Seven batches an epoch: groups of three, three and one. The average follows
// the steps of the optimizer, not the batches; what is frozen, and its
// BatchNorm's statistics, stands still in it as well, until it thaws.
TEST(Ema, FollowsTheStepsOfGroupsAndOfLayersThatThaw) {
  TemporaryFolder folder;
  auto s = averaged(0.7, false);
  s.train.grad_accum_steps = 3;
  s.fine_tune.freeze = {"features.denseblock1"};
  s.fine_tune.unfreeze_epochs = {2};
  const auto notes = std::make_shared<Notes::All>();
  s.callbacks = {{.make = [notes](Classifier& model) {
    return std::make_unique<Notes>(model, notes);
  }}};
  run(s, folder / "run");
  ASSERT_EQ(notes->size(), 1 + 4u * 3);
  const auto last = load_checkpoint(folder / "run/last.skz");
  EXPECT_EQ(last.sections.at("ema_steps").front().second.item<int64_t>(), 12);
  for (size_t which : {0, 1}) {
    const auto& first = notes->front()[which];
    auto average = first;
    for (size_t step = 1; step < notes->size(); ++step) {
      const auto& own = (*notes)[step][which];
      EXPECT_EQ(torch::equal(own, first), step <= 6) << step;
      average = 0.7 * average + 0.3 * own;
    }
    EXPECT_TRUE(torch::allclose(copy_of_one(last.weights, kThawing[which]),
                                average, 1e-5, 1e-6));
  }
}

TEST(Ema, ARunWithoutItDoesNotGoOnWithIt) {
  TemporaryFolder folder;
  run(small_run(), folder / "run", stop_after(10));
  EXPECT_THROW(run(averaged(0.9), folder / "run"), FileError);
}

}  // namespace
}  // namespace skipzoo

#include "tools/train/recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"

namespace skipzoo {
namespace {

/// A run on pictures of cats and dogs, five of each, whose epochs end as the
/// test says.
class RecorderOfARun : public testing::Test {
 protected:
  /// A recorder, and a network of one tensor.
  struct Run {
    Recorder recorder;
    TrainingState state{
        [] {
          return NamedTensors{{"fc.weight", torch::ones({2, 2})}};
        },
        [](const auto&) {}};

    Run(const RunFolder& folder, EvalMetric metric, bool writes,
        int64_t history)
        : recorder(folder,
                   {.config = "",
                    .classes = {"cat", "dog"},
                    .mean = {},
                    .std = {},
                    .input_shape = {3, 8, 8}},
                   metric, 1, {}, writes, history) {
      state.add(recorder.section());
    }
  };
  /// Begins a run, or goes on with the one that is there.
  std::unique_ptr<Run> begin(EvalMetric metric = EvalMetric::kTop1,
                             bool writes = true, int64_t history = 0) {
    const auto path = folder / "run";
    const bool is_new = !std::filesystem::exists(path);
    auto run = std::make_unique<Run>(
        is_new ? RunFolder::create(path) : RunFolder::open(path), metric,
        writes, history);
    if (!is_new) {
      const auto last = run->recorder.last();
      const auto checkpoint = load_checkpoint(last);
      run->state.load(checkpoint, last);
      run->recorder.go_on_from(last, checkpoint.best, run->state);
    }
    return run;
  }
  static void finish_epoch(Run& run, int64_t epoch, double loss,
                           const Confusion& confusion) {
    Evaluation found;
    found.loss = loss;
    found.top1 = 10.0 * static_cast<double>(confusion[0][0] + confusion[1][1]);
    found.images = 10;
    found.confusion = confusion;
    EpochRow row;
    row.epoch = epoch;
    row.val_loss = found.loss;
    row.val_top1 = found.top1;
    run.state.position.epoch = epoch;
    run.recorder.finish_epoch(row, {.own = found}, run.state);
  }
  /// That report.html and both checkpoints tell of this epoch.
  void expect_best(int64_t epoch, const Confusion& confusion) {
    const auto report = read_text(folder / "run/report.html");
    EXPECT_NE(report.find("Confusion matrix of epoch " + std::to_string(epoch) +
                          ", the best (best.skz)"),
              std::string::npos);
    const std::string names[] = {"cat", "dog"};
    for (size_t of = 0; of < 2; ++of) {
      for (size_t as = 0; as < 2; ++as) {
        const auto share = std::to_string(20 * confusion[of][as]) + ".00%\"";
        const bool is_there =
            report.find("title=\"" + names[of] + " taken for " + names[as] +
                        ": " + share) != std::string::npos;
        EXPECT_EQ(is_there, confusion[of][as] > 0) << of << as;
      }
    }
    for (const char* name : {"run/last.skz", "run/best.skz"}) {
      const auto saved = load_checkpoint(folder / name);
      EXPECT_EQ(saved.best.epoch, epoch) << name;
      EXPECT_EQ(unpacked(saved.sections.at("best_confusion").front().second, 2),
                confusion)
          << name;
    }
  }

  TemporaryFolder folder;
};

TEST_F(RecorderOfARun, ShowsTheConfusionsOfTheBestEpochAlsoWhenResumed) {
  const Confusion first = {{5, 0}, {4, 1}}, best = {{5, 0}, {1, 4}},
                  worst = {{0, 5}, {5, 0}}, better = {{5, 0}, {0, 5}};
  {
    const auto run = begin();
    finish_epoch(*run, 1, 1, first);
    expect_best(1, first);
    finish_epoch(*run, 2, 1, best);
    finish_epoch(*run, 3, 1, worst);
    expect_best(2, best);
  }
  const auto resumed = begin();
  finish_epoch(*resumed, 4, 1, worst);
  expect_best(2, best);
  finish_epoch(*resumed, 5, 1, better);
  expect_best(5, better);
}

TEST_F(RecorderOfARun, ShowsTheMistakesOfTheBestEpochAlsoWhenResumed) {
  const auto end_epoch = [](Run& run, int64_t epoch, double coverage,
                            const Confusion& confusion) {
    Evaluation found;
    found.top1 = 10.0 * static_cast<double>(confusion[0][0] + confusion[1][1]);
    found.images = 10;
    found.confusion = confusion;
    Mistakes mistakes;
    mistakes.thresholds = {{.threshold = 0.5, .coverage = coverage}};
    EpochRow row;
    row.epoch = run.state.position.epoch = epoch;
    const Validation validation{.own = found, .mistakes = mistakes};
    EXPECT_EQ(run.recorder.shows(validation), epoch != 2 && epoch != 3);
    run.recorder.finish_epoch(row, validation, run.state);
  };
  const auto shows = [this](const std::string& text) {
    const auto report = read_text(folder / "run/report.html");
    return report.find(text) != std::string::npos;
  };
  {
    const auto run = begin();
    end_epoch(*run, 1, 71, {{5, 0}, {1, 4}});
    EXPECT_TRUE(shows("<td>71.00%</td>"));
    // 9 of 10: scipy.stats.binomtest(9, 10).proportion_ci(method="wilson").
    EXPECT_TRUE(
        shows("<b>90.00%</b><span class=\"soft\">95% interval<br>59.58 "
              "to 98.21%"));
    end_epoch(*run, 2, 72, {{0, 5}, {5, 0}});
    EXPECT_TRUE(shows("<td>71.00%</td>"));
  }
  const auto resumed = begin();
  end_epoch(*resumed, 3, 73, {{0, 5}, {5, 0}});
  EXPECT_TRUE(shows("<td>71.00%</td>"));
  EXPECT_TRUE(shows("Mistakes of epoch 1, the best"));
  end_epoch(*resumed, 4, 74, {{5, 0}, {0, 5}});
  EXPECT_FALSE(shows("<td>71.00%</td>"));
  EXPECT_TRUE(shows("<td>74.00%</td>"));
}

TEST_F(RecorderOfARun, TheBestMayBeTheOneOfTheLeastLoss) {
  const auto run = begin(EvalMetric::kLoss);
  finish_epoch(*run, 1, 0.5, {{1, 4}, {4, 1}});
  finish_epoch(*run, 2, 0.7, {{5, 0}, {0, 5}});
  expect_best(1, {{1, 4}, {4, 1}});
}

TEST_F(RecorderOfARun, WithoutABestShowsTheLastEpochAndSaysSo) {
  const auto run = begin(EvalMetric::kLoss);
  finish_epoch(*run, 1, std::numeric_limits<double>::quiet_NaN(),
               {{5, 0}, {5, 0}});
  EXPECT_FALSE(std::filesystem::exists(folder / "run/best.skz"));
  const auto report = read_text(folder / "run/report.html");
  EXPECT_NE(report.find("Confusion matrix of epoch 1, the last (last.skz)"),
            std::string::npos);
  EXPECT_NE(report.find("dog taken for cat: 100.00%"), std::string::npos);
}

TEST_F(RecorderOfARun, OfAProcessThatDoesNotWriteKnowsTheBestAlone) {
  finish_epoch(*begin(), 1, 1, {{5, 0}, {4, 1}});
  const auto before = read_text(folder / "run/last.skz");
  const auto other = begin(EvalMetric::kTop1, /*writes=*/false);
  finish_epoch(*other, 2, 1, {{5, 0}, {0, 5}});
  EXPECT_EQ(other->recorder.best().epoch, 2);
  EXPECT_EQ(read_text(folder / "run/last.skz"), before);
  EXPECT_EQ(read_csv(folder / "run/summary.csv").size(), 1u);
}

TEST_F(RecorderOfARun, KeepsTheBestEpochsThatAreAskedFor) {
  const auto kept = [this] {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder / "run")) {
      const auto name = entry.path().filename().string();
      if (name.starts_with("checkpoint-")) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
  };
  using Names = std::vector<std::string>;
  const Confusion any = {{3, 2}, {1, 4}};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  auto run = begin(EvalMetric::kLoss, true, 2);
  finish_epoch(*run, 1, nan, any);
  finish_epoch(*run, 2, 0.5, any);
  EXPECT_EQ(kept(), (Names{"checkpoint-1.skz", "checkpoint-2.skz"}));
  finish_epoch(*run, 3, 0.7, any);
  EXPECT_EQ(kept(), (Names{"checkpoint-2.skz", "checkpoint-3.skz"}));
  finish_epoch(*run, 4, 0.8, any);
  EXPECT_EQ(kept(), (Names{"checkpoint-2.skz", "checkpoint-3.skz"}));
  finish_epoch(*run, 5, 0.6, any);
  EXPECT_EQ(kept(), (Names{"checkpoint-2.skz", "checkpoint-5.skz"}));
  EXPECT_EQ(read_position(folder / "run/checkpoint-5.skz")->epoch, 5);

  // Going on from the second epoch drops those after it.
  run.reset();
  std::filesystem::copy_file(folder / "run/checkpoint-2.skz",
                             folder / "run/last.skz",
                             std::filesystem::copy_options::overwrite_existing);
  run = begin(EvalMetric::kLoss, true, 2);
  EXPECT_EQ(kept(), (Names{"checkpoint-2.skz"}));
  finish_epoch(*run, 3, 0.9, any);
  EXPECT_EQ(kept(), (Names{"checkpoint-2.skz", "checkpoint-3.skz"}));
}

}  // namespace
}  // namespace skipzoo

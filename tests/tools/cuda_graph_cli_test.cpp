// Runs on CUDA whose steps are recorded (train.cuda_graph): they are the runs
// without. Skipped where there is no CUDA device.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/cuda_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/train/checkpoint.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

using Words = std::vector<std::string>;

/// --set each.
Words assigned(const Words& assignments) {
  Words words;
  for (const auto& one : assignments) words.insert(words.end(), {"--set", one});
  return words;
}

/// 22 batches of 64 digits an epoch and one of 29, on operators that always
/// give the same numbers.
Words repeatable(Words more, const std::string& graphs) {
  more.insert(more.end(),
              {"train.deterministic=true", "train.cuda_graph=" + graphs});
  return assigned(more);
}

bool says_recorded(const Finished& finished) {
  return finished.err.find("pictures is recorded") != std::string::npos;
}

void expect_same_results(const fs::path& a, const fs::path& b) {
  auto rows = read_csv(a / "summary.csv"), others = read_csv(b / "summary.csv");
  ASSERT_EQ(rows.size(), others.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (auto* row : {&rows[i], &others[i]}) {
      row->seconds = row->images_per_s = row->data_time = 0;  // Times aside.
    }
    EXPECT_EQ(csv_line(rows[i]), csv_line(others[i]));
  }
  const auto x = load_checkpoint(a / "last.skz").weights;
  const auto y = load_checkpoint(b / "last.skz").weights;
  ASSERT_EQ(x.size(), y.size());
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_TRUE(x[i].second.equal(y[i].second)) << x[i].first;
  }
}

/// Trains with recorded steps and without.
class CudaGraphRun : public CudaRun {
 protected:
  static void expect_same_as_plain(const std::string& name, Words more) {
    SCOPED_TRACE(name + (more.empty() ? "" : " " + more.front()));
    TemporaryFolder folder;
    more.emplace_back("train.epochs=3");
    const auto plain = folder / "plain", recorded = folder / "recorded";
    EXPECT_FALSE(says_recorded(trained(name, plain, repeatable(more, "off"))));
    const auto finished = trained(name, recorded, repeatable(more, "auto"));
    EXPECT_TRUE(says_recorded(finished)) << finished.err;
    expect_same_results(plain, recorded);
  }
};

const Words kOneOfEach = {
    "model={family: preact_resnet, depths: [1, 1], widths: [16, 32], "
    "in_channels: 1, drop_rate: 0.2}",
    "model={family: dpn, depths: [1, 1], widths: [32, 64], growth_rates: [8, "
    "8], bottleneck_width: 16, groups: 2, num_init_features: 16, stem: cifar, "
    "in_channels: 1}"};

TEST_F(CudaGraphRun, EveryFamilyEndsAsWithout) {
  for (const char* name : {"conv_net", "resnet20", "densenet"}) {
    expect_same_as_plain(name, {});
  }
  for (const auto& model : kOneOfEach)
    expect_same_as_plain("resnet20", {model});
}

TEST_F(CudaGraphRun, SoDoSixteenBits) {
  for (const char* amp : {"bf16", "fp16"}) {
    for (const char* name : {"resnet20", "densenet"}) {
      expect_same_as_plain(name, {std::string("train.amp=") + amp});
    }
  }
}

// What draws random numbers within a step, and what goes on around it.
TEST_F(CudaGraphRun, SoDoesAWholeRecipe) {
  const Words recipe = {"train.ema={decay: 0.99, warmup: true}",
                        "train.label_smoothing=0.1", "train.clip_grad=1",
                        "data.augment.mixup=0.2"};
  auto residual = recipe, dense = recipe;
  residual.emplace_back("train.drop_path=0.2");
  dense.emplace_back("model.drop_rate=0.2");
  expect_same_as_plain("resnet20", residual);
  expect_same_as_plain("densenet", dense);
}

TEST_F(CudaGraphRun, SoDoesEveryOptimizer) {
  for (const char* name :
       {"adamw", "nadamw", "lamb", "lion", "rmsprop", "muon"}) {
    expect_same_as_plain("conv_net",
                         {"train.optimizer={name: " + std::string(name) +
                          ", lr: 0.002, lookahead: {k: 3}}"});
  }
  for (const char* name : {"sgd", "adamw", "lamb"}) {
    expect_same_as_plain(
        "conv_net",
        {"train.optimizer={name: " + std::string(name) + ", lr: 0.002}",
         "train.amp=fp16", "train.clip_grad=1", "train.clip_mode=agc"});
  }
}

TEST_F(CudaGraphRun, ARunThatIsKilledAndResumedEndsAsOneThatWasNot) {
  TemporaryFolder folder;
  const auto whole = folder / "whole", parts = folder / "parts";
  const auto words =
      repeatable({"train.epochs=60", "train.checkpoint_interval=9",
                  "train.drop_path=0.2", "train.ema.decay=0.99"},
                 "auto");
  trained("resnet20", whole, words);
  Words begin = {"train",    "-c",  config("resnet20"), "-o", parts.string(),
                 "--device", "cuda"};
  begin.insert(begin.end(), words.begin(), words.end());
  {
    Process process(skipzoo_command(begin));
    for (int i = 0; i < 12000 && !fs::exists(parts / "last.skz"); ++i) {
      usleep(10'000);
    }
    process.signal(SIGKILL);
    process.wait();
  }
  ASSERT_LT(read_csv(parts / "summary.csv").size(), 60u) << "it was too quick";
  const auto resumed =
      run_skipzoo({"train", "--resume", parts.string(), "--device", "cuda"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_TRUE(says_recorded(resumed)) << resumed.err;
  expect_same_results(whole, parts);
}

TEST_F(CudaGraphRun, SaysOnceWhyPartsOfAStepAreNotRecorded) {
  TemporaryFolder folder;
  const auto finished =
      trained("resnet20", folder / "run",
              assigned({"train.epochs=1", "train.grad_accum_steps=4"}));
  EXPECT_NE(finished.err.find("a step is not recorded: "
                              "train.grad_accum_steps"),
            std::string::npos)
      << finished.err;
}

}  // namespace
}  // namespace skipzoo

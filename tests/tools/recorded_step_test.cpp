// Steps that are recorded and replayed (train.cuda_graph), by what stands for a
// CUDA graph on the CPU: they are the steps of a run without.

#include "tools/train/recorded_step.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <sstream>

#include "tests/support/fake_graphs.h"
#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

/// What is said while it lives.
class HeardLog {
 public:
  HeardLog() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "heard", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
  }
  ~HeardLog() { spdlog::set_default_logger(before_); }
  HeardLog(const HeardLog&) = delete;
  HeardLog& operator=(const HeardLog&) = delete;

  int lines_with(const std::string& words) const {
    int count = 0;
    std::istringstream lines(text_.str());
    for (std::string line; std::getline(lines, line);) {
      count += line.find(words) != std::string::npos ? 1 : 0;
    }
    return count;
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

/// Runs it with recorded steps and without, which end alike.
void expect_same_as_plain(const Settings& s, FakeGraphs& fake) {
  TemporaryFolder folder;
  run(s, folder / "plain");
  run(fake.recording(s), folder / "recorded");
  expect_same_run(folder / "plain", folder / "recorded");
}

/// Sums the gradients behind each step, as what studies layers does.
class ReadsGradients : public Callback {
 public:
  explicit ReadsGradients(Classifier& model) : model_(model) {}
  void on_step_end() override {
    for (const auto& parameter : model_.parameters()) {
      if (parameter.grad().defined()) sum_ += parameter.grad().sum();
    }
  }
  void add_to(TrainingState& state) override {
    state.add({.name = "gradients",
               .save =
                   [this] {
                     return NamedTensors{{"", sum_}};
                   },
               .load = [](const NamedTensors&) {}});
  }

 private:
  Classifier& model_;
  torch::Tensor sum_ = torch::zeros({});
};

Settings residual_run() {
  auto s = small_run();
  ResNetOptions net;
  net.depths = {1, 1};
  net.widths = {4, 8};
  net.num_classes = 4;
  s.model = net;
  return s;
}

// Of the seven batches of an epoch the last is smaller. In the first epoch one
// runs as it is and two where the fourth is recorded; it and all others of its
// size are replayed. The network draws random numbers.
TEST(RecordedStep, ARunWithThemEndsAsOneWithout) {
  auto s = small_run();
  s.callbacks = {{.copies_of_weights = 0, .make = [](Classifier& model) {
                    return std::make_unique<ReadsGradients>(model);
                  }}};
  FakeGraphs fake;
  expect_same_as_plain(s, fake);
  EXPECT_EQ(fake.graphs, 1);
  EXPECT_EQ(fake.runs, 2);
  EXPECT_EQ(fake.records, 1);
  EXPECT_EQ(fake.replays, 3 + 3 * 6);
}

TEST(RecordedStep, SoItDoesWithEveryOptimizer) {
  for (const auto& [kind, name] : EnumNames<OptimizerKind>::values) {
    SCOPED_TRACE(name);
    auto s = residual_run();
    s.train.epochs = 2;
    s.train.optimizer.name = kind;
    s.train.optimizer.lr = 0.002;
    s.train.optimizer.no_decay_norm_bias = true;
    s.train.optimizer.lookahead.k = 3;
    s.train.clip_grad = 0.5;
    FakeGraphs fake;
    expect_same_as_plain(s, fake);
    EXPECT_EQ(fake.replays, 3 + 6);
  }
}

// Mixed pictures have soft targets until the third epoch and labels from then
// on: another kind of batch. The average takes the network's place to be
// validated, and the learning rate is another in each step.
TEST(RecordedStep, SoItDoesWithAWholeRecipe) {
  auto s = residual_run();
  s.data.augment.mixup = 0.2;
  s.data.augment.mix_off_epoch = 2;
  s.batch_transforms = batch_transforms(s.data, 4);
  s.train.schedule.name = ScheduleKind::kCosine;
  s.train.schedule.warmup_epochs = 1;
  s.train.ema = {.decay = 0.9, .warmup = true, .every = 2};
  s.train.drop_path = 0.5;
  s.train.label_smoothing = 0.1;
  s.train.class_weights.numbers = {1, 2, 1, 0.5};
  s.train.amp = Amp::kFp16;  // On the CPU, of it the loss scaler alone.
  s.train.checkpoint_interval = 3;
  FakeGraphs fake;
  expect_same_as_plain(s, fake);
  EXPECT_EQ(fake.records, 2);
  EXPECT_EQ(fake.graphs, 1);
}

TEST(RecordedStep, ATeacherIsAskedInIt) {
  auto s = residual_run();
  s.train.distill.teacher = "teacher.skz";
  s.teacher = {.logits =
                   [](const torch::Tensor& images) {
                     return images.mean({2, 3}).repeat({1, 2}).slice(1, 0, 4);
                   },
               .identity = std::string(64, 'a')};
  FakeGraphs fake;
  expect_same_as_plain(s, fake);
  EXPECT_EQ(fake.records, 1);
}

TEST(RecordedStep, PicturesThatGrowAreRecordedAnew) {
  auto s = residual_run();
  s.train.epochs = 5;
  s.data.progressive_resizing = {
      .min_res = 6, .max_res = 9, .end_ramp = 3, .multiple = 1};
  FakeGraphs fake;
  expect_same_as_plain(s, fake);
  EXPECT_EQ(fake.records, 4);  // 6, 7, 8 and 9 pixels.
  EXPECT_EQ(fake.replays, 4 * 3 + 6);
}

// Layers that begin to train give the recorded step up.
TEST(RecordedStep, IsRecordedAnewWhereOtherLayersTrain) {
  auto s = residual_run();
  s.fine_tune.freeze = {"conv1", "layer1"};
  s.fine_tune.unfreeze_epochs = {1, 2};
  FakeGraphs fake;
  expect_same_as_plain(s, fake);
  EXPECT_EQ(fake.records, 3);
  EXPECT_EQ(fake.graphs, 3);
}

// Of the steps before the one that is recorded, that one, and behind it: a run
// that goes on begins to record anew.
TEST(RecordedStep, ARunResumesBitForBit) {
  TemporaryFolder folder;
  auto s = small_run();
  s.train.ema = {.decay = 0.9};
  run(s, folder / "whole");
  for (const int steps : {1, 3, 4, 5, 7, 12, 28}) {
    SCOPED_TRACE(steps);
    FakeGraphs fake;
    const auto recording = fake.recording(s);
    const auto parts = folder / std::to_string(steps);
    run(recording, parts, stop_after(steps));
    run(recording, parts);
    expect_same_run(folder / "whole", parts);
  }
}

TEST(RecordedStep, WhatCannotBeRecordedRunsAsItIsAndTheLogSaysWhyOnce) {
  FakeGraphs fake;
  fake.refuses = true;
  HeardLog log;
  expect_same_as_plain(small_run(), fake);
  EXPECT_EQ(fake.records, 1);
  EXPECT_EQ(fake.replays, 0);
  EXPECT_EQ(log.lines_with("train.cuda_graph"), 1);
  EXPECT_EQ(log.lines_with("a step is not recorded: this cannot be recorded"),
            1);
  EXPECT_EQ(log.lines_with("and more"), 0);
}

TEST(RecordedStep, PartsOfAStepAreNotRecorded) {
  auto s = small_run();
  s.train.grad_accum_steps = 3;
  FakeGraphs fake;
  HeardLog log;
  expect_same_as_plain(s, fake);
  EXPECT_EQ(fake.graphs, 0);
  EXPECT_EQ(log.lines_with("train.cuda_graph: a step is not recorded: "
                           "train.grad_accum_steps"),
            1);
}

TEST(RecordedStep, IsSwitchedOffWithoutAWord) {
  auto s = small_run();
  s.train.cuda_graph = CudaGraphs::kOff;
  FakeGraphs fake;
  HeardLog log;
  expect_same_as_plain(s, fake);
  EXPECT_EQ(fake.graphs, 0);
  EXPECT_EQ(log.lines_with("cuda_graph"), 0);
  EXPECT_FALSE(step_graphs(torch::kCPU));
}

/// The error of a run whose ninth batch is not finite: it is replayed.
std::string error_of_run(Settings s, FakeGraphs* fake) {
  auto batches = std::make_shared<int>(0);
  s.batch_transforms = {
      {.stream = "nan",
       .apply = [batches](torch::Tensor& images, auto&, auto&) {
         if (++*batches == 9) images.fill_(std::nanf(""));
       }}};
  TemporaryFolder folder;
  try {
    run(fake == nullptr ? s : fake->recording(s), folder / "run");
  } catch (const TrainingError& error) {
    const std::string text = error.what();
    return text.substr(0, text.find(';'));
  }
  return "no error";
}

TEST(RecordedStep, ALossThatIsNotFiniteIsFoundAtItsStep) {
  FakeGraphs fake;
  const auto text = error_of_run(residual_run(), &fake);
  EXPECT_NE(text.find("loss is not finite at epoch 2, step 9 "),
            std::string::npos)
      << text;
  const auto plain = error_of_run(residual_run(), nullptr);
  EXPECT_EQ(text.substr(0, text.find("last")),
            plain.substr(0, plain.find("last")));
  EXPECT_EQ(fake.replays, 3 + 2);
}

/// Remembers where its images lay.
struct Watched : Classifier {
  Watched() : fc(register_module("fc", torch::nn::Linear(3, 4))) {}
  torch::Tensor forward(const torch::Tensor& images) override {
    places.push_back(images.const_data_ptr());
    layouts.push_back(images.suggest_memory_format());
    return fc(images.mean({2, 3}));
  }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }
  Kernels kernels() const override { return Kernels::kReference; }
  torch::nn::Linear fc;
  std::vector<const void*> places;
  std::vector<at::MemoryFormat> layouts;
};

/// Steps of a Watched.
struct WatchedSteps {
  WatchedSteps() : recorded(step, *model, options, fake.factory()) {
    fake.look_at(*model);
  }
  void take(int64_t pictures) {
    batches.push_back(torch::randn({pictures, 3, 4, 4})
                          .contiguous(at::MemoryFormat::ChannelsLast));
    recorded(batches.back(), {torch::randint(4, {pictures})});
  }
  FakeGraphs fake;
  TrainOptions options;
  std::shared_ptr<Watched> model = std::make_shared<Watched>();
  Optimizer optimizer{options.optimizer, *model};
  TrainingStep step{*model, optimizer, options};
  RecordedStep recorded;
  std::vector<torch::Tensor> batches;  ///< All, so that each has its place.
};

TEST(RecordedStep, ReadsTheSameTensorsInTheLayoutOfTheBatches) {
  WatchedSteps steps;
  for (int i = 0; i < 6; ++i) steps.take(8);
  const auto& places = steps.model->places;
  ASSERT_EQ(places.size(), 6u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(places[i], steps.batches[i].const_data_ptr());
  }
  EXPECT_NE(places[3], steps.batches[3].const_data_ptr());
  EXPECT_EQ(places[4], places[3]);
  EXPECT_EQ(places[5], places[3]);
  for (const auto layout : steps.model->layouts) {
    EXPECT_EQ(layout, at::MemoryFormat::ChannelsLast);
  }
}

// Neither the last batch of an epoch nor one that lacks a picture, as those
// that cannot be read are left out, gives up what is recorded.
TEST(RecordedStep, OnlyAKindThatFollowsItselfIsRecorded) {
  WatchedSteps steps;
  for (int epoch = 0; epoch < 5; ++epoch) {
    for (const int64_t pictures : {8, 8, 5}) steps.take(pictures);
  }
  // 8 as it is, 8 aside; 8 aside; recorded, and then each.
  EXPECT_EQ(steps.fake.runs, 2);
  EXPECT_EQ(steps.fake.records, 1);
  EXPECT_EQ(steps.fake.replays, 7);
  for (const int64_t pictures : {7, 7, 8}) steps.take(pictures);
  EXPECT_EQ(steps.fake.records, 1);
  EXPECT_EQ(steps.fake.replays, 8);
  EXPECT_EQ(steps.model->places.size(), 18u);
}

// By which the time of a step is measured.
TEST(RecordedStep, KnowsHowManyStepsComeBefore) {
  WatchedSteps steps;
  const int64_t before = steps.recorded.steps_before();
  for (int64_t i = 0; i < before; ++i) steps.take(8);
  EXPECT_EQ(steps.fake.records, 1);
  EXPECT_EQ(steps.fake.replays, 1);
  const RecordedStep none(steps.step, *steps.model, steps.options, {});
  EXPECT_EQ(none.steps_before(), 0);
}

TEST(RecordedStep, IsRecordedAnewWhereAParameterLiesElsewhere) {
  WatchedSteps steps;
  for (int i = 0; i < 5; ++i) steps.take(8);
  EXPECT_EQ(steps.fake.records, 1);
  auto& weight = steps.model->fc->weight;
  weight.set_data(weight.detach().clone());
  for (int i = 0; i < 5; ++i) steps.take(8);
  EXPECT_EQ(steps.fake.records, 2);
  EXPECT_EQ(steps.fake.graphs, 2);
}

TEST(RecordedStep, OfSeveralProcessesThereIsNone) {
  WatchedSteps steps;
  HeardLog log;
  FakeGraphs fake;
  RecordedStep recorded(steps.step, *steps.model, steps.options, fake.factory(),
                        /*processes=*/2);
  EXPECT_EQ(fake.graphs, 0);
  EXPECT_EQ(log.lines_with("several processes"), 1);
}

}  // namespace
}  // namespace skipzoo

// What later parts of training are added to: targets that are no labels,
// transforms of whole batches, several processes.

#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/train/objective.h"

namespace skipzoo {
namespace {

TEST(Targets, LabelsAndSoftTargetsSayTheSame) {
  const Targets labels{torch::tensor({2, 0})};
  EXPECT_FALSE(labels.is_soft());
  const Targets soft{labels.soft(3)};
  EXPECT_TRUE(soft.is_soft());
  EXPECT_TRUE(torch::equal(soft.values,
                           torch::tensor({{0.f, 0.f, 1.f}, {1.f, 0.f, 0.f}})));
  EXPECT_TRUE(torch::equal(soft.labels(), labels.values));
  EXPECT_EQ(soft.size(), 2);
}

TEST(Objective, TakesSoftTargetsAsItTakesLabels) {
  const auto logits = torch::randn({5, 4});
  const Targets labels{torch::tensor({0, 3, 1, 1, 2})};
  for (const double smoothing : {0.0, 0.1}) {
    TrainOptions options;
    options.label_smoothing = smoothing;
    const auto objective = make_objective(options);
    EXPECT_NEAR(objective(logits, labels).item<double>(),
                objective(logits, {labels.soft(4)}).item<double>(), 1e-6);
  }
}

/// Half of each picture from its neighbour, and half of its target.
BatchTransform half_and_half(std::vector<uint64_t>* drawn = nullptr) {
  return {.stream = "half",
          .apply = [drawn](torch::Tensor& images, Targets& targets,
                           Random& random) {
            if (drawn != nullptr) drawn->push_back(random.next());
            const auto soft = targets.soft(4);
            images = 0.5 * images + 0.5 * images.roll(1, 0);
            targets = {0.5 * soft + 0.5 * soft.roll(1, 0)};
          }};
}

TEST(BatchTransform, ReachesTheStepAndResumesBitForBit) {
  TemporaryFolder folder;
  run(small_run(), folder / "plain");
  auto s = small_run();
  std::vector<uint64_t> whole, parts;
  s.batch_transforms = {half_and_half(&whole)};
  run(s, folder / "whole");
  s.batch_transforms = {half_and_half(&parts)};
  run(s, folder / "parts", stop_after(10));
  run(s, folder / "parts");
  EXPECT_EQ(whole.size(), 28u);
  EXPECT_EQ(whole, parts);
  expect_same_run(folder / "whole", folder / "parts");
  EXPECT_NE(read_csv(folder / "whole/summary.csv").front().train_loss,
            read_csv(folder / "plain/summary.csv").front().train_loss);
}

TEST(BatchTransform, DrawsFromAStreamOfItsOwn) {
  const auto first_number = [](const std::vector<std::string_view>& names) {
    std::vector<BatchTransform> transforms;
    uint64_t drawn = 0;
    for (const auto name : names) {
      transforms.push_back(
          {name, [&drawn, name](torch::Tensor&, Targets&, Random& random) {
             const auto number = random.next();
             if (name == "a") drawn = number;
           }});
    }
    torch::Tensor images;
    Targets targets;
    transform_batch(transforms, images, targets, 1, 2, 3);
    return drawn;
  };
  EXPECT_EQ(first_number({"a"}), first_number({"b", "a"}));
  EXPECT_NE(first_number({"a"}), 0u);
}

/// As if another process did the very same.
class Twins : public Collective {
 public:
  explicit Twins(int64_t rank) : rank_(rank) {}
  int64_t rank() const override { return rank_; }
  int64_t size() const override { return 2; }
  void sum(torch::Tensor& tensor) override {
    ++sums;
    tensor.mul_(2);
  }
  void broadcast(torch::Tensor&) override { ++broadcasts; }
  bool any(bool mine) override { return mine; }

  int sums = 0, broadcasts = 0;

 private:
  int64_t rank_;
};

// Powers of two: the mean of equal gradients is that gradient, bit for bit.
TEST(Collective, TwoProcessesThatDoTheSameTrainAsOne) {
  TemporaryFolder folder;
  auto s = small_run();
  s.data.on_error = OnError::kSkip;  // Pictures are counted, not planned.
  // Each process drops other features.
  std::get<DenseNetOptions>(s.model).drop_rate = 0;
  const auto alone = run(s, folder / "alone");
  const auto twins = std::make_shared<Twins>(0);
  const auto together =
      make_trainer(s, RunFolder::create(folder / "twins"), {}, nullptr, twins)
          .run();
  const auto a = load_checkpoint(folder / "alone/last.skz");
  const auto b = load_checkpoint(folder / "twins/last.skz");
  for (size_t i = 0; i < a.weights.size(); ++i) {
    EXPECT_TRUE(torch::equal(a.weights[i].second, b.weights[i].second))
        << a.weights[i].first;
  }
  EXPECT_EQ(together.last.images, 2 * alone.last.images);
  EXPECT_EQ(together.last.top1, alone.last.top1);
  EXPECT_GT(twins->sums, 28);
  EXPECT_GT(twins->broadcasts, 0);
}

TEST(Collective, OfTwoProcessesOneWrites) {
  TemporaryFolder folder;
  const auto made = RunFolder::create(folder / "run");
  make_trainer(small_run(), made, {}, nullptr, std::make_shared<Twins>(1))
      .run();
  EXPECT_FALSE(std::filesystem::exists(folder / "run/last.skz"));
  EXPECT_TRUE(read_csv(folder / "run/summary.csv").empty());
}

/// How often a value is read from a tensor, but for the learning rate: on the
/// CPU, LibTorch's fused updates read it themselves.
class ReadsOfValues {
 public:
  ReadsOfValues() {
    count = updates = 0;
    handle_ = at::addGlobalCallback(at::RecordFunctionCallback(&began, &ended)
                                        .scopes({at::RecordScope::FUNCTION}));
  }
  ~ReadsOfValues() { at::removeCallback(handle_); }
  ReadsOfValues(const ReadsOfValues&) = delete;
  ReadsOfValues& operator=(const ReadsOfValues&) = delete;

  static inline int count = 0;

 private:
  static bool is_update(const at::RecordFunction& function) {
    return std::string_view(function.name()).starts_with("aten::_fused_");
  }
  static std::unique_ptr<at::ObserverContext> began(
      const at::RecordFunction& function) {
    if (is_update(function)) ++updates;
    const bool reads =
        std::string_view(function.name()) == "aten::_local_scalar_dense";
    if (reads && updates == 0) ++count;
    return nullptr;
  }
  static void ended(const at::RecordFunction& function, at::ObserverContext*) {
    if (is_update(function)) --updates;
  }

  static inline int updates = 0;
  at::CallbackHandle handle_;
};

TEST(TrainingStep, ReadsNothingBackFromTheDevice) {
  for (const auto& [kind, name] : EnumNames<OptimizerKind>::values) {
    SCOPED_TRACE(name);
    for (const auto& [kernels, amp] :
         {std::pair(Kernels::kReference, Amp::kOff),
          std::pair(Kernels::kFused, Amp::kFp16)}) {
      ResNetOptions net;
      net.depths = {1, 1};
      net.widths = {8, 16};
      net.kernels = kernels;
      const auto model = make_model(net);
      TrainOptions options;
      options.optimizer.name = kind;
      options.optimizer.lookahead.k = amp == Amp::kOff ? 2 : 0;
      options.amp = amp;
      options.label_smoothing = 0.1;
      options.clip_grad = 1;
      options.drop_path = 0.5;
      options.distill.teacher = "teacher.skz";
      const OtherView view(Normaliser({}, {}, torch::kCPU),
                           {.normalise = {{0.5}, {0.5}, torch::kCPU}}, {4, 4});
      const Teacher teacher{
          .logits =
              [view](const torch::Tensor& seen) {
                return view(seen).mean({1, 2, 3}).view({-1, 1}).expand({4, 10});
              },
          .identity = ""};
      Optimizer optimizer(options.optimizer, *model);
      TrainingStep step(*model, optimizer, options, single_process(), teacher);
      RunningMetrics metrics(torch::kCPU);
      const auto images = torch::randn({4, 3, 8, 8});
      const Targets targets{torch::tensor({1, 2, 3, 4})};
      const ReadsOfValues reads;
      const auto result = step(images, targets);
      metrics.add(result.loss, result.logits, targets, 1);
      EXPECT_EQ(ReadsOfValues::count, 0);
      result.loss.item<float>();
      EXPECT_EQ(ReadsOfValues::count, 1);  // It does see them.
    }
  }
}

}  // namespace
}  // namespace skipzoo

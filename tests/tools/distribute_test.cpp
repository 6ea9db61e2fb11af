#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tests/support/expect_words.h"
#include "tests/support/ranks.h"
#include "tests/support/words_of_error.h"
#include "tools/distribute/place.h"
#include "tools/distribute/watch.h"
#include "tools/train/step.h"
#include "tools/weights/fit.h"

namespace skipzoo {
namespace {

ProcessPlace place_in(const std::map<std::string, std::string>& variables) {
  return place_of_process([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  });
}

TEST(ProcessPlace, IsWhatALauncherSays) {
  EXPECT_EQ(place_in({}).size, 1);
  const auto torchrun = place_in({{"RANK", "3"},
                                  {"WORLD_SIZE", "4"},
                                  {"LOCAL_RANK", "1"},
                                  {"MASTER_ADDR", "node7"},
                                  {"MASTER_PORT", "1234"},
                                  {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                                  {"TORCHELASTIC_RESTART_COUNT", "0"}});
  EXPECT_EQ(torchrun.rank, 3);
  EXPECT_EQ(torchrun.size, 4);
  EXPECT_EQ(torchrun.local_rank, 1);
  EXPECT_EQ(torchrun.address, "node7");
  EXPECT_EQ(torchrun.port, 1234);
  EXPECT_TRUE(torchrun.launcher_holds_store);
  const std::map<std::string, std::string> mpirun = {
      {"OMPI_COMM_WORLD_RANK", "1"},
      {"OMPI_COMM_WORLD_SIZE", "2"},
      {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
      {"PMIX_NAMESPACE", "4711"}};
  EXPECT_EQ(place_in(mpirun).rank, 1);
  EXPECT_EQ(place_in(mpirun).address, "127.0.0.1");
  EXPECT_EQ(place_in(mpirun).port, place_in(mpirun).port);
  EXPECT_GE(place_in(mpirun).port, 15000);
  EXPECT_LT(place_in(mpirun).port, 25000);
  const auto srun = place_in({{"SLURM_PROCID", "5"},
                              {"SLURM_STEP_NUM_TASKS", "8"},
                              {"SLURM_LOCALID", "1"},
                              {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.1"}});
  EXPECT_EQ(srun.rank, 5);
  EXPECT_EQ(srun.address, "10.0.0.1");
  // A batch script is one process, of however many tasks.
  EXPECT_EQ(place_in({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).size, 1);
}

TEST(ProcessPlace, NamesAVariableThatIsWrong) {
  expect_words(words_of_error([] {
                 place_in({{"WORLD_SIZE", "2"}, {"RANK", "2"}});
               }),
               "RANK: expected a number from 0 to 1 in the environment, got "
               "'2'");
  expect_words(words_of_error([] {
                 place_in({{"WORLD_SIZE", "two"}});
               }),
               "WORLD_SIZE: expected a number from 1");
  expect_words(words_of_error([] {
                 place_in({{"WORLD_SIZE", "2"}});
               }),
               "RANK: expected a number from 0 to 1");
}

/// A board in memory; what is written with `is_cut` does not arrive.
struct Blackboard {
  std::mutex mutex;
  std::map<std::string, std::string> notes;
};
class OnBlackboard : public Board {
 public:
  OnBlackboard(Blackboard& board, const std::atomic<bool>& is_silent)
      : board_(board), is_silent_(is_silent) {}
  void write(const std::string& key, const std::string& value) override {
    const std::lock_guard lock(board_.mutex);
    if (!is_silent_) board_.notes[key] = value;
  }
  std::vector<std::string> read(const std::vector<std::string>& keys) override {
    const std::lock_guard lock(board_.mutex);
    std::vector<std::string> values;
    for (const auto& key : keys) values.push_back(board_.notes[key]);
    return values;
  }

 private:
  Blackboard& board_;
  const std::atomic<bool>& is_silent_;
};

class Watches : public testing::Test {
 protected:
  std::unique_ptr<Watch> watch(int64_t rank, Watch::Seconds timeout) {
    return std::make_unique<Watch>(
        std::make_unique<OnBlackboard>(board_, silent_[rank]), rank, 3, timeout,
        "rank 0", [this, rank](const std::string& cause) {
          const std::lock_guard lock(mutex_);
          causes_[rank] = cause;
        });
  }
  std::map<int64_t, std::string> causes() {
    const std::lock_guard lock(mutex_);
    return causes_;
  }

  Blackboard board_;
  std::atomic<bool> silent_[3] = {false, false, false};
  std::mutex mutex_;
  std::map<int64_t, std::string> causes_;
};

void wait(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

TEST_F(Watches, FindWhoIsSilentAndWhoFailed) {
  const Watch::Seconds timeout(0.75);
  std::unique_ptr<Watch> all[] = {watch(0, timeout), watch(1, timeout),
                                  watch(2, timeout)};
  wait(1.5);
  EXPECT_TRUE(causes().empty());
  silent_[1] = true;
  // Asked for, it is known before the bound.
  expect_words(all[0]->cause(), "rank 1: not heard of for 0.");
  wait(2);
  expect_words(causes()[0], "rank 1: not heard of for ");
  expect_words(causes()[2], "rank 1: not heard of for ");
}

TEST_F(Watches, PassOnWhyAProcessFailed) {
  std::unique_ptr<Watch> all[] = {watch(0, Watch::Seconds(6)),
                                  watch(1, Watch::Seconds(6)),
                                  watch(2, Watch::Seconds(6))};
  all[2]->tell_failure("the disk is full");
  EXPECT_EQ(all[0]->cause(), "rank 2: the disk is full");
  wait(5);
  EXPECT_EQ(causes()[1], "rank 2: the disk is full");
  EXPECT_EQ(causes().contains(2), false);
}

TEST_F(Watches, ExpectNothingOfThoseThatAreThrough) {
  const Watch::Seconds timeout(0.75);
  std::unique_ptr<Watch> all[] = {watch(0, timeout), watch(1, timeout),
                                  watch(2, timeout)};
  all[1]->tell_success();
  all[1].reset();
  wait(2);
  EXPECT_TRUE(causes().empty());
}

// The one that ends first may take the board with it.
TEST_F(Watches, PassOnForWhomTheyEnd) {
  std::unique_ptr<Watch> all[] = {watch(0, Watch::Seconds(6)),
                                  watch(1, Watch::Seconds(6)),
                                  watch(2, Watch::Seconds(6))};
  all[0]->end_for("rank 2: not heard of");
  EXPECT_EQ(causes()[0], "rank 2: not heard of");
  EXPECT_EQ(all[1]->cause(), "rank 2: not heard of");
}

/// One whose machine is stopped.
class HangingBoard : public Board {
 public:
  explicit HangingBoard(std::shared_ptr<std::mutex> mutex)
      : mutex_(std::move(mutex)) {}
  void write(const std::string&, const std::string&) override {}
  std::vector<std::string> read(const std::vector<std::string>& keys) override {
    const std::lock_guard lock(*mutex_);
    return std::vector<std::string>(keys.size(), "0");
  }

 private:
  std::shared_ptr<std::mutex> mutex_;
};

TEST(Watch, DoesNotWaitForABoardThatHangs) {
  const auto mutex = std::make_shared<std::mutex>();
  std::unique_lock lock(*mutex);
  const auto start = std::chrono::steady_clock::now();
  {
    Watch watch(std::make_unique<HangingBoard>(mutex), 1, 2,
                Watch::Seconds(0.5), "rank 0", [](const std::string&) {});
    expect_words(watch.cause(), "rank 0 has not answered for ");
    watch.tell_success();
  }
  const Watch::Seconds took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 10);
}

TEST(Processes, SumBroadcastAndAgree) {
  if (!has_gloo()) GTEST_SKIP() << "built without Gloo's headers";
  in_ranks(3, [](int64_t rank, Processes& processes) {
    auto& all = *processes.collective;
    EXPECT_EQ(all.rank(), rank);
    EXPECT_EQ(all.size(), 3);
    auto sums = torch::full({2, 3}, static_cast<double>(rank + 1)).t();
    all.sum(sums);
    EXPECT_TRUE(sums.eq(6).all().item<bool>());
    auto first = torch::full({2}, rank + 5, torch::kLong);
    all.broadcast(first);
    EXPECT_TRUE(first.eq(5).all().item<bool>());
    EXPECT_TRUE(all.any(rank == 2));
    EXPECT_FALSE(all.any(false));
    EXPECT_EQ(broadcast_text(all, rank == 0 ? "runs/ä" : ""), "runs/ä");
    EXPECT_EQ(broadcast_text(all, ""), "");
  });
}

// A world of one: what several GPUs would meet by.
TEST(Processes, MeetByNcclOnAGpu) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
  if (!has_nccl()) GTEST_SKIP() << "built without NCCL's headers";
  const auto meeting = meet(places_here(1).front(), torch::kCUDA,
                            Watch::Seconds(60), Watch::Seconds(30));
  auto& all = *meeting.collective;
  auto there = torch::full({2, 3}, 4., torch::kCUDA);
  all.sum(there);
  EXPECT_TRUE(there.eq(4).all().item<bool>());
  auto here = torch::full({2}, 5, torch::kLong);
  all.broadcast(here);
  EXPECT_TRUE(here.is_cpu() && here.eq(5).all().item<bool>());
  EXPECT_TRUE(all.any(true));
  auto weight = torch::ones({3}, torch::device(torch::kCUDA)).requires_grad_();
  const auto reduction = all.reduction({weight});
  for (int step = 0; step < 3; ++step) {
    weight.mutable_grad() = torch::Tensor();
    reduction->before_forward();
    const auto loss = (weight * 2).sum();
    reduction->before_backward(loss);
    loss.backward();
    EXPECT_TRUE(weight.grad().eq(2).all().item<bool>());
  }
}

// Its times are the machine's; that they hang together is ours.
TEST(Processes, TellWhatTheirGradientsTook) {
  if (!has_gloo()) GTEST_SKIP() << "built without Gloo's headers";
  in_ranks(2, [](int64_t, Processes& processes) {
    auto weight = torch::ones({1 << 20}).requires_grad_();
    const auto reduction = processes.collective->reduction({weight});
    for (int step = 0; step < 20; ++step) {
      reduction->before_forward();
      const auto loss = (weight * 2).sum();
      reduction->before_backward(loss);
      loss.backward();
      const auto times = reduction->times();
      ASSERT_TRUE(times);
      EXPECT_GT(times->all, 0);
      EXPECT_GE(times->exposed, 0);
      EXPECT_LE(times->exposed, times->all);
    }
  });
}

/// Small networks of each family.
std::vector<ModelOptions> small_networks(Kernels kernels) {
  return {
      ConvNetOptions{.filters = {4, 8}, .strides = {2, 1}, .kernels = kernels},
      ResNetOptions{.depths = {1, 1}, .widths = {4, 8}, .kernels = kernels},
      ResNetOptions{.depths = {1, 1},
                    .widths = {4, 8},
                    .bottleneck = true,
                    .shortcut = Shortcut::kB,
                    .kernels = kernels},
      DenseNetOptions{.block_config = {2, 2},
                      .growth_rate = 4,
                      .num_init_features = 8,
                      .kernels = kernels}};
}

/// In float64. freezes: its BatchNorms take their running statistics, so that
/// no part of it looks at other pictures.
std::shared_ptr<Classifier> network(const ModelOptions& options,
                                    const NamedTensors& weights, bool freezes) {
  auto model = make_model(options);
  model->to(torch::kDouble);
  if (!weights.empty()) copy_exactly(weights, *model);
  if (!freezes) return model;
  for (const auto& module : model->modules(/*include_self=*/false)) {
    if (auto* norm = module->as<torch::nn::BatchNorm2d>()) {
      norm->eval();
      norm->weight.requires_grad_(false);
      norm->bias.requires_grad_(false);
    }
  }
  return model;
}

struct Data {
  torch::Tensor images, labels;
  Data part(int64_t first, int64_t last) const {
    return {images.slice(0, first, last), labels.slice(0, first, last)};
  }
};
Data batch_of(int64_t step, int64_t pictures) {
  torch::manual_seed(static_cast<uint64_t>(step));
  // As fused operators take them.
  return {torch::randn({pictures, 3, 8, 8}, torch::kDouble)
              .contiguous(at::MemoryFormat::ChannelsLast),
          torch::randint(10, {pictures}, torch::kLong)};
}

// The last steps have a number of pictures that does not divide, and fewer than
// there are processes.
constexpr int64_t kPictures[] = {8, 8, 7, 8, 3};

/// Trains on the part of a rank.
NamedTensors trained(const ModelOptions& options, const NamedTensors& weights,
                     const std::vector<Data>& steps,
                     const std::shared_ptr<Collective>& collective,
                     int64_t parts, bool sync_bn) {
  const auto model = network(options, weights, /*freezes=*/!sync_bn);
  TrainOptions train;
  train.sync_bn = sync_bn;
  train.grad_accum_steps = parts;
  train.optimizer.lr = 0.1;
  Optimizer optimizer(train.optimizer, *model);
  TrainingStep step(*model, optimizer, train, collective);
  const int64_t rank = collective->rank(), size = collective->size();
  for (size_t at = 0; at < steps.size(); ++at) {
    optimizer.set_lr(0.1);
    const int64_t all = steps[at].images.size(0);
    const Data own = steps[at].part(all * rank / size, all * (rank + 1) / size);
    const bool is_few = all < 2 * size;
    if (parts == 1) {
      step(own.images, {own.labels}, is_few);
    } else {
      step.accumulate(own.images, {own.labels}, is_few);
    }
    const auto done = static_cast<int64_t>(at) + 1;
    const bool is_end = done % parts == 0 || at + 1 == steps.size();
    if (parts > 1 && is_end) step.update();
  }
  NamedTensors copies;
  for (const auto& [name, tensor] : state_dict(*model)) {
    copies.emplace_back(name, tensor.clone());
  }
  return copies;
}

void expect_near(const NamedTensors& found, const NamedTensors& wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const auto a = found[i].second.to(torch::kDouble);
    const auto b = wanted[i].second.to(torch::kDouble);
    EXPECT_LE((a - b).norm().item<double>(),
              1e-12 * std::max(b.norm().item<double>(), 1.))
        << found[i].first;
  }
}

class SeveralProcesses
    : public testing::TestWithParam<std::tuple<Kernels, int64_t, bool>> {};

TEST_P(SeveralProcesses, TrainAsOneOfAllTheirPictures) {
  if (!has_gloo()) GTEST_SKIP() << "built without Gloo's headers";
  const auto [kernels, parts, sync_bn] = GetParam();
  std::vector<Data> steps;
  for (const int64_t pictures : kPictures) {
    steps.push_back(batch_of(std::ssize(steps), pictures));
  }
  for (const auto& options : small_networks(kernels)) {
    SCOPED_TRACE(family_name(options));
    torch::manual_seed(1);
    const auto weights = state_dict(*network(options, {}, false));
    const auto alone =
        trained(options, weights, steps, single_process(), parts, sync_bn);
    // It has moved.
    EXPECT_FALSE(torch::allclose(alone[0].second, weights[0].second));
    for (const int64_t count : {2, 4}) {
      std::vector<NamedTensors> found(static_cast<size_t>(count));
      in_ranks(count, [&, parts = parts, sync_bn = sync_bn](
                          int64_t rank, Processes& processes) {
        found[static_cast<size_t>(rank)] = trained(
            options, weights, steps, processes.collective, parts, sync_bn);
      });
      expect_near(found.front(), alone);
      for (const auto& other : found) {
        ASSERT_EQ(other.size(), found.front().size());
        for (size_t i = 0; i < other.size(); ++i) {
          EXPECT_TRUE(torch::equal(other[i].second, found.front()[i].second))
              << other[i].first;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    KernelsPartsAndNorms, SeveralProcesses,
    testing::Combine(testing::Values(Kernels::kReference, Kernels::kFused),
                     testing::Values(1, 2), testing::Bool()));

}  // namespace
}  // namespace skipzoo

// Where an engine's results lie, and that it allocates nothing else.

#include "models/engine_memory.h"

#include <gtest/gtest.h>

#include <optional>

#include "models/engine.h"
#include "models/kernels/simd/processor.h"
#include "models/zoo.h"
#include "tests/support/allocations.h"
#include "tests/support/distance.h"
#include "tests/support/reference.h"

namespace skipzoo {
namespace {

using torch::Tensor;

/// A chain of results, each of which is read in the step behind it, and a first
/// one that is read to the end; returns the last.
Tensor run_chain(EngineMemory& memory, int64_t batch) {
  memory.begin_run(batch);
  Tensor first = memory({batch, 3, 2, 2}, torch::kFloat).fill_(7);
  std::optional<Tensor> view = first.narrow(1, 1, 2);
  first.reset();
  memory.end_step();
  Tensor last = memory({batch, 4, 5, 5}, torch::kFloat).fill_(0);
  memory.end_step();
  for (int step = 1; step < 5; ++step) {
    const auto next = memory({batch, 4, 5, 5}, torch::kFloat);
    EXPECT_NE(next.data_ptr(), last.data_ptr());
    next.copy_(last).add_(1);
    last = next;
    if (step == 4) {
      EXPECT_TRUE(view->eq(7).all().item<bool>());
      view.reset();
    }
    memory.end_step();
  }
  memory.end_run();
  return last;
}

TEST(EngineMemory, ResultsThatAreNeverThereTogetherShareTheirBytes) {
  EngineMemory memory;
  EXPECT_EQ(memory.bytes(), 0);
  const auto first = run_chain(memory, 2);
  // Two of the chain, in whole cache lines, and the view's; the chain's last is
  // kept by whoever asked for it.
  EXPECT_EQ(memory.bytes(), 2 * 832 + 128);
  const auto second = run_chain(memory, 2);
  const auto third = run_chain(memory, 2);
  for (const auto& result : {first, second, third}) {
    EXPECT_TRUE(result.eq(4).all().item<bool>());
    EXPECT_TRUE(result.is_contiguous(at::MemoryFormat::ChannelsLast));
  }
  EXPECT_NE(second.data_ptr(), third.data_ptr());
}

TEST(EngineMemory, IsLaidOutAnewForOtherBatchesAndAfterAFailure) {
  EngineMemory memory;
  run_chain(memory, 2);
  EXPECT_TRUE(run_chain(memory, 3).eq(4).all().item<bool>());
  EXPECT_EQ(memory.bytes(), 2 * 1216 + 192);
  memory.release();
  EXPECT_EQ(memory.bytes(), 0);
  memory.begin_run(3);
  memory({3, 1, 1, 1}, torch::kFloat);
  // No end: the next run does not take this for all there is.
  EXPECT_TRUE(run_chain(memory, 3).eq(4).all().item<bool>());
  EXPECT_EQ(memory.bytes(), 2 * 1216 + 192);
}

TEST(EngineMemory, WhatARunAsksForAndNoneDidIsAllocated) {
  EngineMemory memory;
  run_chain(memory, 2);
  memory.begin_run(2);
  const auto other = memory({2, 5, 2, 2}, torch::kFloat);
  const auto more = memory({2, 3, 2, 2}, torch::kFloat);
  EXPECT_EQ(other.sizes(), (std::vector<int64_t>{2, 5, 2, 2}));
  EXPECT_EQ(more.sizes(), (std::vector<int64_t>{2, 3, 2, 2}));
  const Allocations allocations;
  memory({2, 3, 2, 2}, torch::kDouble);
  EXPECT_EQ(allocations.count(), 1);
}

TEST(Engine, AllocatesTheLogitsAlone) {
  if (!has_avx2()) GTEST_SKIP() << "oneDNN allocates the results of its own";
  torch::manual_seed(5);
  for (const ModelOptions& options :
       {ModelOptions(ConvNetOptions{}), ModelOptions(ResNetOptions{})}) {
    const auto model = make_model(options);
    Engine engine(*model, Kernels::kFused);
    const auto images = torch::randn({1, 3, 32, 32});
    const auto logits = engine(images);
    const auto kept = logits.clone();
    engine(torch::randn({1, 3, 32, 32}));
    EXPECT_TRUE(logits.equal(kept));
    const Allocations allocations;
    EXPECT_TRUE(engine(images).equal(kept));
    EXPECT_EQ(allocations.count(), 1);
  }
}

}  // namespace
}  // namespace skipzoo

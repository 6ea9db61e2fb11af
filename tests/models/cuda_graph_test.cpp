// Work that is recorded as a CUDA graph. Skipped where there is no CUDA device.
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/torch.h>

#include "models/kernels/cuda/graph.h"

namespace skipzoo {
namespace {

class GraphOnCuda : public testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
    if (!CudaGraph::is_available(torch::kCUDA)) {
      GTEST_SKIP() << "this build has no graphs";
    }
    torch::manual_seed(0);
  }
  static torch::Tensor numbers() {
    return torch::randn({64, 64}, torch::kCUDA);
  }
};

/// x, then y = dropout(x x^T), which reads x again each time.
struct Dropped {
  void operator()() { y = torch::dropout(x.matmul(x.t()), 0.5, true); }
  torch::Tensor x, y;
};

TEST_F(GraphOnCuda, ReplaysOnWhatItsInputsHoldByThen) {
  Dropped work{numbers(), {}};
  CudaGraph graph(torch::kCUDA);
  graph.run([&] { work(); });
  EXPECT_FALSE(graph.is_recorded());
  graph.record([&] { work(); });
  EXPECT_TRUE(graph.is_recorded());
  for (int i = 0; i < 3; ++i) {
    work.x.copy_(numbers());
    graph.replay();
    const auto kept = work.y.ne(0);
    const auto expected = work.x.matmul(work.x.t()) * 2;
    EXPECT_TRUE(torch::allclose(work.y, expected * kept, 1e-4, 1e-3));
    EXPECT_NEAR(kept.to(torch::kDouble).mean().item<double>(), 0.5, 0.05);
  }
}

TEST_F(GraphOnCuda, DrawsTheRandomNumbersOfWorkThatRuns) {
  std::vector<torch::Tensor> drawn[2];
  for (const bool records : {false, true}) {
    torch::manual_seed(5);
    Dropped work{torch::ones({64, 64}, torch::kCUDA), {}};
    CudaGraph graph(torch::kCUDA);
    for (int i = 0; i < 5; ++i) {
      if (!records || i < 2) {
        graph.run([&] { work(); });
      } else {
        if (i == 2) graph.record([&] { work(); });
        graph.replay();
      }
      drawn[records].push_back(work.y.clone());
    }
    drawn[records].push_back(numbers());  // The generator stands alike.
  }
  for (size_t i = 0; i < drawn[0].size(); ++i) {
    EXPECT_TRUE(torch::equal(drawn[0][i], drawn[1][i])) << i;
  }
}

// Where the work asks the device for a value: with random numbers on both
// sides, for LibTorch's generator counts in another way while it is recorded.
TEST_F(GraphOnCuda, TheDeviceGoesOnAfterARecordingThatFailed) {
  Dropped work{numbers(), {}};
  CudaGraph graph(torch::kCUDA);
  graph.run([&] { work(); });
  EXPECT_THROW(graph.record([&] {
    work();
    work.y.sum().item<float>();
  }),
               c10::Error);
  EXPECT_FALSE(graph.is_recorded());
  work();
  EXPECT_TRUE(work.y.isfinite().all().item<bool>());
  graph.record([&] { work(); });
  graph.replay();
  EXPECT_TRUE(work.y.isfinite().all().item<bool>());
}

TEST(CudaGraph, IsNotForTheCpu) {
  EXPECT_FALSE(CudaGraph::is_available(torch::kCPU));
  EXPECT_THROW(CudaGraph{torch::kCPU}, c10::Error);
}

}  // namespace
}  // namespace skipzoo

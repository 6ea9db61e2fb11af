// The dense block by the kernels of models/kernels/cuda/: in an emulated grid,
// and, where there is one, on a GPU; against layers and concatenations of
// LibTorch's operators in float64.

#include "models/kernels/ops/cuda_dense_block.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <algorithm>

#include "models/densenet.h"
#include "models/kernels/cuda/graph.h"
#include "tests/models/cuda_emulation.h"
#include "tests/support/distance.h"
#include "tests/support/without_tf32.h"

namespace skipzoo {
namespace {

struct BlockCase {
  std::string name;
  std::vector<int64_t> shape;  ///< Of the input.
  int64_t layers = 3;
  DenseNetOptions options = {.growth_rate = 8};
  bool training = true;
  std::vector<size_t> frozen = {};  ///< Layers whose norms are in evaluation.
  std::string fixed = {};           ///< Ends of names without a gradient.
  bool input_gradient = true;
};

std::vector<BlockCase> block_cases() {
  const DenseNetOptions plain{.growth_rate = 8, .bn_size = 0};
  const DenseNetOptions fours{.growth_rate = 12, .bn_size = 1};
  return {{"usual", {2, 16, 6, 5}},
          {"odd_pixels", {3, 8, 5, 5}},
          {"halves_of_packs", {2, 24, 4, 5}, 4, fours},
          {"halves_first", {2, 4, 4, 3}, 2, fours},
          {"plain", {2, 16, 4, 4}, 3, plain},
          {"one_layer", {2, 8, 3, 3}, 1},
          {"many_pixels", {4, 16, 20, 21}, 2},
          {"many_channels", {2, 264, 3, 4}, 2, {.growth_rate = 32}},
          {"evaluation", {2, 16, 4, 4}, 3, {.growth_rate = 8}, false},
          {"some_frozen", {2, 16, 4, 4}, 3, {.growth_rate = 8}, true, {1}},
          {"convolutions_fixed",
           {2, 16, 4, 4},
           2,
           {.growth_rate = 8},
           true,
           {},
           "conv1.weight"},
          {"without_input_gradient",
           {2, 16, 4, 4},
           2,
           {.growth_rate = 8},
           true,
           {},
           "",
           false}};
}

using BlockWay =
    std::function<torch::Tensor(const torch::Tensor& x, DenseBlock& block)>;
using BlockOutcome = std::vector<std::pair<std::string, torch::Tensor>>;

std::vector<DenseLayerParts> parts_of(const DenseBlock& block) {
  std::vector<DenseLayerParts> parts;
  for (const auto& layer : block->layers) {
    parts.push_back({layer->norm1, layer->conv1, layer->norm2, layer->conv2});
  }
  return parts;
}

DenseBlock block_of(const BlockCase& c, Kernels kernels, at::ScalarType type) {
  auto options = c.options;
  options.kernels = kernels;
  DenseBlock block(c.shape[1], c.layers, options);
  {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : block->parameters()) {
      if (parameter.dim() == 1) parameter.uniform_(-1, 2);
    }
    for (auto& buffer : block->buffers()) {
      if (buffer.is_floating_point()) buffer.uniform_(0.5, 2);
    }
  }
  block->to(type);
  block->train(c.training);
  for (const size_t layer : c.frozen) {
    block->layers[layer]->norm1->eval();
    if (block->layers[layer]->norm2) block->layers[layer]->norm2->eval();
  }
  for (const auto& item : block->named_parameters()) {
    if (!c.fixed.empty() && item.key().ends_with(c.fixed)) {
      item.value().requires_grad_(false);
    }
  }
  return block;
}

BlockOutcome block_outcome(const BlockCase& c, Kernels kernels,
                           at::ScalarType type, torch::Device device,
                           const BlockWay& way) {
  torch::manual_seed(5);
  const auto random = [&](at::IntArrayRef shape, double mean) {
    return (torch::randn(shape, torch::kDouble) + mean)
        .to(device, type)
        .contiguous(at::MemoryFormat::ChannelsLast);
  };
  auto block = block_of(c, kernels, type);
  block->to(device);
  auto x = random(c.shape, 2).requires_grad_(c.input_gradient);
  const auto y = way(x, block);
  y.backward(random(y.sizes(), 0));
  BlockOutcome all{{"y", y.detach()}};
  if (c.input_gradient) all.emplace_back("dx", x.grad());
  for (const auto& item : block->named_parameters()) {
    all.emplace_back("d " + item.key(), item.value().grad());
  }
  for (const auto& item : block->named_buffers()) {
    all.emplace_back(item.key(), item.value());
  }
  return all;
}

BlockOutcome true_block(const BlockCase& c) {
  return block_outcome(c, Kernels::kReference, at::kDouble, torch::kCPU,
                       [](const auto& x, auto& block) { return block(x); });
}

void expect_true_block(const BlockOutcome& found, const BlockOutcome& truth,
                       double bound) {
  ASSERT_EQ(found.size(), truth.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const auto& [name, tensor] = found[i];
    const auto& expected = truth[i].second;
    ASSERT_EQ(tensor.defined(), expected.defined()) << name;
    if (!tensor.defined()) continue;
    ASSERT_EQ(tensor.sizes(), expected.sizes()) << name;
    const auto size =
        expected.to(torch::kDouble).norm().template item<double>();
    EXPECT_LE(distance(tensor.cpu(), expected), bound * std::max(size, 1.0))
        << name;
  }
}

class EmulatedDense : public testing::TestWithParam<BlockCase> {
 protected:
  static torch::Tensor by_emulation(const torch::Tensor& x, DenseBlock& block) {
    const auto parts = parts_of(block);
    const auto verdict = suits_cuda_dense_block(x, parts, {});
    EXPECT_TRUE(verdict) << verdict.words();
    return cuda_dense_block(emulated_kernels(), x, parts);
  }
};

TEST_P(EmulatedDense, InDoubleIsLayersAndConcatenations) {
  const auto& c = GetParam();
  expect_true_block(
      block_outcome(c, Kernels::kFused, at::kDouble, torch::kCPU, by_emulation),
      true_block(c), 1e-12);
}

TEST_P(EmulatedDense, InFloatIsLayersAndConcatenations) {
  const auto& c = GetParam();
  expect_true_block(
      block_outcome(c, Kernels::kFused, at::kFloat, torch::kCPU, by_emulation),
      true_block(c), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Kernels, EmulatedDense,
                         testing::ValuesIn(block_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(SuitsCudaDense, SaysWhyNot) {
  const auto words = [](std::vector<int64_t> shape, DenseNetOptions options,
                        double dropout = 0) {
    const auto x =
        torch::randn(shape).contiguous(at::MemoryFormat::ChannelsLast);
    DenseBlock block(shape[1], 2, options);
    return suits_cuda_dense_block(x, parts_of(block), {.rate = dropout})
        .words();
  };
  EXPECT_EQ(words({2, 16, 4, 4}, {.growth_rate = 8}),
            "channels in packs, or in halves of one");
  EXPECT_EQ(words({2, 16, 4, 4}, {.growth_rate = 6}),
            "6 of 28 channels, of which half a pack is 4");
  EXPECT_EQ(words({1, 16, 3, 3}, {.growth_rate = 12}),
            "an odd number of pixels, of 12 channels");
  EXPECT_EQ(words({2, 16, 4, 4}, {.growth_rate = 8}, 0.1), "dropout");
}

TEST(EmulatedDense, WritesNoMaskWhereNobodyAsksForAGradient) {
  const torch::NoGradGuard no_grad;
  const BlockCase c{"", {2, 16, 4, 4}};
  auto block = block_of(c, Kernels::kFused, at::kFloat);
  const auto x =
      torch::randn(c.shape).contiguous(at::MemoryFormat::ChannelsLast);
  const auto y = cuda_dense_block(emulated_kernels(), x, parts_of(block));
  EXPECT_FALSE(y.requires_grad());
  EXPECT_TRUE(torch::equal(y.narrow(1, 0, 16), x));
}

class DenseBlockCuda : public testing::TestWithParam<BlockCase> {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
  }
  static torch::Tensor on_device(const torch::Tensor& x, DenseBlock& block) {
    auto y = block(x);
    EXPECT_NE(y.grad_fn()->name().find("CudaDense"), std::string::npos);
    return y;
  }

  WithoutTf32 without_tf32_;
};

TEST_P(DenseBlockCuda, IsLayersAndConcatenations) {
  const auto& c = GetParam();
  const auto truth = true_block(c);
  expect_true_block(
      block_outcome(c, Kernels::kFused, at::kDouble, torch::kCUDA, on_device),
      truth, 1e-12);
  expect_true_block(
      block_outcome(c, Kernels::kFused, at::kFloat, torch::kCUDA, on_device),
      truth, 1e-4);
}

TEST_P(DenseBlockCuda, IsRecordedByAGraph) {
  const auto& c = GetParam();
  auto block = block_of(c, Kernels::kFused, at::kFloat);
  block->to(torch::kCUDA);
  const auto images = [&] {
    return torch::randn(c.shape, torch::kCUDA)
        .contiguous(at::MemoryFormat::ChannelsLast);
  };
  auto x = images();
  torch::Tensor y;
  const auto work = [&] {
    for (auto& parameter : block->parameters()) {
      if (parameter.grad().defined()) parameter.mutable_grad().zero_();
    }
    y = block(x);
    y.square().sum().backward();
  };
  CudaGraph graph(torch::kCUDA);
  for (int step = 0; step < 2; ++step) graph.run(work);
  graph.record(work);
  x.copy_(images());
  graph.replay();
  const auto recorded = y.clone();
  const auto gradient = block->layers[0]->norm1->weight.grad().clone();
  work();
  EXPECT_LE(distance(recorded.cpu(), y.cpu()), 1e-6 * y.norm().item<double>());
  EXPECT_LE(
      distance(gradient.cpu(), block->layers[0]->norm1->weight.grad().cpu()),
      1e-5 * gradient.norm().item<double>());
}

/// The most memory that a step over a block holds, in bytes.
int64_t peak_of_block(Kernels kernels) {
  const BlockCase c{
      .name = "", .shape = {16, 64, 28, 28}, .layers = 12, .options = {}};
  auto block = block_of(c, kernels, at::kFloat);
  block->to(torch::kCUDA);
  const auto x = torch::randn(c.shape, torch::kCUDA)
                     .contiguous(at::MemoryFormat::ChannelsLast)
                     .requires_grad_();
  auto* allocator = c10::getDeviceAllocator(torch::kCUDA);
  const auto step = [&] { block(x).square().sum().backward(); };
  step();  // Workspaces and gradients.
  torch::cuda::synchronize();
  allocator->resetPeakStats(0);
  const auto before = allocator->getDeviceStats(0).allocated_bytes[0].current;
  step();
  return allocator->getDeviceStats(0).allocated_bytes[0].peak - before;
}

TEST(DenseMemoryCuda, IsLinearInDepth) {
  if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
  EXPECT_LT(static_cast<double>(peak_of_block(Kernels::kFused)),
            0.5 * static_cast<double>(peak_of_block(Kernels::kReference)));
}

INSTANTIATE_TEST_SUITE_P(Kernels, DenseBlockCuda,
                         testing::ValuesIn(block_cases()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace skipzoo

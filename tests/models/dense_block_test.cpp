// The dense block that normalises once, against layers and concatenations.

#include "models/kernels/ops/dense_block.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "models/densenet.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

struct Case {
  std::string name;
  std::vector<int64_t> shape;  ///< Of the input.
  int64_t layers = 3;
  DenseNetOptions options = {.growth_rate = 12};
  bool training = true;
  /// Norms of these layers are in evaluation, whatever the block is in.
  std::vector<size_t> frozen = {};
  /// Parameters that take no gradient, by the end of their names.
  std::string fixed = {};
  bool input_gradient = true;

  /// Whether some of its many values are so near zero that float's rounding
  /// moves them across, where a ReLU takes or leaves a whole gradient. In
  /// many_tiles_plain one does with some of the orders in which LibTorch sums:
  /// the reference's gradients move by 1e-4 of their norm from one environment
  /// to another, and the fused block's stay bit-equal. In double none does.
  bool has_jumps() const { return name.find("tiles") != std::string::npos; }
};

std::vector<Case> cases() {
  DenseNetOptions plain{.growth_rate = 5, .bn_size = 0};
  DenseNetOptions odd{.growth_rate = 7, .bn_size = 3};
  DenseNetOptions odd_tiles{.growth_rate = 9, .bn_size = 3};
  DenseNetOptions plain_tiles{.growth_rate = 11, .bn_size = 0};
  DenseNetOptions dropping{.growth_rate = 12, .drop_rate = 0.3};
  auto dropping_inside = dropping;
  dropping_inside.drop_after = DropAfter::kConvolutions;
  return {
      {"usual", {2, 24, 8, 8}},
      {"odd_sizes", {3, 13, 5, 7}, 4, odd},
      {"one_image", {1, 16, 9, 3}},
      {"one_channel", {2, 1, 6, 5}, 2, {.growth_rate = 1, .bn_size = 1}},
      {"one_pixel_an_image", {5, 40, 1, 1}},
      {"one_row", {3, 8, 1, 17}, 2},
      {"many_channels", {2, 150, 4, 4}, 3, {.growth_rate = 32}},
      {"many_pixels", {2, 16, 40, 33}, 2},
      // Enough for Winograd's algorithm, which takes strips of tiles.
      {"many_tiles", {4, 24, 33, 30}, 3},
      {"many_tiles_odd", {3, 13, 45, 39}, 2, odd_tiles},
      {"many_tiles_one_image", {1, 16, 50, 49}, 2, {.growth_rate = 40}},
      {"some_tiles", {1, 24, 30, 25}, 2},
      {"many_tiles_evaluation", {4, 24, 33, 30}, 2, odd_tiles, false},
      {"many_tiles_plain", {2, 9, 40, 37}, 3, plain_tiles},
      {"plain", {2, 9, 8, 7}, 3, plain},
      {"dropout", {2, 24, 8, 8}, 3, dropping},
      {"plain_dropout",
       {2, 8, 6, 6},
       2,
       {.growth_rate = 5, .bn_size = 0, .drop_rate = 0.3}},
      {"dropout_inside", {2, 24, 8, 8}, 3, dropping_inside},
      {"dropout_inside_frozen", {2, 24, 8, 8}, 3, dropping_inside, true, {1}},
      {"evaluation", {2, 24, 8, 8}, 3, odd, false},
      {"some_norms_frozen", {2, 24, 8, 8}, 3, odd, true, {1}},
      {"all_norms_frozen", {2, 24, 8, 8}, 3, odd, true, {0, 1, 2}},
      {"plain_frozen", {2, 9, 8, 7}, 3, plain, true, {0, 2}},
      {"convolutions_fixed", {2, 24, 8, 8}, 3, odd, true, {}, "conv1.weight"},
      {"without_input_gradient", {2, 24, 8, 8}, 3, odd, true, {}, "", false},
  };
}

/// Everything that one way of computing gives.
struct Outcome {
  std::vector<std::pair<std::string, torch::Tensor>> tensors;
};

/// data: of what type the numbers are; compute: in what type they are used;
/// bfloat16 is used as autocast uses it, beside parameters of float.
Outcome run(const Case& c, Kernels kernels, at::ScalarType data,
            at::ScalarType compute) {
  torch::manual_seed(5);
  auto options = c.options;
  options.kernels = kernels;
  DenseBlock block(c.shape[1], c.layers, options);
  const auto parameters = compute == at::kDouble ? at::kDouble : at::kFloat;
  {
    const torch::NoGradGuard no_grad;
    for (auto& parameter : block->parameters()) {
      if (parameter.dim() == 1) {
        parameter.uniform_(-1, 2);
      } else {
        parameter.copy_(parameter.to(data));
      }
    }
    for (auto& buffer : block->buffers()) {
      if (buffer.is_floating_point()) buffer.uniform_(0.5, 2);
    }
  }
  block->to(parameters);
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
  // Away from zero: the squares of a variance must not cancel.
  auto x = (torch::randn(c.shape, torch::kDouble) + 2)
               .to(data)
               .to(compute)
               .contiguous(at::MemoryFormat::ChannelsLast)
               .requires_grad_(c.input_gradient);
  torch::manual_seed(6);  // Dropout's.
  at::autocast::set_autocast_enabled(at::kCPU, compute == at::kBFloat16);
  const auto y = block(x);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(y.grad_fn()->name().find("DenseBlock") != std::string::npos,
            kernels == Kernels::kFused);
  torch::manual_seed(7);
  const auto weights =
      torch::randn(y.sizes(), torch::kDouble).to(data).to(compute);
  (y * weights).sum().backward();
  Outcome outcome{{{"y", y}}};
  if (c.input_gradient) outcome.tensors.emplace_back("dx", x.grad());
  for (const auto& item : block->named_parameters()) {
    outcome.tensors.emplace_back("d " + item.key(), item.value().grad());
  }
  for (const auto& item : block->named_buffers()) {
    outcome.tensors.emplace_back(item.key(), item.value());
  }
  return outcome;
}

double scale_of(const torch::Tensor& x) {
  return std::max(x.to(torch::kDouble).norm().item<double>(), 1.0);
}

class DenseBlockKernel : public testing::TestWithParam<Case> {};

void expect_equal(const Case& c, at::ScalarType type, double bound) {
  const auto fused = run(c, Kernels::kFused, type, type);
  const auto reference = run(c, Kernels::kReference, type, type);
  ASSERT_EQ(fused.tensors.size(), reference.tensors.size());
  for (size_t i = 0; i < fused.tensors.size(); ++i) {
    const auto& [name, found] = fused.tensors[i];
    const auto& expected = reference.tensors[i].second;
    ASSERT_EQ(found.defined(), expected.defined()) << name;
    if (!found.defined()) continue;
    ASSERT_EQ(found.sizes(), expected.sizes()) << name;
    EXPECT_EQ(found.scalar_type(), expected.scalar_type()) << name;
    const bool may_jump = type == at::kFloat && c.has_jumps() &&
                          (name == "dx" || name.starts_with("d "));
    EXPECT_LE(distance(found, expected),
              (may_jump ? 1e-3 : bound) * scale_of(expected))
        << name;
  }
}

TEST_P(DenseBlockKernel, InDoubleEqualsTheReference) {
  expect_equal(GetParam(), at::kDouble, 1e-12);
}

TEST_P(DenseBlockKernel, InFloatEqualsTheReference) {
  expect_equal(GetParam(), at::kFloat, 1e-5);
}

// Rounding moves pixels across zero in either: none is to be further from the
// truth than the reference under autocast.
TEST_P(DenseBlockKernel, InBfloat16IsAsNearAsAutocast) {
  const Case& c = GetParam();
  const auto fused = run(c, Kernels::kFused, at::kBFloat16, at::kBFloat16);
  const auto cast = run(c, Kernels::kReference, at::kBFloat16, at::kBFloat16);
  const auto exact = run(c, Kernels::kReference, at::kBFloat16, at::kDouble);
  for (size_t i = 0; i < fused.tensors.size(); ++i) {
    const auto& [name, found] = fused.tensors[i];
    if (!found.defined()) continue;
    const auto& truth = exact.tensors[i].second;
    EXPECT_EQ(found.scalar_type(), cast.tensors[i].second.scalar_type())
        << name;
    EXPECT_LE(
        distance(found, truth),
        1.2 * distance(cast.tensors[i].second, truth) + 5e-3 * scale_of(truth))
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, DenseBlockKernel, testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param.name; });

TEST(DenseBlockKernel, IsTheSameEveryTimeForTheSameNumberOfThreads) {
  const Case c{"many_pixels", {4, 16, 40, 33}, 2};
  const auto one = run(c, Kernels::kFused, at::kFloat, at::kFloat);
  const auto two = run(c, Kernels::kFused, at::kFloat, at::kFloat);
  for (size_t i = 0; i < one.tensors.size(); ++i) {
    EXPECT_TRUE(torch::equal(one.tensors[i].second, two.tensors[i].second))
        << one.tensors[i].first;
  }
}

TEST(DenseBlockKernel, GivesTheSameForAnyNumberOfThreads) {
  const Case c{"many_pixels", {4, 16, 40, 33}, 2};
  const int threads = at::get_num_threads();
  const auto one = run(c, Kernels::kFused, at::kDouble, at::kDouble);
  at::set_num_threads(5);
  const auto five = run(c, Kernels::kFused, at::kDouble, at::kDouble);
  at::set_num_threads(threads);
  for (size_t i = 0; i < one.tensors.size(); ++i) {
    EXPECT_LE(distance(one.tensors[i].second, five.tensors[i].second),
              1e-12 * scale_of(one.tensors[i].second))
        << one.tensors[i].first;
  }
}

TEST(DenseBlockKernel, LeavesOtherLayoutsAndTracesToTheReference) {
  DenseBlock block(/*in=*/8, /*layers=*/2, DenseNetOptions{});
  const auto x = torch::randn({2, 8, 6, 6});
  EXPECT_EQ(block(x).grad_fn()->name().find("DenseBlock"), std::string::npos);
  const ReferenceOnly reference_only;
  EXPECT_EQ(block(x.contiguous(at::MemoryFormat::ChannelsLast))
                .grad_fn()
                ->name()
                .find("DenseBlock"),
            std::string::npos);
}

}  // namespace
}  // namespace skipzoo

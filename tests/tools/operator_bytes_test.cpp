#include "tools/train/operator_bytes.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <functional>

namespace skipzoo {
namespace {

double bytes_of_call(const std::function<void()>& call) {
  const OperatorBytes moved;
  call();
  return moved.bytes();
}

TEST(OperatorBytes, AreReadAndWrittenOnceEach) {
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 3, 4, 5});
  const double one = 4.0 * 2 * 3 * 4 * 5;
  auto y = x.clone();
  EXPECT_EQ(bytes_of_call([&] { torch::relu(x); }), 2 * one);
  EXPECT_EQ(bytes_of_call([&] { y.relu_(); }), 2 * one);
  EXPECT_EQ(bytes_of_call([&] { y.add_(x); }), 3 * one);
  EXPECT_EQ(bytes_of_call([&] { y.copy_(x); }), 2 * one);
  EXPECT_EQ(bytes_of_call([&] { y.zero_(); }), one);
  EXPECT_EQ(bytes_of_call([&] { torch::add_out(y, x, x); }), 3 * one);
  EXPECT_EQ(bytes_of_call([&] { torch::cat({x, x}, 1); }), 4 * one);
}

TEST(OperatorBytes, OfViewsAndEmptyMemoryAreNone) {
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 3, 4, 5});
  EXPECT_EQ(bytes_of_call([&] {
              x.narrow(1, 0, 2).unsqueeze(0).permute({0, 2, 1, 3, 4});
              x.contiguous().flatten(1).t();
              torch::empty_like(x);
              torch::dropout(x, 0.5, /*train=*/false);
            }),
            0);
  const double one = 4.0 * 2 * 3 * 4 * 5;
  // A part of it, a type of half the size, another layout.
  EXPECT_EQ(bytes_of_call([&] { torch::relu(x.narrow(1, 0, 1)); }),
            2 * one / 3);
  EXPECT_EQ(bytes_of_call([&] { x.to(torch::kBFloat16); }), 1.5 * one);
  EXPECT_EQ(bytes_of_call(
                [&] { (void)x.contiguous(at::MemoryFormat::ChannelsLast); }),
            2 * one);
  // What is repeated is read once.
  const auto scale = torch::ones({1, 3, 1, 1});
  EXPECT_EQ(bytes_of_call([&] { x* scale; }), 2 * one + 12);
  EXPECT_EQ(bytes_of_call([&] {
              x* scale.expand({2, 3, 4, 5});
            }),
            2 * one + 12);
}

TEST(OperatorBytes, OfOneMadeOfOthersAreNotCountedTwice) {
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({2, 3, 8, 8}), w = torch::randn({4, 3, 1, 1});
  const double numbers = 2 * 3 * 64 + 4 * 3 + 2 * 4 * 64;
  EXPECT_EQ(bytes_of_call([&] { torch::conv2d(x, w); }), 4 * numbers);
}

TEST(OperatorBytes, OfABackwardPassAreCountedToo) {
  const auto x = torch::randn({16, 16}).requires_grad_();
  torch::Tensor loss;
  const double forward = bytes_of_call([&] { loss = torch::relu(x).sum(); });
  const double backward = bytes_of_call([&] { loss.backward(); });
  EXPECT_GE(forward, 3 * 4.0 * 256);
  // The gradient, of one number repeated, where the result was positive.
  EXPECT_GE(backward, 2 * 4.0 * 256);
  EXPECT_LE(backward, 6 * 4.0 * 256);
}

}  // namespace
}  // namespace skipzoo

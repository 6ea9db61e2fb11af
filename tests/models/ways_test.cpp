#include "models/kernels/cuda/ways.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <chrono>
#include <limits>
#include <memory>
#include <thread>

namespace skipzoo {
namespace {

using Way = Ways::Way;

Way slow(Way way) {
  return [way](const torch::Tensor& x, const torch::Tensor& z) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    return way(x, z);
  };
}

torch::Tensor doubled(const torch::Tensor& x, const torch::Tensor&) {
  return 2 * x;
}

int64_t chosen_of(std::vector<Way> ways) {
  Ways all(std::move(ways), [] {});
  const auto x = torch::randn({4, 8});
  EXPECT_EQ(all.chosen(4), -1);
  EXPECT_TRUE(all(x, {}).allclose(2 * x));
  EXPECT_EQ(all.chosen(4), -1) << "it may never come again";
  EXPECT_TRUE(all(x, {}).allclose(2 * x));
  EXPECT_TRUE(all(x, {}).allclose(2 * x));
  return all.chosen(4);
}

TEST(Ways, TakeTheFastest) {
  EXPECT_EQ(chosen_of({slow(doubled), doubled}), 1);
  EXPECT_EQ(chosen_of({doubled, slow(doubled)}), 0);
  EXPECT_EQ(chosen_of({slow(doubled), slow(doubled), doubled}), 2);
}

TEST(Ways, AreNotChosenByAClockWhereRunsAreToBeAlike) {
  auto& context = at::globalContext();
  const bool before = context.deterministicCuDNN();
  context.setDeterministicCuDNN(true);
  EXPECT_EQ(chosen_of({slow(doubled), doubled}), -1);
  context.setDeterministicCuDNN(before);
}

TEST(Ways, LeaveOutWhatIsNotThere) {
  const Way none = [](const torch::Tensor&, const torch::Tensor&) {
    TORCH_CHECK(false, "no kernel");
    return torch::Tensor();
  };
  EXPECT_EQ(chosen_of({slow(doubled), none}), 0);
  EXPECT_EQ(chosen_of({slow(doubled), none, doubled}), 2);
}

TEST(Ways, LeaveOutWhatIsWrong) {
  const Way other = [](const torch::Tensor& x, const torch::Tensor&) {
    return 2.1 * x;
  };
  const Way of_another_shape = [](const torch::Tensor& x,
                                  const torch::Tensor&) {
    return (2 * x).narrow(0, 0, 1);
  };
  const Way no_number = [](const torch::Tensor& x, const torch::Tensor&) {
    auto y = 2 * x;
    y[0][0] = std::numeric_limits<double>::quiet_NaN();
    return y;
  };
  for (const auto& wrong : {other, of_another_shape, no_number}) {
    EXPECT_EQ(chosen_of({slow(doubled), wrong}), 0);
  }
}

TEST(Ways, TakeOneForEachBatchSize) {
  const Way fast_if_small = [](const torch::Tensor& x, const torch::Tensor& z) {
    return x.size(0) < 10 ? doubled(x, z) : slow(doubled)(x, z);
  };
  const Way fast_if_large = [](const torch::Tensor& x, const torch::Tensor& z) {
    return x.size(0) < 10 ? slow(doubled)(x, z) : doubled(x, z);
  };
  Ways ways({fast_if_small, fast_if_large}, [] {});
  for (const int64_t batch : {2, 20, 2, 20, 0}) {
    const auto x = torch::randn({batch, 3});
    EXPECT_TRUE(ways(x, {}).allclose(2 * x));
  }
  EXPECT_EQ(ways.chosen(2), 0);
  EXPECT_EQ(ways.chosen(20), 1);
  EXPECT_EQ(ways.chosen(0), -1) << "nothing to measure";
}

TEST(Ways, TakeWhatOthersFound) {
  const auto search = std::make_shared<Search>();
  int waits = 0;
  const auto wait = [&] { ++waits; };
  const auto x = torch::ones({3, 2});
  Ways first({slow(doubled), doubled}, wait, "doubled", search);
  for (int call = 0; call < 2; ++call) first(x, {});
  EXPECT_GT(waits, 0);
  EXPECT_LT(search->seconds_left, Search().seconds_left);
  waits = 0;
  Ways same({slow(doubled), doubled}, wait, "doubled", search);
  EXPECT_TRUE(same(x, {}).equal(2 * x));
  EXPECT_EQ(same.chosen(3), 1);
  EXPECT_EQ(waits, 0);
  // Of another size, of another name: not the same.
  for (int call = 0; call < 2; ++call) same(torch::ones({2, 4}), {});
  EXPECT_GT(waits, 0);
  waits = 0;
  Ways other({doubled, slow(doubled)}, wait, "tripled", search);
  for (int call = 0; call < 2; ++call) other(x, {});
  EXPECT_GT(waits, 0);
  EXPECT_EQ(other.chosen(3), 0);
}

TEST(Ways, WaitForTheDeviceBeforeAndAfterTheyAreTimed) {
  int waits = 0;
  Ways ways({doubled, doubled}, [&] { ++waits; });
  const auto x = torch::ones({1, 1});
  ways(x, {});
  EXPECT_EQ(waits, 0);
  ways(x, {});
  EXPECT_GE(waits, 4);
  const int before = waits;
  ways(x, {});
  EXPECT_EQ(waits, before) << "that cannot be recorded";
}

}  // namespace
}  // namespace skipzoo

#include "tools/distribute/scaling.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace skipzoo {
namespace {

constexpr Link kLink{.bytes_per_s = 1e9, .latency_s = 1e-4};

TEST(Scaling, KnowsRingsAndTrees) {
  // Two processes: each sends a half, and a half back.
  EXPECT_NEAR(all_reduce_seconds(AllReduce::kRing, 1e8, 2, kLink),
              2 * (1e-4 + 0.05), 1e-12);
  EXPECT_NEAR(all_reduce_seconds(AllReduce::kRing, 1e8, 1000, kLink),
              2 * 999 * (1e-4 + 1e-4), 1e-12);
  // 1,000 are ten levels.
  EXPECT_NEAR(all_reduce_seconds(AllReduce::kTree, 1e8, 1000, kLink),
              2 * (10 * 1e-4 + 0.1), 1e-12);
  EXPECT_NEAR(all_reduce_seconds(AllReduce::kTree, 1e8, 1024, kLink),
              2 * (10 * 1e-4 + 0.1), 1e-12);
  EXPECT_EQ(all_reduce_seconds(AllReduce::kTree, 1e8, 1, kLink), 0);
}

TEST(Scaling, ABucketIsThereWithTheLastOfItsGradients) {
  const std::vector<Gradient> gradients = {{1, 0.1}, {1, 0.2}, {5, 0.3},
                                           {5, 0.4}, {1, 0.5}, {9, 0.6}};
  const auto buckets = buckets_of(gradients, 2, 10);
  ASSERT_EQ(buckets.size(), 3u);
  for (const auto& [i, bytes, there] :
       {std::tuple(0u, 2., 0.2), {1u, 10., 0.4}, {2u, 10., 0.6}}) {
    EXPECT_EQ(buckets[i].bytes, bytes);
    EXPECT_EQ(buckets[i].there_s, there);
  }
  const auto one = buckets_of(gradients, 100, 10);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].bytes, 22);
}

TEST(Scaling, WhatTheBackwardPassHidesCostsNothing) {
  StepAlone alone{.forward_s = 1, .backward_s = 2, .update_s = 0.1};
  alone.buckets = {{5e7, 1}, {5e7, 2}};
  // 50 ms each, and the second begins when the backward pass ends.
  const auto two = scaled(alone, 2, kLink);
  const double each = all_reduce_seconds(AllReduce::kRing, 5e7, 2, kLink);
  EXPECT_NEAR(two.reduction, 2 * each, 1e-12);
  EXPECT_NEAR(two.exposed, each, 1e-12);
  EXPECT_NEAR(two.seconds, 3.1 + each, 1e-12);
  EXPECT_NEAR(two.efficiency, 3.1 / (3.1 + each), 1e-12);
  // A slow network: the second waits for the first.
  const Link slow{.bytes_per_s = 1e7, .latency_s = 0};
  const auto late = scaled(alone, 2, slow);
  EXPECT_NEAR(late.exposed, 1 + 5 + 5 - 2, 1e-12);
  const auto one = scaled(alone, 1, kLink);
  EXPECT_EQ(one.seconds, 3.1);
  EXPECT_EQ(one.efficiency, 1);
}

}  // namespace
}  // namespace skipzoo

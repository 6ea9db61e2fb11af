#include "models/kernels/blocking/share_out.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace skipzoo {
namespace {

TEST(ShareOut, DoesEveryPartOnceAndEachWorkerOneAtATime) {
  const int64_t threads = at::get_num_threads();
  for (const int64_t count : {0, 1, 2, 3, 7, 1000}) {
    std::vector<std::atomic<int>> done(static_cast<size_t>(count));
    std::vector<std::atomic<int>> busy(static_cast<size_t>(threads));
    share_out(count, [&](int64_t worker, int64_t i) {
      EXPECT_EQ(busy.at(static_cast<size_t>(worker))++, 0);
      done.at(static_cast<size_t>(i))++;
      busy.at(static_cast<size_t>(worker))--;
    });
    for (const auto& times : done) EXPECT_EQ(times, 1) << count;
  }
}

TEST(ShareOut, GivesTheFasterWhatTheSlowerHasNotBegun) {
  if (at::get_num_threads() < 2) GTEST_SKIP() << "one thread";
  // The first worker's first part ends when all others are done.
  constexpr int64_t kCount = 64;
  constexpr std::chrono::seconds kLongest(10);
  std::atomic<int64_t> done = 0, before_first = 0;
  share_out(kCount, [&](int64_t, int64_t i) {
    const auto start = std::chrono::steady_clock::now();
    while (i == 0 && done < kCount - 1 &&
           std::chrono::steady_clock::now() - start < kLongest) {
    }
    if (i == 0) before_first = done.load();
    ++done;
  });
  EXPECT_EQ(before_first, kCount - 1);
  EXPECT_EQ(done, kCount);
}

}  // namespace
}  // namespace skipzoo

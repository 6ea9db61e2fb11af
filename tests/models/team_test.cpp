// Threads that stay awake from loop to loop.

#include "models/kernels/blocking/team.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "models/kernels/blocking/share_out.h"

namespace skipzoo {
namespace {

class TeamOf : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { at::set_num_threads(GetParam()); }
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  int threads_ = at::get_num_threads();
};

TEST_P(TeamOf, DoesEachPartOfEachLoopOnceAndInOrder) {
  // Each loop reads what the one before has written, on whatever thread.
  constexpr int64_t kParts = 37, kLoops = 3000;
  std::vector<int64_t> one(kParts, 0), two(kParts, 0);
  Team::run([&] {
    for (int64_t loop = 0; loop < kLoops; ++loop) {
      share_out(kParts, [&](int64_t worker, int64_t i) {
        EXPECT_LT(worker, GetParam());
        const auto at = static_cast<size_t>(i);
        two[at] = one[(at + 1) % kParts] + 1;
      });
      std::swap(one, two);
    }
  });
  EXPECT_EQ(one, std::vector<int64_t>(kParts, kLoops));
}

TEST_P(TeamOf, GivesAWorkerToOneThreadAtATime) {
  std::vector<std::atomic<int>> inside(static_cast<size_t>(GetParam()));
  Team::run([&] {
    for (int loop = 0; loop < 200; ++loop) {
      share_out(64, [&](int64_t worker, int64_t) {
        auto& here = inside[static_cast<size_t>(worker)];
        EXPECT_EQ(here.fetch_add(1), 0);
        here.fetch_sub(1);
      });
    }
  });
}

TEST_P(TeamOf, ThrowsWhatALoopThrowsAndEnds) {
  const auto fails = [&](int64_t part) {
    Team::run([&] {
      share_out(16, [&](int64_t, int64_t i) {
        if (i == part) throw std::runtime_error("part");
      });
    });
  };
  for (int64_t part = 0; part < 16; ++part) {
    EXPECT_THROW(fails(part), std::runtime_error);
  }
  EXPECT_EQ(Team::current(), nullptr);
  EXPECT_THROW(Team::run([] { throw std::logic_error("body"); }),
               std::logic_error);
  EXPECT_EQ(Team::current(), nullptr);
}

TEST_P(TeamOf, IsAloneWithinAnotherLoop) {
  std::atomic<int64_t> sum = 0;
  at::parallel_for(0, 4, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      Team::run([&] { share_out(10, [&](int64_t, int64_t) { ++sum; }); });
    }
  });
  EXPECT_EQ(sum, 40);
}

TEST_P(TeamOf, RunsLoopsWithinItsLoopsByThemselves) {
  std::atomic<int64_t> sum = 0;
  Team::run([&] {
    EXPECT_NE(Team::current(), nullptr);
    share_out(8, [&](int64_t, int64_t) {
      // One worker is none of a team's.
      EXPECT_TRUE(GetParam() == 1 || Team::current() == nullptr);
      share_out(5, [&](int64_t, int64_t) { ++sum; });
    });
    EXPECT_NE(Team::current(), nullptr);
  });
  EXPECT_EQ(sum, 40);
}

INSTANTIATE_TEST_SUITE_P(Threads, TeamOf, testing::Values(1, 2, 4, 7));

TEST(ShareOutRanges, CoversEachElementOnce) {
  for (const int64_t count : {0, 1, 7, 8, 9}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
    share_out_ranges(count, 4, [&](int64_t first, int64_t last) {
      EXPECT_LE(last - first, 4);
      for (int64_t i = first; i < last; ++i) ++seen[static_cast<size_t>(i)];
    });
    for (const auto& times : seen) EXPECT_EQ(times, 1);
  }
}

}  // namespace
}  // namespace skipzoo

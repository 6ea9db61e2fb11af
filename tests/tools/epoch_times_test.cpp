// How long an epoch waited for its pictures, and a run whose pictures grow.

#include <gtest/gtest.h>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"

namespace skipzoo {
namespace {

TEST(EpochTimes, TheShareOfWaitingIsOfTheTraining) {
  EXPECT_EQ((EpochTimes{.training = 12, .waiting = 0.3}.waiting_share()), 2.5);
  EXPECT_EQ((EpochTimes{.training = 0.5, .waiting = 0.5}.waiting_share()), 100);
  EXPECT_EQ(EpochTimes{}.waiting_share(), 0);
}

TEST(EpochTimes, AreToldBesideANewSize) {
  EXPECT_EQ(epoch_remark({.training = 12, .waiting = 0.3}, 0),
            "  Data: 0.30 s (2.5 %)");
  EXPECT_EQ(epoch_remark({.training = 1000, .waiting = 123.456}, 160),
            "  Data: 123.46 s (12.3 %)  Size: 160");
  EXPECT_EQ(epoch_remark({}, 0), "  Data: 0.00 s (0.0 %)");
}

Settings growing_run(int64_t workers) {
  auto s = small_run();
  s.data.progressive_resizing = {.min_res = 6,
                                 .max_res = 10,
                                 .start_ramp = 0,
                                 .end_ramp = 2,
                                 .multiple = 2};
  s.data.repeats = 3;
  s.data.workers = workers;
  return s;
}

TEST(EpochTimes, AreWrittenOfEachEpoch) {
  TemporaryFolder folder;
  run(growing_run(0), folder / "run");
  for (const auto& row : read_csv(folder / "run" / "summary.csv")) {
    EXPECT_GT(row.data_time, 0);  // It prepares them itself.
    EXPECT_LT(row.data_time, row.seconds);
  }
}

TEST(GrowingRun, ResumesBitForBitFromWithinAnEpochAndAtItsBorder) {
  TemporaryFolder folder;
  run(growing_run(0), folder / "whole");
  // Seven batches an epoch: within the second and at the end of it.
  for (const int steps : {10, 14}) {
    const auto parts = folder / std::to_string(steps);
    run(growing_run(1), parts, stop_after(steps));
    run(growing_run(4), parts);
    expect_same_run(folder / "whole", parts);
  }
  auto fixed = growing_run(0);
  fixed.data.progressive_resizing = {};
  run(fixed, folder / "fixed");
  const auto last_loss = [&](const char* name) {
    return read_csv(folder / name / "summary.csv").back().train_loss;
  };
  EXPECT_NE(last_loss("fixed"), last_loss("whole"));
}

}  // namespace
}  // namespace skipzoo

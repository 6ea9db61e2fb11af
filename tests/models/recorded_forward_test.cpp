#include "models/recorded_forward.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <string>

#include "models/recently_used.h"

namespace skipzoo {
namespace {

/// Records the work itself, and says what was asked for.
struct FakeGraph {
  void run(const std::function<void()>& work) {
    said += "run ";
    work();
  }
  void record(const std::function<void()>& work) {
    said += "record ";
    TORCH_CHECK(can_record, "not in a graph");
    recorded = work;
  }
  bool is_recorded() const { return recorded != nullptr; }
  static bool is_recording() { return within; }
  void replay() {
    said += "replay ";
    recorded();
  }
  explicit FakeGraph(std::string& words, bool can = true)
      : said(words), can_record(can) {}

  static inline bool within = false;  ///< Another that is recorded.
  std::string& said;
  bool can_record;
  std::function<void()> recorded;
};

/// Twice the sum of each image, into the same memory each time, as a graph
/// does.
RecordedForward<FakeGraph>::Forward into(torch::Tensor& memory) {
  return [&memory](const torch::Tensor& x) {
    const auto found = 2 * x.sum({1, 2, 3});
    if (!memory.defined()) memory = torch::empty_like(found);
    return memory.copy_(found);
  };
}

torch::Tensor expected_of(const torch::Tensor& x) {
  return 2 * x.to(torch::kDouble).sum({1, 2, 3});
}

TEST(RecordedForward, RunsTwiceThenIsRecordedAndReplayed) {
  std::string said;
  torch::Tensor memory;
  RecordedForward<FakeGraph> forward(into(memory), at::kDouble,
                                     std::make_unique<FakeGraph>(said));
  for (int call = 0; call < 5; ++call) {
    EXPECT_EQ(forward.is_recorded(), call > 2);
    const auto images = torch::randn({3, 2, 4, 5});
    EXPECT_TRUE(forward(images).allclose(expected_of(images))) << call;
  }
  EXPECT_EQ(said, "run run record replay replay replay ");
}

TEST(RecordedForward, GivesEachCallerAResultOfItsOwn) {
  std::string said;
  torch::Tensor memory;
  RecordedForward<FakeGraph> forward(into(memory), at::kDouble,
                                     std::make_unique<FakeGraph>(said));
  std::vector<torch::Tensor> images, kept;
  for (int call = 0; call < 5; ++call) {
    images.push_back(torch::randn({2, 1, 3, 3}));
    kept.push_back(forward(images.back()));
  }
  for (size_t call = 0; call < kept.size(); ++call) {
    EXPECT_TRUE(kept[call].allclose(expected_of(images[call]))) << call;
  }
}

// Such as a teacher in a training step, once it was recorded by itself and
// before.
TEST(RecordedForward, IsAPartOfWhatIsRecordedAroundIt) {
  for (const int before : {0, 4}) {
    std::string said;
    torch::Tensor memory;
    RecordedForward<FakeGraph> forward(into(memory), at::kDouble,
                                       std::make_unique<FakeGraph>(said));
    const auto images = torch::randn({3, 2, 4, 5});
    for (int call = 0; call < before; ++call) forward(images);
    said.clear();
    FakeGraph::within = true;
    EXPECT_TRUE(forward(images).allclose(expected_of(images)));
    FakeGraph::within = false;
    EXPECT_EQ(said, "");
    EXPECT_TRUE(forward(images).allclose(expected_of(images)));
    EXPECT_EQ(said, before == 0 ? "run " : "replay ");
  }
}

TEST(RecordedForward, GivesImagesOfItsTypeAndLayout) {
  std::string said;
  RecordedForward<FakeGraph> forward(
      [](const torch::Tensor& x) {
        EXPECT_EQ(x.scalar_type(), at::kBFloat16);
        EXPECT_TRUE(x.is_contiguous(at::MemoryFormat::ChannelsLast));
        return x.clone();
      },
      at::kBFloat16, std::make_unique<FakeGraph>(said));
  forward(torch::randn({2, 3, 4, 5}));
}

TEST(RecordedForward, GoesOnWithoutAGraphWhereNoneCanBeRecorded) {
  std::string said;
  torch::Tensor memory;
  RecordedForward<FakeGraph> forward(into(memory), at::kDouble,
                                     std::make_unique<FakeGraph>(said, false));
  RecordedForward<FakeGraph> without(into(memory), at::kDouble, nullptr);
  for (int call = 0; call < 5; ++call) {
    const auto images = torch::randn({2, 3, 4, 5});
    EXPECT_TRUE(forward(images).allclose(expected_of(images))) << call;
    EXPECT_TRUE(without(images).allclose(expected_of(images))) << call;
  }
  EXPECT_EQ(said, "run run record ");
  EXPECT_FALSE(forward.is_recorded());
}

TEST(RecentlyUsed, DropsTheLongestUnused) {
  RecentlyUsed<int, std::string> some(2);
  EXPECT_EQ(some.find(1), nullptr);
  some.add(1, "one");
  some.add(2, "two");
  ASSERT_NE(some.find(1), nullptr);
  EXPECT_EQ(*some.find(1), "one");
  EXPECT_EQ(some.add(3, "three"), "three");
  EXPECT_EQ(some.find(2), nullptr);
  EXPECT_EQ(*some.find(1), "one");
  EXPECT_EQ(*some.find(3), "three");
}

}  // namespace
}  // namespace skipzoo

#include "tools/data/prefetch.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/support/noisy_pictures.h"
#include "tools/data/picked.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

constexpr int64_t kBatchSize = 16;

/// Pictures of which the first `open` can be read; who asks for another waits.
class GatedPictures : public Picked {
 public:
  GatedPictures()
      : Picked({noisy_pictures(100, 3, 6, 6)}, [] {
          std::vector<PicturePlace> places;
          for (int64_t i = 0; i < 100; ++i) places.push_back({0, i});
          return places;
        }()) {}
  Image image(int64_t index) const override {
    std::unique_lock<std::mutex> lock(mutex_);
    asked_ = std::max(asked_, index + 1);
    changed_.notify_all();
    changed_.wait(lock, [&] { return index < open_; });
    if (index == broken) throw FileError("picture", "is broken");
    return Picked::image(index);
  }
  /// Lets so many batches be made, and waits until a worker, who is alone, asks
  /// for the next one: then they are made.
  void open(int64_t batches) const {
    std::unique_lock<std::mutex> lock(mutex_);
    open_ = kBatchSize * batches;
    changed_.notify_all();
    changed_.wait(lock, [&] { return asked_ > open_ || open_ >= size(); });
  }
  int64_t broken = -1;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int64_t open_ = 0, asked_ = 0;
};

/// Writes down what is asked of it.
class NotedCopies : public CopyStream {
 public:
  Copy begin(const Batch& batch) override {
    note("begin ", batch);
    return {.batch = batch, .done = std::nullopt};
  }
  void join(Copy& copy) override { note("join ", copy.batch); }
  bool is_idle() const override { return idle; }

  std::vector<std::string> noted;
  bool idle = false;

 private:
  void note(const char* what, const Batch& batch) {
    const int64_t first = batch.indices.const_data_ptr<int64_t>()[0];
    noted.push_back(what + std::to_string(first / kBatchSize));
  }
};

class PrefetchTest : public testing::Test {
 protected:
  Loader loader(int64_t workers) {
    DataOptions options;
    options.dataset = DatasetKind::kIdx;
    options.batch_size = kBatchSize;
    options.workers = workers;
    return Loader(data_, options, Loader::Mode::kEvaluate, 5, false);
  }
  using Notes = std::vector<std::string>;

  std::shared_ptr<GatedPictures> data_ = std::make_shared<GatedPictures>();
  std::shared_ptr<NotedCopies> copies_ = std::make_shared<NotedCopies>();
};

TEST_F(PrefetchTest, OnTheCpuBatchesAreTheEpochs) {
  data_->open(7);
  EXPECT_EQ(copy_stream(torch::kCPU), nullptr);
  for (const int64_t workers : {0, 2}) {
    auto loader_of = loader(workers);
    auto plain = loader_of.epoch(0), ahead = loader_of.epoch(0);
    Prefetch batches(ahead, torch::kCPU);
    expect_same_batches(plain, batches);
    EXPECT_FALSE(batches.next());
    EXPECT_GE(batches.waited(), 0);
  }
}

TEST_F(PrefetchTest, ADeviceHasTheSameBatchesInTheSameOrder) {
  data_->open(7);
  for (const int64_t workers : {0, 1, 4}) {
    auto loader_of = loader(workers);
    auto plain = loader_of.epoch(0), ahead = loader_of.epoch(0);
    Prefetch batches(ahead, copies_);
    expect_same_batches(plain, batches);
    EXPECT_FALSE(batches.next());
  }
}

// The next one sets out before this one is used, if it is made by then; nobody
// waits for it.
TEST_F(PrefetchTest, TheNextBatchIsOnItsWayBeforeTheStep) {
  auto loader_of = loader(1);
  auto epoch = loader_of.epoch(0);
  Prefetch batches(epoch, copies_);
  const auto next = [&] {
    copies_->noted.clear();
    EXPECT_TRUE(batches.next());
    return copies_->noted;
  };
  data_->open(1);
  EXPECT_EQ(next(), Notes({"begin 0", "join 0"}));
  data_->open(3);
  EXPECT_EQ(next(), Notes({"begin 1", "begin 2", "join 1"}));
  EXPECT_EQ(next(), Notes({"join 2"}));
  data_->open(4);
  EXPECT_EQ(next(), Notes({"begin 3", "join 3"}));
  data_->open(7);
}

TEST_F(PrefetchTest, WithoutWorkersNothingIsMadeBeforeTheStep) {
  data_->open(7);
  auto loader_of = loader(0);
  auto epoch = loader_of.epoch(0);
  Prefetch batches(epoch, copies_);
  batches.next();
  batches.next();
  EXPECT_EQ(copies_->noted, Notes({"begin 0", "join 0", "begin 1", "join 1"}));
}

TEST_F(PrefetchTest, AnErrorIsThrownAtItsBatchsTurn) {
  data_->broken = 2 * kBatchSize + 3;
  auto loader_of = loader(1);
  auto epoch = loader_of.epoch(0);
  Prefetch batches(epoch, copies_);
  data_->open(2);
  EXPECT_TRUE(batches.next());
  data_->open(3);
  EXPECT_TRUE(batches.next());
  EXPECT_EQ(copies_->noted, Notes({"begin 0", "begin 1", "join 0", "join 1"}));
  EXPECT_THROW(batches.next(), FileError);
  data_->open(7);
  EXPECT_TRUE(batches.next());  // As the epoch itself has it.
}

TEST_F(PrefetchTest, CanBeLeftWithABatchOnItsWay) {
  data_->open(7);
  auto loader_of = loader(2);
  for (int i = 0; i < 20; ++i) {
    auto epoch = loader_of.epoch(0);
    Prefetch batches(epoch, copies_);
    EXPECT_TRUE(batches.next());
  }
}

TEST_F(PrefetchTest, CountsTheTimeInWhichTheDeviceIsIdle) {
  constexpr auto kLate = std::chrono::milliseconds(60);
  for (const bool idle : {false, true}) {
    data_ = std::make_shared<GatedPictures>();
    copies_->idle = idle;
    auto loader_of = loader(1);
    auto epoch = loader_of.epoch(0);
    Prefetch batches(epoch, copies_);
    {
      const std::jthread late([&] {
        std::this_thread::sleep_for(kLate);
        data_->open(2);
      });
      EXPECT_TRUE(batches.next());
    }
    if (idle) {
      EXPECT_GE(batches.waited(), 0.059);
    } else {
      EXPECT_EQ(batches.waited(), 0);  // It computed meanwhile.
    }
    if (copies_->noted.back() == "join 0" &&
        *(copies_->noted.end() - 2) == "begin 1") {
      EXPECT_TRUE(batches.next());
      EXPECT_EQ(batches.waited(), 0);  // It was there.
    }
    data_->open(7);
  }
}

TEST_F(PrefetchTest, AnEpochTellsWhetherItsNextBatchIsMade) {
  auto loader_of = loader(1);
  auto epoch = loader_of.epoch(0);
  EXPECT_TRUE(epoch.has_workers());
  EXPECT_FALSE(epoch.wait(0.002));
  data_->open(7);
  int64_t count = 0;
  do {
    EXPECT_TRUE(epoch.wait(60));
  } while (epoch.next() && ++count);
  EXPECT_EQ(count, 7);
  EXPECT_FALSE(loader(0).epoch(0).has_workers());
}

TEST_F(PrefetchTest, TakesWhatIsMadeOnTheDeviceAsItIs) {
  DataOptions options;
  options.dataset = DatasetKind::kIdx;
  options.augment.hflip = true;
  options.batch_size = kBatchSize;
  Loader loader_of(noisy_pictures(100, 3, 6, 6), options, Loader::Mode::kTrain,
                   5, false);
  auto plain = loader_of.epoch(1);
  Loader kept = loader_of;
  ASSERT_EQ(kept.keep_on(torch::kCPU, 1e9), "");
  auto epoch = kept.epoch(1);
  EXPECT_FALSE(epoch.has_workers());
  Prefetch batches(epoch, copies_);
  expect_same_batches(plain, batches);
}

}  // namespace
}  // namespace skipzoo

// What workers and their consumers have in common, for ThreadSanitizer: data
// sets, warnings, and epochs that end before their batches do.

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <latch>
#include <thread>

#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tools/data/holdout.h"
#include "tools/data/loader.h"
#include "tools/error.h"
#include "tools/log.h"

namespace skipzoo {
namespace {

constexpr int64_t kThreads = 4;

/// Calls body(i) on so many threads, none of which begins before all are there.
template <typename Body>
void at_once(const Body& body) {
  std::latch all(kThreads);
  std::vector<std::jthread> threads;
  for (int64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      all.arrive_and_wait();
      body(i);
    });
  }
}

/// A folder of two classes of 16 pictures that lie on their side, of which
/// eight are cut short.
class SharedData : public testing::Test {
 protected:
  static void SetUpTestSuite() { start_log(); }
  static void TearDownTestSuite() { spdlog::drop("step"); }

  SharedData() {
    for (int i = 0; i < 32; ++i) {
      const auto whole = make_jpeg({.orientation = 6, .seed = i});
      folder_.write(std::string("train/") + (i < 16 ? "a/" : "b/") +
                        std::to_string(i) + ".jpg",
                    i % 4 == 3 ? whole.substr(0, 200) : whole);
    }
    options_.root = folder_.path();
    options_.image_size = 8;
    options_.batch_size = 2;
    options_.workers = kThreads;
    options_.on_error = OnError::kSkip;
    options_.augment.hflip = true;
    options_.augment.pad_and_crop = 2;
    options_.augment.random_resized_crop = true;
    data_ = open_image_folder(folder_ / "train", 3, 2);
  }
  Loader loader() const {
    return Loader(data_, options_, Loader::Mode::kTrain, 1, /*pinned=*/false);
  }

  TemporaryFolder folder_;
  DataOptions options_;
  DatasetPtr data_;
};

TEST_F(SharedData, WorkersSkipAndWarnWhileOthersAsk) {
  log_to_file(folder_ / "log.txt");
  auto skipping = loader();
  int64_t pictures = 0;
  for (const Batch& batch : skipping.epoch(0)) {
    pictures += batch.size();
    EXPECT_LE(skipping.skipped(), 8);
  }
  EXPECT_EQ(pictures, 24);
  EXPECT_EQ(skipping.skipped(), 8);
  const auto log = read_text(folder_ / "log.txt");
  int warnings = 0;
  for (size_t i = 0; (i = log.find("skipped: ", i)) != log.npos; ++i) {
    ++warnings;
  }
  EXPECT_EQ(warnings, 8);
}

TEST_F(SharedData, AnEpochMayEndWhileItsWorkersReadOrFail) {
  options_.on_error = OnError::kStop;
  auto stopping = loader();
  for (int64_t i = 0; i < 10; ++i) {
    auto epoch = stopping.epoch(i);
    for (int64_t k = 0; k < i; ++k) {
      try {
        epoch.next();
      } catch (const FileError&) {
      }
    }
  }
}

TEST_F(SharedData, LoadersMayReadOneDataSetAtOnce) {
  const auto read = [&](int64_t workers) {
    auto options = options_;
    options.workers = workers;
    Loader own(data_, options, Loader::Mode::kTrain, 1, /*pinned=*/false);
    std::vector<torch::Tensor> all;
    for (const Batch& batch : own.epoch(3)) all.push_back(batch.images);
    return all;
  };
  const auto expected = read(0);
  at_once([&](int64_t i) {
    const auto found = read(i);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t b = 0; b < found.size(); ++b) {
      // A batch whose pictures were all skipped has no numbers.
      EXPECT_TRUE(torch::equal(found[b], expected[b])) << b;
    }
  });
}

TEST_F(SharedData, AnyThreadMayAskADataSet) {
  options_.holdout = 0.25;
  auto synthetic = options_;
  synthetic.dataset = DatasetKind::kSynthetic;
  for (const auto& options : {options_, synthetic}) {
    const auto data = open_training_data(options, 3, 2, 1).train;
    std::atomic<int64_t> broken = 0;
    at_once([&](int64_t) {
      for (int64_t i = 0; i < data->size(); ++i) {
        EXPECT_LT(data->label(i), 2);
        EXPECT_FALSE(data->content(i).empty());
        EXPECT_NE(data->name(i), data->key(i));
        try {
          EXPECT_EQ(data->image(i).channels, 3);
        } catch (const FileError&) {
          ++broken;
        }
      }
    });
    EXPECT_EQ(broken % kThreads, 0);
  }
}

TEST_F(SharedData, AReadersErrorEndsADeal) {
  options_.holdout = 0.25;
  for (const char* name : {"a/x.jpg", "a/y.jpg", "b/z.jpg"}) {
    std::filesystem::create_symlink("nowhere", folder_ / "train" / name);
  }
  const auto links = open_image_folder(folder_ / "train", 3, 2);
  const Deal deal = deal_by_content(*links, options_, 1);
  EXPECT_EQ(deal.train.size() + deal.held_out.size(), 35u);
  options_.on_error = OnError::kStop;
  EXPECT_THROW(deal_by_content(*links, options_, 1), FileError);
}

}  // namespace
}  // namespace skipzoo

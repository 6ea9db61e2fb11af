#include "tools/data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

DataOptions small_options(int64_t workers) {
  DataOptions options;
  options.dataset = DatasetKind::kSynthetic;
  options.image_size = 8;
  options.batch_size = 16;
  options.workers = workers;
  options.augment.hflip = true;
  options.augment.pad_and_crop = 2;
  options.augment.random_resized_crop = true;
  return options;
}

Loader make_loader(const DataOptions& options, Loader::Mode mode,
                   int64_t images = 100, int64_t seed = 5) {
  return Loader(make_synthetic(images, 8, 3, 10, Split::kTrain), options, mode,
                seed, /*pinned=*/false);
}

/// All batches of an epoch, one behind the other.
struct Everything {
  torch::Tensor images;
  torch::Tensor labels;
  int64_t batches = 0;
};
Everything read_all(Loader& loader, int64_t number, int64_t first = 0) {
  std::vector<torch::Tensor> images, labels;
  auto epoch = loader.epoch(number, first);
  for (const Batch& batch : epoch) {
    images.push_back(batch.images);
    labels.push_back(batch.targets.values);
  }
  const auto count = static_cast<int64_t>(images.size());
  return {torch::cat(images), torch::cat(labels), count};
}

TEST(Loader, GivesTheSameBatchesForAnyNumberOfWorkers) {
  auto none = make_loader(small_options(0), Loader::Mode::kTrain);
  const auto expected = read_all(none, 3);
  EXPECT_EQ(expected.images.size(0), 100);
  for (const int64_t workers : {1, 2, 8}) {
    auto loader = make_loader(small_options(workers), Loader::Mode::kTrain);
    const auto batches = read_all(loader, 3);
    EXPECT_TRUE(torch::equal(batches.images, expected.images)) << workers;
    EXPECT_TRUE(torch::equal(batches.labels, expected.labels)) << workers;
  }
}

TEST(Loader, GivesTheSameAugmentedBatchesForAnyNumberOfWorkers) {
  for (const auto& policy : EnumNames<AutoAugment>::values) {
    auto options = small_options(0);
    options.augment.vflip = true;
    options.augment.rotation = 30;
    options.augment.auto_augment = policy.value;
    options.augment.color_jitter = {0.4, 0.4, 0.4, 0.1};
    options.augment.grayscale = 0.2;
    options.augment.gaussian_blur.p = 0.5;
    auto none = make_loader(options, Loader::Mode::kTrain);
    const auto expected = read_all(none, 3);
    for (const int64_t workers : {1, 4}) {
      options.workers = workers;
      auto loader = make_loader(options, Loader::Mode::kTrain);
      const auto batches = read_all(loader, 3);
      EXPECT_TRUE(torch::equal(batches.images, expected.images))
          << policy.name << ' ' << workers;
    }
  }
}

TEST(Loader, ShufflesEachEpochAnewAndEverySeedOtherwise) {
  auto loader = make_loader(small_options(1), Loader::Mode::kTrain);
  auto other = make_loader(small_options(1), Loader::Mode::kTrain, 100, 6);
  const auto first = read_all(loader, 0);
  EXPECT_FALSE(torch::equal(first.labels, read_all(loader, 1).labels));
  EXPECT_FALSE(torch::equal(first.labels, read_all(other, 0).labels));
  EXPECT_TRUE(torch::equal(first.images, read_all(loader, 0).images));
}

TEST(Loader, StartsInTheMiddleOfAnEpochAsIfItHadBegunAtItsStart) {
  auto loader = make_loader(small_options(2), Loader::Mode::kTrain);
  const auto whole = read_all(loader, 2);
  const auto rest = read_all(loader, 2, /*first=*/3);
  EXPECT_TRUE(torch::equal(rest.images, whole.images.slice(0, 48)));
}

TEST(Loader, EvaluationTakesEveryPictureOnceAndInOrder) {
  auto loader = make_loader(small_options(2), Loader::Mode::kEvaluate);
  const auto all = read_all(loader, 0);
  EXPECT_EQ(all.batches, 7);
  ASSERT_EQ(all.labels.size(0), 100);
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(all.labels[i].item<int64_t>(), i % 10);
  }
}

TEST(Loader, TrainingLeavesOutALastBatchOfOnePicture) {
  auto options = small_options(0);
  EXPECT_EQ(make_loader(options, Loader::Mode::kTrain, 97).batches(), 6);
  EXPECT_EQ(make_loader(options, Loader::Mode::kEvaluate, 97).batches(), 7);
  EXPECT_EQ(make_loader(options, Loader::Mode::kTrain, 98).batches(), 7);
  options.drop_last = true;
  EXPECT_EQ(make_loader(options, Loader::Mode::kTrain, 98).batches(), 6);
  EXPECT_THROW(make_loader(options, Loader::Mode::kTrain, 10), ConfigError);
}

TEST(Loader, SaysWhichPictureOfTheDataSetEachIs) {
  auto loader = make_loader(small_options(2), Loader::Mode::kTrain);
  auto epoch = loader.epoch(1);
  for (const Batch& batch : epoch) {
    EXPECT_TRUE(torch::equal(batch.indices % 10, batch.targets.values));
  }
}

TEST(Loader, ShardsShareOutTheBatchesOfAnEvaluation) {
  auto whole = make_loader(small_options(0), Loader::Mode::kEvaluate);
  std::vector<Batch> expected;
  auto epoch = whole.epoch(4);
  for (Batch& batch : epoch) expected.push_back(batch);
  ASSERT_EQ(expected.size(), 7u);
  int64_t seen = 0;
  for (const int64_t index : {0, 1, 2}) {
    Loader shard(make_synthetic(100, 8, 3, 10, Split::kTrain), small_options(2),
                 Loader::Mode::kEvaluate, 5, false,
                 {.index = index, .count = 3});
    auto part = shard.epoch(4);
    int64_t at = index;
    for (const Batch& batch : part) {
      const auto& same = expected.at(static_cast<size_t>(at));
      EXPECT_TRUE(torch::equal(batch.images, same.images)) << at;
      EXPECT_TRUE(torch::equal(batch.indices, same.indices)) << at;
      at += 3;
      ++seen;
    }
    EXPECT_EQ((at - index) / 3, shard.batches());
  }
  EXPECT_EQ(seen, 7);
}

// Of three processes with batches of 16, the pictures of each step are those of
// one process with batches of 48.
TEST(Loader, ShardsHaveTheBatchesOfOneProcessWithLargerOnes) {
  for (const int64_t pictures : {100, 98, 144, 145, 103}) {
    auto larger = small_options(0);
    larger.batch_size = 48;
    auto whole = make_loader(larger, Loader::Mode::kTrain, pictures);
    std::vector<Batch> expected;
    auto epoch = whole.epoch(4);
    for (Batch& batch : epoch) expected.push_back(batch);
    std::vector<std::vector<Batch>> parts(expected.size());
    for (const int64_t index : {0, 1, 2}) {
      Loader shard(make_synthetic(pictures, 8, 3, 10, Split::kTrain),
                   small_options(2), Loader::Mode::kTrain, 5, false,
                   {.index = index, .count = 3, .may_have_few = true});
      ASSERT_EQ(shard.batches(), whole.batches()) << pictures;
      auto own = shard.epoch(4);
      for (size_t step = 0; const Batch& batch : own) {
        EXPECT_EQ(shard.pictures_of_all(4, static_cast<int64_t>(step)),
                  expected[step].size());
        parts[step++].push_back(batch);
      }
    }
    for (size_t step = 0; step < expected.size(); ++step) {
      SCOPED_TRACE(step);
      std::vector<torch::Tensor> images, indices;
      for (const auto& batch : parts[step]) {
        indices.push_back(batch.indices);
        if (batch.size() > 0) images.push_back(batch.images);
        EXPECT_LE(std::abs(batch.size() - parts[step][0].size()), 1);
      }
      ASSERT_EQ(indices.size(), 3u);
      EXPECT_TRUE(torch::equal(torch::cat(indices), expected[step].indices));
      EXPECT_TRUE(torch::equal(torch::cat(images), expected[step].images));
    }
  }
}

TEST(Loader, ShardsLeaveOutALastBatchThatHasNotTwoPicturesForEach) {
  const auto batches = [](int64_t pictures, bool may_have_few) {
    return Loader(make_synthetic(pictures, 8, 3, 10, Split::kTrain),
                  small_options(0), Loader::Mode::kTrain, 5, false,
                  {.index = 1, .count = 3, .may_have_few = may_have_few})
        .batches();
  };
  EXPECT_EQ(batches(101, false), 2);
  EXPECT_EQ(batches(101, true), 3);
  EXPECT_EQ(batches(102, false), 3);
  EXPECT_EQ(batches(97, true), 2);
}

// Four processes begin an epoch, three go on and one ends it.
TEST(Loader, EveryPictureOfAnEpochIsSeenOnceWhoeverGoesOn) {
  constexpr int64_t kPictures = 250, kEpoch = 2;
  const auto loader = [&](int64_t index, int64_t count) {
    return Loader(make_synthetic(kPictures, 8, 3, 10, Split::kTrain),
                  small_options(0), Loader::Mode::kTrain, 5, false,
                  {.index = index, .count = count, .may_have_few = true});
  };
  std::vector<int64_t> seen(kPictures);
  int64_t pictures = 0;
  for (const auto& [count, steps] :
       std::vector<std::pair<int64_t, int64_t>>{{4, 2}, {3, 1}, {1, 100}}) {
    int64_t after = pictures;
    for (int64_t index = 0; index < count; ++index) {
      auto part = loader(index, count);
      const int64_t begun = part.begin_at(kEpoch, pictures);
      auto epoch = part.epoch(kEpoch, begun);
      int64_t batch = begun;
      for (; batch < begun + steps; ++batch) {
        const auto next = epoch.next();
        if (!next) break;
        const auto* index_of = next->indices.const_data_ptr<int64_t>();
        for (int64_t i = 0; i < next->size(); ++i) {
          ++seen[static_cast<size_t>(index_of[i])];
        }
      }
      after = std::min(part.pictures_before(kEpoch, batch), kPictures);
    }
    pictures = after;
  }
  EXPECT_EQ(pictures, kPictures);
  EXPECT_EQ(std::ranges::count(seen, 1), kPictures);
}

TEST(Loader, BatchesAreChannelsLastInMemory) {
  auto loader = make_loader(small_options(1), Loader::Mode::kTrain);
  const auto batch = loader.epoch(0).next();
  EXPECT_TRUE(batch->images.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(batch->images.scalar_type(), torch::kByte);
}

TEST(Loader, CanBeLeftInTheMiddleOfAnEpoch) {
  auto loader = make_loader(small_options(4), Loader::Mode::kTrain);
  for (int i = 0; i < 20; ++i) {
    auto epoch = loader.epoch(i);
    epoch.next();
  }
}

class BrokenPicture : public testing::Test {
 protected:
  void SetUp() override {
    const auto good =
        read_text(std::filesystem::path(SKIPZOO_GOLDENS) / "pictures/rgb.jpg");
    for (int i = 0; i < 8; ++i) {
      folder_.write("a/" + std::to_string(i) + ".jpg",
                    i == 5 ? good.substr(0, 100) : good);
      folder_.write("b/" + std::to_string(i) + ".jpg", good);
    }
    options_.image_size = 8;
    options_.batch_size = 4;
  }
  Loader loader(int64_t workers, OnError on_error) {
    options_.workers = workers;
    options_.on_error = on_error;
    return Loader(open_image_folder(folder_.path(), 3, 2), options_,
                  Loader::Mode::kEvaluate, 0, false);
  }

  TemporaryFolder folder_;
  DataOptions options_;
};

TEST_F(BrokenPicture, StopsTheRunAndIsNamed) {
  for (const int64_t workers : {0, 3}) {
    auto stopping = loader(workers, OnError::kStop);
    try {
      read_all(stopping, 0);
      FAIL() << "no error";
    } catch (const FileError& error) {
      EXPECT_NE(std::string(error.what()).find("a/5.jpg: "), std::string::npos);
    }
  }
}

TEST_F(BrokenPicture, IsSkippedAndCountedOnce) {
  for (const int64_t workers : {0, 3}) {
    auto skipping = loader(workers, OnError::kSkip);
    EXPECT_EQ(read_all(skipping, 0).labels.size(0), 15);
    EXPECT_EQ(read_all(skipping, 1).labels.size(0), 15);
    EXPECT_EQ(skipping.skipped(), 1);
  }
}

}  // namespace
}  // namespace skipzoo

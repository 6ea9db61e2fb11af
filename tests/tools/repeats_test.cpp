// data.repeats: several copies of a picture in an epoch.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/frequencies.h"
#include "tools/data/loader.h"

namespace skipzoo {
namespace {

constexpr int64_t kPictureCount = 100;

DataOptions repeats_of(int64_t repeats) {
  DataOptions options;
  options.dataset = DatasetKind::kSynthetic;
  options.image_size = 8;
  options.batch_size = 16;
  options.repeats = repeats;
  options.augment.hflip = true;
  options.augment.random_resized_crop = true;
  options.augment.color_jitter.brightness = 0.4;
  return options;
}

struct Shown {
  std::vector<int64_t> indices;
  torch::Tensor images;
};
Shown shown(const DataOptions& options, int64_t number, Shard shard = {}) {
  Loader loader(make_synthetic(kPictureCount, 8, 3, 10, Split::kTrain), options,
                Loader::Mode::kTrain, 5, /*pinned=*/false, shard);
  Shown all;
  std::vector<torch::Tensor> images;
  for (const Batch& batch : loader.epoch(number)) {
    const auto* indices = batch.indices.const_data_ptr<int64_t>();
    all.indices.insert(all.indices.end(), indices, indices + batch.size());
    images.push_back(batch.images);
  }
  all.images = torch::cat(images);
  return all;
}

TEST(Repeats, ShowCopiesOneBehindTheOtherInAsManyBatches) {
  const auto plain = shown(repeats_of(1), 2);
  for (const int64_t repeats : {2, 3, 7}) {
    const auto repeated = shown(repeats_of(repeats), 2);
    ASSERT_EQ(repeated.indices.size(), static_cast<size_t>(kPictureCount));
    // As timm's RepeatAugSampler has them for one process:
    // repeat_interleave(permutation, repeats), cut to the number of pictures.
    for (size_t i = 0; i < repeated.indices.size(); ++i) {
      EXPECT_EQ(repeated.indices[i],
                plain.indices[i / static_cast<size_t>(repeats)]);
    }
    const std::set<int64_t> all(repeated.indices.begin(),
                                repeated.indices.end());
    EXPECT_EQ(std::ssize(all), (kPictureCount + repeats - 1) / repeats);
  }
}

TEST(Repeats, AugmentEachCopyByItselfAndTheFirstAsIfItWereAlone) {
  const auto plain = shown(repeats_of(1), 2);
  std::map<int64_t, torch::Tensor> alone;
  for (size_t i = 0; i < plain.indices.size(); ++i) {
    alone[plain.indices[i]] = plain.images[static_cast<int64_t>(i)];
  }
  const auto repeated = shown(repeats_of(4), 2);
  for (int64_t i = 0; i < kPictureCount; ++i) {
    const auto index = repeated.indices[static_cast<size_t>(i)];
    EXPECT_EQ(torch::equal(repeated.images[i], alone.at(index)), i % 4 == 0);
    for (int64_t k = i - i % 4; k < i; ++k) {
      EXPECT_FALSE(torch::equal(repeated.images[i], repeated.images[k])) << i;
    }
  }
}

TEST(Repeats, ShowEveryPictureEquallyOften) {
  std::vector<int64_t> times(kPictureCount);
  constexpr int64_t kEpochs = 300;
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    Random random(3, static_cast<uint64_t>(epoch) + 1);
    std::set<int64_t> once;
    for (const auto& sample : repeated(random.permutation(kPictureCount), 3)) {
      once.insert(sample.index);
    }
    for (const int64_t index : once) ++times[static_cast<size_t>(index)];
  }
  for (const int64_t count : times) {
    expect_frequency(count, kEpochs, 34.0 / kPictureCount, "shown");
  }
}

TEST(Repeats, AreTheSameForAnyNumberOfWorkersAndSharedOutAmongProcesses) {
  auto options = repeats_of(3);
  options.workers = 0;
  const auto expected = shown(options, 1);
  for (const int64_t workers : {1, 4}) {
    options.workers = workers;
    const auto found = shown(options, 1);
    EXPECT_EQ(found.indices, expected.indices);
    EXPECT_TRUE(torch::equal(found.images, expected.images)) << workers;
  }
  // Batches 0, 2, 4 and 1, 3, 5; of the seventh, which has four, two each.
  for (const int64_t process : {0, 1}) {
    const auto part = shown(options, 1, {.index = process, .count = 2});
    ASSERT_EQ(part.images.size(0), 50);
    const int64_t last = 96 + 2 * process;
    EXPECT_TRUE(torch::equal(part.images.slice(0, 48),
                             expected.images.slice(0, last, last + 2)));
    for (int64_t b = 0; b < 3; ++b) {
      const int64_t from = (2 * b + process) * 16;
      EXPECT_TRUE(torch::equal(part.images.slice(0, 16 * b, 16 * b + 16),
                               expected.images.slice(0, from, from + 16)));
    }
  }
}

TEST(Repeats, EvaluationShowsEveryPictureOnce) {
  Loader loader(make_synthetic(kPictureCount, 8, 3, 10, Split::kTrain),
                repeats_of(3), Loader::Mode::kEvaluate, 5, /*pinned=*/false);
  int64_t next = 0;
  for (const Batch& batch : loader.epoch(0)) {
    EXPECT_TRUE(
        torch::equal(batch.indices, torch::arange(next, next + batch.size())));
    next += batch.size();
  }
  EXPECT_EQ(next, kPictureCount);
}

/// Thirty pictures of one class and two of another, of 8 x 8.
DatasetPtr lopsided() {
  std::vector<uint8_t> pixels;
  Random random(9);
  for (int i = 0; i < 32 * 64; ++i) {
    pixels.push_back(static_cast<uint8_t>(random.below(256)));
  }
  std::vector<int64_t> labels(30, 0);
  labels.insert(labels.end(), 2, 1);
  return std::make_shared<MemoryDataset>(std::move(pixels), 1, 8, 8, labels,
                                         std::vector<std::string>{"a", "b"},
                                         "made");
}

TEST(Repeats, ABalancedEpochShowsEachOfItsDrawsSoOftenAndNeverTwiceTheSame) {
  for (const int64_t repeats : {1, 2}) {
    auto options = repeats_of(repeats);
    options.sampler = Sampler::kBalanced;
    const auto data = lopsided();
    int64_t rare = 0, all = 0;
    for (int64_t number = 0; number < 60; ++number) {
      Loader loader(data, options, Loader::Mode::kTrain, 5, /*pinned=*/false);
      std::map<int64_t, std::vector<torch::Tensor>> views;
      std::vector<int64_t> order;
      for (const Batch& batch : loader.epoch(number)) {
        for (int64_t i = 0; i < batch.size(); ++i) {
          const auto index = batch.indices[i].item<int64_t>();
          order.push_back(index);
          for (const auto& other : views[index]) {
            EXPECT_FALSE(torch::equal(batch.images[i], other)) << index;
          }
          views[index].push_back(batch.images[i]);
        }
      }
      ASSERT_EQ(order.size(), 32u);
      for (size_t i = 0; i < order.size(); ++i) {
        const size_t draw = i - i % static_cast<size_t>(repeats);
        EXPECT_EQ(order[i], order[draw]);
        if (i == draw) {
          ++all;
          rare += order[i] >= 30 ? 1 : 0;
        }
      }
    }
    expect_frequency(rare, all, 0.5, "of the rare class");
  }
}

}  // namespace
}  // namespace skipzoo

// A data set that lives on a device, here the CPU: its batches are those that
// the loader's workers make.

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/noisy_pictures.h"
#include "tools/data/device_pictures.h"
#include "tools/data/picked.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

constexpr double kNoLimit = 1e12;

struct OnDeviceCase {
  const char* name;
  void (*change)(DataOptions& options);
};

const OnDeviceCase kOnDeviceCases[] = {
    {"plain", [](DataOptions&) {}},
    {"crop", [](DataOptions& o) { o.augment.pad_and_crop = 2; }},
    {"crop_beyond", [](DataOptions& o) { o.augment.pad_and_crop = 11; }},
    {"hflip", [](DataOptions& o) { o.augment.hflip = true; }},
    {"vflip", [](DataOptions& o) { o.augment.vflip = true; }},
    {"all",
     [](DataOptions& o) {
       o.augment.pad_and_crop = 3;
       o.augment.hflip = o.augment.vflip = true;
     }},
    {"repeats",
     [](DataOptions& o) {
       o.augment.pad_and_crop = 3;
       o.augment.hflip = true;
       o.repeats = 3;
     }},
    {"balanced",
     [](DataOptions& o) {
       o.augment.pad_and_crop = 1;
       o.sampler = Sampler::kBalanced;
     }},
    {"drop_last",
     [](DataOptions& o) {
       o.augment.hflip = true;
       o.drop_last = true;
     }},
    {"resized",
     [](DataOptions& o) {
       o.image_size = 12;
       o.augment.pad_and_crop = 2;
       o.augment.hflip = true;
     }},
    {"train_size",
     [](DataOptions& o) {
       o.image_size = 8;
       o.train_size = 5;
       o.augment.vflip = true;
     }},
    // Of the batch, on its device anyway.
    {"mixed",
     [](DataOptions& o) {
       o.augment.mixup = 1;
       o.augment.random_erasing.p = 0.5;
     }},
};

DataOptions on_device_options(int64_t workers = 2) {
  DataOptions options;
  options.dataset = DatasetKind::kIdx;
  options.batch_size = 16;
  options.workers = workers;
  return options;
}

/// A loader, and one that keeps its pictures.
struct TwoLoaders {
  TwoLoaders(const DatasetPtr& data, const DataOptions& options,
             Loader::Mode mode, const Shard& shard = {})
      : host(data, options, mode, 5, false, shard),
        device(data, options, mode, 5, false, shard) {
    EXPECT_EQ(device.keep_on(torch::kCPU, kNoLimit), "");
    EXPECT_TRUE(device.is_on_device());
    EXPECT_EQ(host.batches(), device.batches());
  }
  void expect_same(int64_t number, int64_t first = 0) {
    auto a = host.epoch(number, first), b = device.epoch(number, first);
    expect_same_batches(a, b);
  }
  Loader host, device;
};

using Mode = Loader::Mode;

class OnDeviceOptions : public testing::TestWithParam<OnDeviceCase> {};

TEST_P(OnDeviceOptions, BatchesAreThoseOfTheWorkersBitForBit) {
  auto options = on_device_options();
  GetParam().change(options);
  for (const int64_t channels : {1, 3}) {
    const auto data = noisy_pictures(103, channels, 9, 7);
    TwoLoaders train(data, options, Mode::kTrain);
    for (const int64_t number : {0, 3}) train.expect_same(number);
    train.expect_same(4, /*first=*/2);
    TwoLoaders validation(data, options, Mode::kEvaluate);
    validation.expect_same(0);
  }
}

INSTANTIATE_TEST_SUITE_P(Augment, OnDeviceOptions,
                         testing::ValuesIn(kOnDeviceCases),
                         [](const auto& one) { return one.param.name; });

TEST(OnDevice, ShardsHaveTheirPartsOfTheSameBatches) {
  for (const int64_t pictures : {100, 97, 145}) {
    for (const int64_t index : {0, 1, 2}) {
      auto options = on_device_options();
      options.augment.pad_and_crop = 2;
      const Shard shard = {.index = index, .count = 3, .may_have_few = true};
      const auto data = noisy_pictures(pictures, 3, 6, 6);
      TwoLoaders(data, options, Mode::kTrain, shard).expect_same(2);
      TwoLoaders(data, options, Mode::kEvaluate, shard).expect_same(0);
    }
  }
}

TEST(OnDevice, GoesOnWhereBatchesOfAnotherSizeLeftAnEpoch) {
  auto options = on_device_options();
  options.augment.hflip = true;
  TwoLoaders both(noisy_pictures(100, 3, 6, 6), options, Mode::kTrain);
  const int64_t begun = both.host.begin_at(2, 40);
  ASSERT_EQ(both.device.begin_at(2, 40), begun);
  both.expect_same(2, begun);
  both.expect_same(3);
}

TEST(OnDevice, AHeldOutPartCanLiveThereToo) {
  const auto part = picked(noisy_pictures(60, 3, 6, 6), {40, 7, 8, 9, 59, 0});
  TwoLoaders(part, on_device_options(), Mode::kEvaluate).expect_same(0);
}

TEST(OnDevice, PicturesAreThereWholeThoughTheyCameInParts) {
  constexpr int64_t kCount = 700, kSide = 192;  // 77 MB.
  constexpr int64_t kBytes = kSide * kSide * 3;
  const auto read = [](int64_t index) {
    Image image(3, kSide, kSide);
    for (int64_t i = 0; i < kBytes; i += 97) {
      image.pixels[static_cast<size_t>(i)] =
          static_cast<uint8_t>(index + i / 97);
    }
    return image;
  };
  const DevicePictures pictures(torch::kCPU, kCount, read(0), 2, read);
  for (const int64_t index : {0, 605, 606, 607, 608, 699}) {
    const auto one = pictures.range(index, index + 1).permute({0, 2, 3, 1});
    const auto expected = read(index);
    EXPECT_EQ(0, std::memcmp(one.const_data_ptr<uint8_t>(),
                             expected.pixels.data(), expected.pixels.size()))
        << index;
  }
}

std::string why_not(const DatasetPtr& data, const DataOptions& options,
                    Mode mode = Mode::kTrain, double most = kNoLimit) {
  Loader loader(data, options, mode, 5, false);
  const auto why = loader.keep_on(torch::kCPU, most);
  EXPECT_EQ(why.empty(), loader.is_on_device());
  Loader other(data, options, mode, 5, false);
  auto a = loader.epoch(1), b = other.epoch(1);
  expect_same_batches(a, b);
  return why;
}

TEST(OnDevice, WhatIsForTheCpuIsNamed) {
  const auto data = noisy_pictures(40, 3, 8, 8);
  const std::pair<std::string, void (*)(AugmentOptions&)> keys[] = {
      {"random_resized_crop",
       [](AugmentOptions& a) { a.random_resized_crop = true; }},
      {"rotation", [](AugmentOptions& a) { a.rotation = 10; }},
      {"auto_augment",
       [](AugmentOptions& a) { a.auto_augment = AutoAugment::kTrivialWide; }},
      {"color_jitter", [](AugmentOptions& a) { a.color_jitter.hue = 0.1; }},
      {"grayscale", [](AugmentOptions& a) { a.grayscale = 0.5; }},
      {"gaussian_blur", [](AugmentOptions& a) { a.gaussian_blur.p = 0.5; }},
  };
  for (const auto& [key, change] : keys) {
    auto options = on_device_options();
    options.image_size = 8;
    options.augment.hflip = true;
    change(options.augment);
    EXPECT_EQ(why_not(data, options),
              "data.augment." + key + " is for the CPU");
    // It is for training alone.
    EXPECT_EQ(why_not(data, options, Mode::kEvaluate), "");
  }
}

TEST(OnDevice, PicturesThatGrowOrDoNotFitStayWithTheHost) {
  const auto data = noisy_pictures(40, 3, 8, 8);
  auto options = on_device_options();
  options.image_size = 8;
  EXPECT_EQ(why_not(data, options, Mode::kTrain, 40 * 3 * 8 * 8), "");
  EXPECT_EQ(why_not(data, options, Mode::kTrain, 40 * 3 * 8 * 8 - 1)
                .rfind("they take ", 0),
            0u);
  options.progressive_resizing = {.min_res = 6,
                                  .max_res = 10,
                                  .start_ramp = 0,
                                  .end_ramp = 2,
                                  .multiple = 2};
  EXPECT_EQ(why_not(data, options),
            "data.progressive_resizing changes their size");
  EXPECT_EQ(why_not(data, options, Mode::kEvaluate), "");
}

/// As a folder of files is: to be read each time.
class NotInMemory : public Picked {
 public:
  using Picked::Picked;
  bool is_in_memory() const override { return false; }
};

TEST(OnDevice, FilesStayFilesUnlessTheyAreKeptInMemory) {
  std::vector<PicturePlace> places;
  for (int64_t i = 0; i < 40; ++i) places.push_back({0, i});
  const auto data = std::make_shared<NotInMemory>(
      std::vector<DatasetPtr>{noisy_pictures(40, 3, 9, 7)}, places);
  auto options = on_device_options();
  options.augment.pad_and_crop = 1;
  options.image_size = 6;
  const std::string of_files =
      "they do not all lie in memory, of one size; files may, by data.cache: "
      "ram";
  for (const auto mode : {Mode::kTrain, Mode::kEvaluate}) {
    options.cache = Cache::kNone;
    options.on_error = OnError::kStop;
    EXPECT_EQ(why_not(data, options, mode), of_files);
    options.cache = Cache::kRam;
    EXPECT_EQ(why_not(data, options, mode), "");
    options.on_error = OnError::kSkip;
    EXPECT_EQ(why_not(data, options, mode),
              "data.on_error: skip leaves some of them out");
  }
}

TEST(OnDevice, AFileThatCannotBeReadIsNamedBeforeTheRun) {
  class Broken : public NotInMemory {
   public:
    using NotInMemory::NotInMemory;
    Image image(int64_t index) const override {
      if (index == 21) throw FileError("b/21.jpg", "is broken");
      return NotInMemory::image(index);
    }
  };
  const auto data = std::make_shared<Broken>(
      std::vector<DatasetPtr>{noisy_pictures(40, 3, 8, 8)},
      std::vector<PicturePlace>(40));
  auto options = on_device_options();
  options.image_size = 8;
  options.cache = Cache::kRam;
  Loader loader(data, options, Mode::kTrain, 5, false);
  try {
    loader.keep_on(torch::kCPU, kNoLimit);
    FAIL() << "no error";
  } catch (const FileError& error) {
    EXPECT_EQ(std::string(error.what()),
              "b/21.jpg: is broken; remove it, or go on without such pictures "
              "by data.on_error: skip");
  }
}

}  // namespace
}  // namespace skipzoo

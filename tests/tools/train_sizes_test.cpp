// data.train_size and data.progressive_resizing: pictures of another size in
// training than in evaluation.

#include <gtest/gtest.h>

#include "tools/data/loader.h"

namespace skipzoo {
namespace {

// By numpy.interp and numpy.round, as ffcv-imagenet's get_resolution() has
// them; the first of ResNet-50's 88 epochs there.
TEST(ProgressiveResizing, FollowsTheRuleOfFfcv) {
  const struct {
    ProgressiveResizingOptions options;
    int64_t first;  // Epoch.
    std::vector<int64_t> sizes;
  } cases[] = {
      {{160, 192, 65, 76},
       64,
       {160, 160, 160, 160, 160, 160, 160, 192, 192, 192, 192, 192, 192, 192}},
      {{128, 224, 4, 20},
       3,
       {128, 128, 128, 128, 160, 160, 160, 160, 160, 192, 192, 192, 192, 192,
        192, 224, 224, 224, 224}},
      // Halves of a multiple go to the even one: 112 down, 144 up.
      {{96, 160, 0, 8}, 0, {96, 96, 128, 128, 128, 128, 128, 160, 160, 160}},
      {{24, 32, 2, 10, 4}, 0, {24, 24, 24, 24, 24, 28, 28, 28, 32, 32, 32, 32}},
      {{32, 40, 0, 8, 2}, 0, {32, 32, 34, 36, 36, 36, 38, 40, 40, 40}},
      {{64, 192, 3, 3}, 0, {64, 64, 64, 64, 192, 192}},
      // No multiple of 32 is between these: it stays within them.
      {{40, 48, 0, 4}, 0, {40, 40, 40, 40, 48}},
  };
  for (const auto& one : cases) {
    for (size_t i = 0; i < one.sizes.size(); ++i) {
      const int64_t epoch = one.first + static_cast<int64_t>(i);
      EXPECT_EQ(one.options.size_in_epoch(epoch), one.sizes[i])
          << one.options.min_res << " to " << one.options.max_res << ", epoch "
          << epoch;
    }
  }
}

DataOptions options_of_size(int64_t image_size, bool crops = true) {
  DataOptions options;
  options.dataset = DatasetKind::kSynthetic;
  options.image_size = image_size;
  options.crop_pct = 1;
  options.batch_size = 8;
  options.augment.hflip = true;
  options.augment.random_resized_crop = crops;
  return options;
}

torch::Tensor pictures(const DataOptions& options, Loader::Mode mode,
                       int64_t number) {
  Loader loader(make_synthetic(24, 8, 3, 4, Split::kTrain), options, mode, 5,
                /*pinned=*/false);
  std::vector<torch::Tensor> images;
  for (const Batch& batch : loader.epoch(number))
    images.push_back(batch.images);
  return torch::cat(images);
}

TEST(TrainSize, IsOfTrainingAlone) {
  for (const bool crops : {true, false}) {
    auto options = options_of_size(8, crops);
    options.train_size = 6;
    using enum PictureViews::Mode;
    const auto trained = pictures(options, kTrain, 1);
    EXPECT_EQ(trained.size(2), 6);
    EXPECT_TRUE(
        torch::equal(trained, pictures(options_of_size(6, crops), kTrain, 1)));
    EXPECT_TRUE(torch::equal(pictures(options, kEvaluate, 1),
                             pictures(options_of_size(8), kEvaluate, 1)));
    // Of pictures that have a size of their own, too.
    options.image_size = 0;
    EXPECT_TRUE(torch::equal(pictures(options, kTrain, 1), trained));
    EXPECT_EQ(pictures(options, kEvaluate, 1).size(2), 8);
  }
}

TEST(ProgressiveResizing, AnEpochIsThatOfItsSizeForAnyNumberOfWorkers) {
  auto options = options_of_size(8);
  options.progressive_resizing = {.min_res = 4,
                                  .max_res = 8,
                                  .start_ramp = 1,
                                  .end_ramp = 3,
                                  .multiple = 2};
  const std::vector<int64_t> sizes = {4, 4, 6, 8, 8};
  for (const int64_t workers : {0, 1, 4}) {
    options.workers = workers;
    // One loader for all epochs: what it prepares ahead is of its own epoch.
    Loader loader(make_synthetic(24, 8, 3, 4, Split::kTrain), options,
                  Loader::Mode::kTrain, 5, /*pinned=*/false);
    for (int64_t number = 0; number < std::ssize(sizes); ++number) {
      std::vector<torch::Tensor> images;
      for (const Batch& batch : loader.epoch(number)) {
        images.push_back(batch.images);
      }
      const int64_t size = sizes[static_cast<size_t>(number)];
      EXPECT_TRUE(torch::equal(
          torch::cat(images),
          pictures(options_of_size(size), Loader::Mode::kTrain, number)))
          << "epoch " << number << ", " << workers << " workers";
    }
  }
  EXPECT_EQ(pictures(options, Loader::Mode::kEvaluate, 0).size(2), 8);
}

}  // namespace
}  // namespace skipzoo

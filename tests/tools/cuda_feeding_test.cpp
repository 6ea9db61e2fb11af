// How a GPU gets its pictures. Skipped where there is no CUDA device.
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/types.h>

#include <chrono>
#include <thread>

#include "tests/support/noisy_pictures.h"
#include "tools/data/batch_transforms.h"
#include "tools/data/picked.h"
#include "tools/data/prefetch.h"
#include "tools/device.h"

namespace skipzoo {
namespace {

class CudaFeeding : public testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
  }
  static DataOptions options(int64_t workers) {
    DataOptions options;
    options.dataset = DatasetKind::kIdx;
    options.batch_size = 64;
    options.workers = workers;
    options.augment.pad_and_crop = 4;
    options.augment.hflip = options.augment.vflip = true;
    return options;
  }
  /// What a step computes, for some milliseconds.
  static void compute(const torch::Tensor& matrix, int times = 40) {
    for (int i = 0; i < times; ++i) torch::matmul(matrix, matrix);
  }
  static torch::Tensor matrix() {
    return torch::randn({4096, 4096}, torch::device(device()));
  }
  static torch::Device device() { return {torch::kCUDA, 0}; }
};

TEST_F(CudaFeeding, PicturesThatLiveThereMakeTheHostsBatches) {
  for (const int64_t channels : {1, 3}) {
    const auto data = noisy_pictures(1000, channels, 32, 28);
    for (const auto mode : {Loader::Mode::kTrain, Loader::Mode::kEvaluate}) {
      Loader host(data, options(2), mode, 3, /*pinned=*/false);
      Loader there(data, options(2), mode, 3, /*pinned=*/true);
      ASSERT_EQ(there.keep_on(device(), 0.25 * free_memory(device())), "");
      for (const int64_t number : {0, 1}) {
        auto a = host.epoch(number), b = there.epoch(number);
        Prefetch batches(b, device());
        expect_same_batches(a, batches);
      }
      EXPECT_TRUE(there.epoch(0).next()->images.is_cuda());
    }
  }
}

// Under computing that takes longer than they travel: none is written over
// before it is read, here or there.
TEST_F(CudaFeeding, CopiesArriveWholeWhileTheDeviceComputes) {
  const auto data = noisy_pictures(4000, 3, 64, 64);
  Loader plain(data, options(0), Loader::Mode::kTrain, 3, /*pinned=*/false);
  Loader pinned(data, options(4), Loader::Mode::kTrain, 3, /*pinned=*/true);
  const auto busy = matrix();
  std::vector<torch::Tensor> expected, sums;
  const auto sum_of = [](const torch::Tensor& images) {
    return images.flatten(1).sum(1, /*keepdim=*/false, torch::kLong);
  };
  for (const int64_t number : {0, 1, 2}) {
    auto a = plain.epoch(number), b = pinned.epoch(number);
    for (const Batch& batch : a) expected.push_back(sum_of(batch.images));
    Prefetch batches(b, device());
    for (const Batch& batch : batches) {
      EXPECT_TRUE(batch.images.is_cuda());
      EXPECT_TRUE(batch.targets.values.is_cuda());
      EXPECT_TRUE(batch.images.is_contiguous(at::MemoryFormat::ChannelsLast));
      compute(busy, 4);
      sums.push_back(sum_of(batch.images));
    }
  }
  EXPECT_TRUE(torch::equal(torch::cat(sums).cpu(), torch::cat(expected)));
}

TEST_F(CudaFeeding, BatchesAreThoseOfTheEpoch) {
  const auto data = noisy_pictures(1000, 3, 32, 28);
  for (const int64_t workers : {0, 3}) {
    Loader host(data, options(0), Loader::Mode::kTrain, 3, /*pinned=*/false);
    Loader pinned(data, options(workers), Loader::Mode::kTrain, 3, true);
    auto a = host.epoch(2), b = pinned.epoch(2);
    Prefetch batches(b, device());
    expect_same_batches(a, batches);
  }
}

/// Each picture takes a while to read.
class SlowPictures : public Picked {
 public:
  SlowPictures(const DatasetPtr& from, std::chrono::microseconds each)
      : Picked({from},
               [&] {
                 std::vector<PicturePlace> places;
                 for (int64_t i = 0; i < from->size(); ++i) {
                   places.push_back({0, i});
                 }
                 return places;
               }()),
        each_(each) {}
  Image image(int64_t index) const override {
    std::this_thread::sleep_for(each_);
    return Picked::image(index);
  }

 private:
  std::chrono::microseconds each_;
};

// A device that waits half of the time, and one that never does, though the
// host waits for a worker in both.
TEST_F(CudaFeeding, WaitingIsTheDevicesAndNotTheHosts) {
  const auto pictures = noisy_pictures(640, 3, 32, 32);
  const auto busy = matrix();
  compute(busy);
  torch::cuda::synchronize();
  const auto begun = std::chrono::steady_clock::now();
  compute(busy);
  torch::cuda::synchronize();
  const double step =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun)
          .count();
  const auto share_of_waiting = [&](double batch_to_step) {
    const auto each = std::chrono::microseconds(
        static_cast<int64_t>(1e6 * batch_to_step * step / 64));
    Loader loader(std::make_shared<SlowPictures>(pictures, each), options(1),
                  Loader::Mode::kEvaluate, 3, /*pinned=*/true);
    auto epoch = loader.epoch(0);
    Prefetch batches(epoch, device());
    batches.next();  // Which none can hide.
    double waited = 0;
    compute(busy);
    const auto start = std::chrono::steady_clock::now();
    while (batches.next()) {
      waited += batches.waited();
      compute(busy);
    }
    torch::cuda::synchronize();
    return waited / std::chrono::duration<double>(
                        std::chrono::steady_clock::now() - start)
                        .count();
  };
  EXPECT_LT(share_of_waiting(0.5), 0.1) << step;
  EXPECT_NEAR(share_of_waiting(2), 0.5, 0.15) << step;
}

TEST_F(CudaFeeding, TransformsOfABatchAreTheCpus) {
  DataOptions data;
  data.augment.mixup = data.augment.cutmix = 0.8;
  for (const auto value : {EraseValue::kZero, EraseValue::kRandom}) {
    data.augment.random_erasing.p = 0.7;
    data.augment.random_erasing.value.word = value;
    const auto transforms = batch_transforms(data, 10);
    for (int64_t batch = 0; batch < 4; ++batch) {
      auto images = torch::randn({32, 3, 28, 36})
                        .contiguous(at::MemoryFormat::ChannelsLast);
      Targets targets{torch::arange(32) % 10};
      auto there = images.to(device());
      auto targets_there = targets.to(device());
      transform_batch(transforms, images, targets, 1, 2, batch);
      transform_batch(transforms, there, targets_there, 1, 2, batch);
      EXPECT_TRUE(torch::allclose(there.cpu(), images, 1e-6, 1e-6)) << batch;
      EXPECT_TRUE(torch::allclose(targets_there.values.cpu(), targets.values));
    }
  }
}

TEST_F(CudaFeeding, AnEpochCanBeLeftWithABatchOnItsWay) {
  Loader loader(noisy_pictures(1000, 3, 32, 28), options(2),
                Loader::Mode::kTrain, 3, /*pinned=*/true);
  for (int i = 0; i < 20; ++i) {
    auto epoch = loader.epoch(i);
    Prefetch batches(epoch, device());
    EXPECT_TRUE(batches.next());
  }
  torch::cuda::synchronize();
}

}  // namespace
}  // namespace skipzoo

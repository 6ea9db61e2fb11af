#include "tools/data/picture_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tools/data/loader.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

/// A data set of files, with a folder of its own for what is kept.
class KeptPictures : public testing::Test {
 protected:
  void SetUp() override {
    setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    for (int i = 0; i < 6; ++i) {
      for (const std::string name : {"cat", "dog"}) write(name, i);
    }
    options_.root = folder_.path();
    options_.image_size = 12;
    options_.crop_pct = 0.75;
    options_.batch_size = 4;
    options_.workers = 2;
    options_.augment.hflip = true;
    options_.augment.color_jitter.brightness = 0.5;
  }
  void TearDown() override { unsetenv("XDG_CACHE_HOME"); }

  void write(const std::string& name, int number) {
    folder_.write("train/" + name + "/" + std::to_string(number) + ".png",
                  make_jpeg({.width = 20 + number,
                             .height = 16,
                             .seed = number + 10 * (name == "dog")}));
  }
  /// Of three epochs, all pixels one behind the other.
  torch::Tensor pixels(Loader::Mode mode) {
    Loader loader(open_image_folder(folder_ / "train", 3, 2), options_, mode,
                  /*seed=*/3, /*pinned=*/false);
    std::vector<torch::Tensor> images;
    for (int64_t number = 0; number < 3; ++number) {
      auto epoch = loader.epoch(number);
      for (const Batch& batch : epoch) images.push_back(batch.images.flatten());
    }
    return torch::cat(images);
  }
  int64_t files_kept() const {
    int64_t files = 0;
    std::error_code absent;
    for (fs::recursive_directory_iterator at(folder_ / "cache", absent), end;
         at != end; at.increment(absent)) {
      files += at->is_regular_file() ? 1 : 0;
    }
    return files;
  }

  TemporaryFolder folder_;
  DataOptions options_;
};

TEST_F(KeptPictures, AreThoseWithoutACache) {
  using Change = void (*)(DataOptions&);
  const std::pair<const char*, Change> recipes[] = {
      {"resized", [](DataOptions&) {}},
      {"moved", [](DataOptions& o) { o.augment.pad_and_crop = 2; }},
      {"a part", [](DataOptions& o) { o.augment.random_resized_crop = true; }},
      {"another size in training", [](DataOptions& o) { o.train_size = 8; }},
      {"growing",
       [](DataOptions& o) {
         o.progressive_resizing.min_res = 8;
         o.progressive_resizing.max_res = 12;
         o.progressive_resizing.end_ramp = 2;
         o.progressive_resizing.multiple = 2;
       }},
      {"balanced", [](DataOptions& o) { o.sampler = Sampler::kBalanced; }}};
  for (const auto& [name, change] : recipes) {
    const DataOptions plain = options_;
    change(options_);
    for (const auto mode : {Loader::Mode::kTrain, Loader::Mode::kEvaluate}) {
      options_.cache = Cache::kNone;
      const auto expected = pixels(mode);
      for (const auto cache : {Cache::kRam, Cache::kDisk, Cache::kDisk}) {
        options_.cache = cache;
        EXPECT_TRUE(torch::equal(pixels(mode), expected))
            << name << ", " << name_of(cache);
      }
    }
    options_ = plain;
  }
}

TEST_F(KeptPictures, OfTheDiskOutliveTheRunAndAreReadNotMade) {
  options_.cache = Cache::kDisk;
  const auto expected = pixels(Loader::Mode::kEvaluate);
  EXPECT_EQ(files_kept(), 12);
  pixels(Loader::Mode::kTrain);  // Resized to another size.
  EXPECT_EQ(files_kept(), 24);
  // What is kept is what is taken.
  std::vector<fs::path> kept;
  for (const auto& entry :
       fs::recursive_directory_iterator(folder_ / "cache")) {
    if (entry.is_regular_file()) kept.push_back(entry.path());
  }
  ASSERT_EQ(kept.size(), 24u);
  for (const auto& path : kept) {
    if (path == kept.front()) continue;
    fs::copy_file(kept.front(), path, fs::copy_options::overwrite_existing);
  }
  const auto all = pixels(Loader::Mode::kEvaluate).view({3 * 12, -1});
  EXPECT_TRUE(torch::equal(all, all[0].expand_as(all)));
}

TEST_F(KeptPictures, OfAFileThatWasChangedAreMadeAnew) {
  options_.cache = Cache::kDisk;
  const auto expected = pixels(Loader::Mode::kEvaluate);
  const auto path = folder_ / "train/cat/0.png";
  const auto time = fs::last_write_time(path);
  const auto size = fs::file_size(path);
  // As long, and as old by its own word.
  folder_.write("train/cat/0.png", std::string(size, 'x'));
  fs::last_write_time(path, time);
  EXPECT_THROW(pixels(Loader::Mode::kEvaluate), FileError);
}

TEST_F(KeptPictures, ThatAreDamagedAreMadeAnew) {
  options_.cache = Cache::kDisk;
  const auto expected = pixels(Loader::Mode::kEvaluate);
  int number = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(folder_ / "cache")) {
    if (!entry.is_regular_file()) continue;
    const auto size = fs::file_size(entry);
    if (++number % 3 == 0) {
      fs::resize_file(entry, size - 1);
    } else if (number % 3 == 1) {
      std::fstream file(entry.path(), std::ios::in | std::ios::out);
      file.seekp(static_cast<std::streamoff>(size - 5));
      const char other = '\xA5';
      file.write(&other, 1);
    } else {
      fs::resize_file(entry, 3);
    }
  }
  EXPECT_TRUE(torch::equal(pixels(Loader::Mode::kEvaluate), expected));
}

TEST_F(KeptPictures, AreNotNeeded) {
  options_.cache = Cache::kNone;
  const auto expected = pixels(Loader::Mode::kEvaluate);
  folder_.write("cache/skipzoo", "a file where the folder would be");
  options_.cache = Cache::kDisk;
  EXPECT_TRUE(torch::equal(pixels(Loader::Mode::kEvaluate), expected));
}

TEST(PicturesInMemory, AreMadeOnceAndAskedForByManyThreads) {
  constexpr int64_t kPictures = 50;
  const auto cache = keep_in_memory(kPictures);
  std::vector<std::atomic<int>> made(kPictures);
  const auto ask = [&] {
    for (int64_t i = 0; i < kPictures; ++i) {
      const auto image = cache->get(i, [&] {
        ++made[static_cast<size_t>(i)];
        Image one(1, 4, 4);
        one.pixels[0] = static_cast<uint8_t>(i);
        return one;
      });
      EXPECT_EQ(image.pixels[0], i);
    }
  };
  ask();
  for (const auto& times : made) EXPECT_EQ(times, 1);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(ask);
  }
  for (const auto& times : made) EXPECT_EQ(times, 1);
  EXPECT_THROW(keep_in_memory(1)->get(
                   0, []() -> Image { throw std::runtime_error("no"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace skipzoo

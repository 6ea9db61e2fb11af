#include "tools/data/data_facts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tools/data/jpeg_writer.h"

namespace skipzoo {
namespace {

/// Two pixels a channel: of both values, so that all is known by hand.
DatasetPtr two_pictures() {
  return std::make_shared<MemoryDataset>(
      std::vector<uint8_t>{0, 51, 255, 255, 51, 0,  // Red and blue differ.
                           51, 51, 51, 51, 51, 51},
      /*channels=*/3, /*height=*/1, /*width=*/2, std::vector<int64_t>{0, 1},
      std::vector<std::string>{"a", "b"}, "memory");
}

TEST(Survey, CountsEachPictureAlike) {
  const auto looks = survey(*two_pictures(), {});
  ASSERT_EQ(looks.size(), 2u);
  EXPECT_EQ(looks[0].height, 1);
  EXPECT_EQ(looks[0].width, 2);
  EXPECT_FALSE(looks[0].is_grey);
  EXPECT_FALSE(looks[0].is_plain);
  EXPECT_TRUE(looks[1].is_grey);
  EXPECT_TRUE(looks[1].is_plain);
  const auto found = statistics_of(looks, 3);
  // Red: 0, 1 and 0.2, 0.2; the mean of their squares is 0.27.
  const std::vector<double> mean = {0.35, 0.2, 0.35};
  const std::vector<double> std = {std::sqrt(0.27 - 0.35 * 0.35), 0,
                                   std::sqrt(0.27 - 0.35 * 0.35)};
  for (size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(found.mean[c], mean[c], 1e-12) << c;
    EXPECT_NEAR(found.std[c], std[c], 1e-8) << c;
  }
}

class DataFacts : public testing::Test {
 protected:
  SplitFacts facts(const std::string& split, int64_t threads = 2) const {
    return facts_of_split(split, open_image_folder(folder / split, 3, 2),
                          {.threads = threads});
  }
  void write(const std::string& name, const JpegMade& made) const {
    folder.write(name, make_jpeg(made));
  }

  TemporaryFolder folder;
};

TEST_F(DataFacts, LooksAtAllOrSomeEvenlySpaced) {
  for (int i = 0; i < 5; ++i) {
    write("train/cat/" + std::to_string(i) + ".jpg", {.seed = i});
    write("train/dog/" + std::to_string(i) + ".jpg",
          {.width = 24, .height = 10, .seed = i + 5});
  }
  const auto data = open_image_folder(folder / "train", 3, 2);
  std::vector<int64_t> seen;
  for (const auto& one : survey(*data, {.most = 4})) seen.push_back(one.index);
  EXPECT_EQ(seen, (std::vector<int64_t>{0, 2, 5, 7}));
  int64_t calls = 0, last = 0;
  const auto all =
      survey(*data, {.threads = 3, .on_progress = [&](int64_t done, int64_t) {
                       ++calls;
                       last = std::max(last, done);
                     }});
  EXPECT_EQ(all.size(), 10u);
  EXPECT_EQ(calls, 10);
  EXPECT_EQ(last, 10);
  EXPECT_EQ(median_shorter_side(all), 16);
  EXPECT_EQ(median_shorter_side({all.begin() + 5, all.end()}), 10);
}

TEST_F(DataFacts, NamesWhatCannotBeRead) {
  write("train/cat/1.jpg", {.seed = 1});
  write("train/dog/1.jpg", {.seed = 2});
  folder.write("train/dog/2.jpg", make_jpeg({.seed = 3}).substr(0, 200));
  folder.write("train/dog/3.jpg", make_png(4, 4));  // Its name is wrong.
  const auto split = facts("train");
  EXPECT_EQ(split.per_class, (std::vector<int64_t>{1, 3}));
  EXPECT_TRUE(split.pictures[0].is_read());
  EXPECT_FALSE(split.pictures[2].is_read());
  EXPECT_NE(split.pictures[2].error.find("dog/2.jpg"), std::string::npos);
  const std::vector<SplitFacts> splits = {split};
  EXPECT_EQ(kinds_in(splits),
            (std::map<std::string, int64_t>{{"JPEG", 3}, {"PNG", 1}}));
  EXPECT_EQ(widths_in(splits).least, 4);
  EXPECT_EQ(widths_in(splits).most, 16);
}

TEST_F(DataFacts, CopiesAcrossSplitsAndOfOtherClassesAreSaid) {
  for (int i = 0; i < 3; ++i) {
    write("train/cat/" + std::to_string(i) + ".jpg", {.seed = i});
    write("train/dog/" + std::to_string(i) + ".jpg", {.seed = 10 + i});
    write("test/cat/" + std::to_string(i) + ".jpg", {.seed = 20 + i});
    write("test/dog/" + std::to_string(i) + ".jpg", {.seed = 30 + i});
  }
  write("train/cat/again.jpg", {.seed = 0});  // Harmless.
  write("train/dog/wrong.jpg", {.seed = 1});  // Of cat 1.
  // Cat 2 in other bytes.
  write("test/cat/leaked.jpg", {.orientation = 1, .seed = 2});
  const std::vector<SplitFacts> splits = {facts("train"), facts("test")};
  const auto copies = copies_in(splits, DataOptions());
  ASSERT_EQ(copies.size(), 3u);
  const auto names = [&](const Copies& one) {
    std::vector<std::string> keys;
    for (const auto& place : one.pictures) {
      keys.push_back(splits[place.split].data->key(place.index));
    }
    return keys;
  };
  EXPECT_EQ(names(copies[0]),
            (std::vector<std::string>{"cat/0.jpg", "cat/again.jpg"}));
  EXPECT_FALSE(copies[0].are_across_splits);
  EXPECT_FALSE(copies[0].have_other_labels);
  EXPECT_EQ(names(copies[1]),
            (std::vector<std::string>{"cat/1.jpg", "dog/wrong.jpg"}));
  EXPECT_FALSE(copies[1].are_across_splits);
  EXPECT_TRUE(copies[1].have_other_labels);
  EXPECT_EQ(names(copies[2]),
            (std::vector<std::string>{"cat/2.jpg", "cat/leaked.jpg"}));
  EXPECT_TRUE(copies[2].are_across_splits);
  EXPECT_FALSE(copies[2].have_other_labels);
}

TEST_F(DataFacts, OddPicturesAreThoseThatAreProbablyNotMeant) {
  for (int i = 0; i < 5; ++i) {
    write("train/cat/" + std::to_string(i) + ".jpg",
          {.width = 64, .height = 64, .seed = i});
  }
  write("train/dog/long.jpg", {.width = 90, .height = 20, .seed = 6});
  write("train/dog/small.jpg", {.width = 12, .height = 12, .seed = 7});
  write("train/dog/half.jpg", {.width = 32, .height = 32, .seed = 8});
  folder.write("train/dog/black.png", make_png(64, 64));
  const std::vector<SplitFacts> splits = {facts("train")};
  std::vector<std::string> odd;
  for (const auto& one : odd_pictures(splits)) {
    odd.push_back(splits[0].data->key(one.place.index) + ": " + one.why);
  }
  EXPECT_EQ(odd, (std::vector<std::string>{
                     "dog/black.png: of one colour",
                     "dog/long.jpg: 90 x 20 pixels: long and thin",
                     "dog/small.jpg: 12 x 12 pixels: much smaller than the "
                     "others"}));
}

TEST(JpegWriter, WhatItWritesReadsBackNearly) {
  for (const int64_t channels : {1, 3}) {
    Image image(channels, 24, 31);
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      const auto pixel = static_cast<int64_t>(i) / channels;
      image.pixels[i] =
          static_cast<uint8_t>(60 + 4 * (pixel / 31) + 2 * (pixel % 31) +
                               20 * (static_cast<int64_t>(i) % channels));
    }
    const auto jpeg = encode_jpeg(image, 95);
    const auto back = decode_image(
        {reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size()}, channels);
    ASSERT_EQ(back.height, 24);
    ASSERT_EQ(back.width, 31);
    ASSERT_EQ(back.pixels.size(), image.pixels.size());
    int worst = 0;
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      worst = std::max(worst, std::abs(int{back.pixels[i]} - image.pixels[i]));
    }
    EXPECT_LE(worst, 12) << channels;
  }
  EXPECT_THROW(encode_jpeg(Image(1, 1, 70'000)), std::runtime_error);
}

}  // namespace
}  // namespace skipzoo

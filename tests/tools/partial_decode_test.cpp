// Pictures of which a part alone is decoded.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/random_window.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/data/dataset.h"
#include "tools/data/training_transforms.h"
#include "tools/data/transform.h"

namespace skipzoo {
namespace {

/// A picture, or why there is none.
struct Decoded {
  Image image;
  std::string error;
};

Decoded decoded_part(const std::string& bytes, const ChooseWindow& choose,
                     int64_t channels = 3) {
  Decoded found;
  found.error = words_of_error([&] {
    found.image = decode_image(
        {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
        channels, choose);
  });
  return found;
}

ChooseWindow always(const Window& window) {
  return [window](int64_t, int64_t) { return window; };
}

std::string text_of(const Window& window) {
  return std::to_string(window.width) + "x" + std::to_string(window.height) +
         "+" + std::to_string(window.left) + "+" + std::to_string(window.top);
}

/// Decoding that part comes to the same as cutting it out of the whole.
void expect_same(const std::string& bytes, const Decoded& whole,
                 const Window& window) {
  const auto part = decoded_part(bytes, always(window));
  ASSERT_EQ(part.error, whole.error) << text_of(window);
  if (!whole.error.empty()) return;
  ASSERT_EQ(part.image.pixels, crop(whole.image, window.top, window.left,
                                    window.height, window.width)
                                   .pixels)
      << text_of(window);
  EXPECT_EQ(part.image.height, window.height);
  EXPECT_EQ(part.image.width, window.width);
}

/// Windows at every place next to the edges of blocks, and any others.
void expect_same_everywhere(const std::string& bytes) {
  const auto whole = decoded_part(bytes, {});
  ASSERT_EQ(whole.error, "");
  const int64_t height = whole.image.height, width = whole.image.width;
  for (const int64_t at : {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33}) {
    if (at < width) expect_same(bytes, whole, {0, at, height, 1});
    if (at < height) expect_same(bytes, whole, {at, 0, 1, width});
    if (at < width && at < height) {
      expect_same(bytes, whole, {at, at, height - at, width - at});
      expect_same(bytes, whole, {0, 0, at + 1, at + 1});
    }
  }
  Random random(17);
  for (int i = 0; i < 60; ++i) {
    expect_same(bytes, whole, random_window(height, width, random));
  }
}

constexpr std::pair<int, int> kSizes[] = {{1, 1},   {3, 2},   {17, 15},
                                          {16, 32}, {50, 41}, {129, 97}};

TEST(PartOfAJpeg, IsThatOfTheWholeHoweverColoursAreShared) {
  for (const auto& [columns, rows] :
       {std::pair{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {1, 4}, {4, 2}}) {
    for (const bool progressive : {false, true}) {
      for (const auto& [width, height] : kSizes) {
        SCOPED_TRACE(testing::Message()
                     << columns << 'x' << rows << ' ' << progressive << ' '
                     << width << 'x' << height);
        expect_same_everywhere(make_jpeg({.width = width,
                                          .height = height,
                                          .progressive = progressive,
                                          .share_columns = columns,
                                          .share_rows = rows}));
      }
    }
  }
}

TEST(PartOfAJpeg, IsThatOfTheWholeInGreyAndWithRestartMarkers) {
  for (const auto& [width, height] : kSizes) {
    for (const int interval : {0, 1, 3}) {
      SCOPED_TRACE(testing::Message()
                   << width << 'x' << height << ' ' << interval);
      JpegMade made = {.width = width, .height = height};
      made.restart_interval = interval;
      made.orientation = 6;
      expect_same_everywhere(make_jpeg(made));
      made.channels = 1;
      expect_same_everywhere(make_jpeg(made));
    }
  }
}

// Scans that leave bits out: what is known of a block then depends on those
// around it.
TEST(PartOfAJpeg, IsThatOfTheWholeWhereScansAreMissing) {
  auto bytes = make_jpeg({.width = 129, .height = 97, .progressive = true});
  int left_out = 0;
  for (;; ++left_out) {
    const auto last = bytes.rfind("\xFF\xDA");
    const auto tables = bytes.rfind("\xFF\xC4");
    if (left_out == 4 || last == std::string::npos) break;
    bytes = bytes.substr(0, std::min(last, tables)) + "\xFF\xD9";
    expect_same_everywhere(bytes);
  }
  EXPECT_EQ(left_out, 4);
}

TEST(PartOfAPicture, IsThatOfTheWholeInEveryKindOfFile) {
  const auto pictures = std::filesystem::path(SKIPZOO_GOLDENS) / "pictures";
  for (const char* name :
       {"rgb.jpg", "subsampled.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg",
        "rgb.png", "rgba.png", "palette.png", "grey16.png"}) {
    Random random(18);
    for (int i = 0; i < 20; ++i) {
      const int64_t channels = i % 2 == 0 ? 3 : 1;
      const Image whole = read_image(pictures / name, channels);
      const auto window = random_window(whole.height, whole.width, random);
      const Image part = read_image(pictures / name, channels, always(window));
      EXPECT_EQ(part.pixels, crop(whole, window.top, window.left, window.height,
                                  window.width)
                                 .pixels)
          << name << ' ' << text_of(window);
    }
  }
}

// Wherever data end, what lies above is whole; yet the file is refused.
TEST(PartOfAJpeg, IsRefusedWhereTheFileIsCutShortBelowIt) {
  for (const bool progressive : {false, true}) {
    for (const int interval : {0, 2}) {
      const auto good = make_jpeg({.width = 90,
                                   .height = 120,
                                   .progressive = progressive,
                                   .restart_interval = interval});
      for (size_t tenth = 1; tenth < 10; ++tenth) {
        const auto cut = good.substr(0, good.size() * tenth / 10);
        const auto whole = decoded_part(cut, {});
        expect_words(whole.error, "end too early");
        expect_same(cut, whole, {0, 0, 1, 1});
        expect_same(cut, whole, {30, 20, 20, 20});
        expect_same(cut, whole, {119, 0, 1, 90});
      }
    }
  }
}

// The end marker alone is not missed, nor is what stands behind it.
TEST(PartOfAJpeg, IsReadWhateverStandsBehindTheLastRow) {
  const auto good = make_jpeg({.width = 40, .height = 60});
  const auto without_end = good.substr(0, good.size() - 2);
  for (const auto& bytes :
       {without_end, without_end + std::string(500, '\0'),
        good + std::string(500, '\xFF'), good + good, without_end + "\xFF",
        without_end + "\xFF\xFF\xD9", without_end + "\xFF\xD3\xFF\xD9",
        without_end + "\xFF\xC4\xFF\xD9", without_end + "\xFF\xDA"}) {
    const auto whole = decoded_part(bytes, {});
    expect_same(bytes, whole, {0, 0, 3, 40});
    expect_same(bytes, whole, {20, 10, 20, 20});
    expect_same(bytes, whole, {59, 39, 1, 1});
  }
}

// Bits that are changed below a part change nothing in it; above, they change
// it as they do in the whole. Neither is an error, as it is none of the whole.
TEST(PartOfAJpeg, IsThatOfTheWholeWhereBytesAreChanged) {
  Random random(19);
  int read = 0;
  for (const bool progressive : {false, true}) {
    for (const int interval : {0, 1, 5}) {
      const auto good = make_jpeg({.width = 90,
                                   .height = 120,
                                   .progressive = progressive,
                                   .restart_interval = interval});
      const auto scan = good.find("\xFF\xDA") + 14;
      for (int i = 0; i < 150; ++i) {
        auto bytes = good;
        for (int j = 0; j <= i % 4; ++j) {
          const auto at =
              scan + static_cast<size_t>(random.below(
                         static_cast<int64_t>(bytes.size() - scan)));
          bytes[at] = i % 3 == 0 ? '\xFF' : static_cast<char>(random.next());
        }
        const auto whole = decoded_part(bytes, {});
        read += whole.error.empty() ? 1 : 0;
        expect_same(bytes, whole, random_window(120, 90, random));
        expect_same(bytes, whole, {0, 0, 10, 90});
      }
    }
  }
  EXPECT_GT(read, 400);
}

/// torchvision's RandomResizedCrop and RandomHorizontalFlip, of the numbers of
/// a sample, on a whole picture.
Image cropped_and_mirrored(const Image& image, int64_t size, Random random) {
  const auto area = static_cast<double>(image.height * image.width);
  int64_t w = 0, h = 0, top = 0, left = 0;
  for (bool found = false; !found;) {
    const double part = area * random.uniform(0.08, 1);
    const double ratio =
        std::exp(random.uniform(std::log(3.0 / 4), std::log(4.0 / 3)));
    w = round_to_even(std::sqrt(part * ratio));
    h = round_to_even(std::sqrt(part / ratio));
    found = w > 0 && w <= image.width && h > 0 && h <= image.height;
    if (!found) continue;
    top = random.below(image.height - h + 1);
    left = random.below(image.width - w + 1);
  }
  const Image small = resize(crop(image, top, left, h, w), size, size,
                             Interpolation::kBilinear);
  if (!random.coin()) return small;
  Image out(3, size, size);
  for (int64_t i = 0; i < size * size; ++i) {
    const int64_t from = i / size * size + size - 1 - i % size;
    for (int64_t c = 0; c < 3; ++c) {
      out.pixels[static_cast<size_t>(3 * i + c)] =
          small.pixels[static_cast<size_t>(3 * from + c)];
    }
  }
  return out;
}

TEST(PartOfAPicture, IsTheOneThatTheSampleDraws) {
  TemporaryFolder folder;
  folder.write("a/0.jpg", make_jpeg({.width = 90, .height = 70}));
  folder.write("b/1.jpg", make_jpeg({.width = 33, .height = 61}));
  const auto data = open_image_folder(folder.path(), 3, 2);
  DataOptions options;
  options.image_size = 21;
  options.augment.random_resized_crop = true;
  options.augment.hflip = true;
  const auto transforms = training_transforms(options);
  for (uint64_t i = 0; i < 200; ++i) {
    const auto index = static_cast<int64_t>(i % 2);
    const Random sample(5, 6, i);
    const auto read = [&](const ChooseWindow& choose) {
      EXPECT_TRUE(choose != nullptr);
      return data->part(index, choose);
    };
    const auto expected = cropped_and_mirrored(data->image(index), 21, sample);
    ASSERT_EQ(training_view(read, transforms, sample).pixels, expected.pixels);
    ASSERT_EQ(training_view(data->image(index), transforms, sample).pixels,
              expected.pixels);
  }
}

}  // namespace
}  // namespace skipzoo

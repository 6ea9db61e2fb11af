// EXIF's orientation: what it is read from, and pictures turned by it.

#include "tools/data/orientation.h"

#include <gtest/gtest.h>

#include "tests/support/make_pictures.h"
#include "tests/support/picture_formats.h"
#include "tests/support/random_window.h"
#include "tests/support/temporary_folder.h"
#include "tools/data/dataset.h"
#include "tools/data/picture_files.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

Image decode_all(const std::string& bytes, const ReadImage& how,
                 const ChooseWindow& choose = {}) {
  return decode_image(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, how,
      choose);
}

/// Three channels; a pixel is none of its neighbours.
Image numbered(int64_t height, int64_t width) {
  Image image(3, height, width);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>(i / 3 + 100 * (i % 3));
  }
  return image;
}

// Two by three, so that every pixel is told apart: Exif 2.32's drawings.
TEST(Orientation, PutsEachPixelWhereExifSays) {
  Image stored(1, 2, 3);
  stored.pixels = {1, 2, 3,  //
                   4, 5, 6};
  const std::vector<uint8_t> expected[] = {
      {1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
      {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
      {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image upright = turned(stored, orientation);
    EXPECT_EQ(upright.pixels, expected[orientation - 1]) << orientation;
    EXPECT_EQ(upright.width, orientation < 5 ? 3 : 2) << orientation;
    EXPECT_EQ(upright.height, orientation < 5 ? 2 : 3) << orientation;
  }
}

// A part that is cut out of the upright picture, or of the stored one and then
// turned; larger than the squares in which pixels are copied, too.
TEST(Orientation, APartTurnedIsThatPartOfTheTurnedWhole) {
  Random random(21);
  for (const auto& [height, width] : {std::pair{7, 11}, {70, 45}, {1, 40}}) {
    const Image stored = numbered(height, width);
    for (int orientation = 1; orientation <= 8; ++orientation) {
      const Image upright = turned(stored, orientation);
      for (int i = 0; i < 20; ++i) {
        const auto part = random_window(upright.height, upright.width, random);
        const auto there = stored_window(part, orientation, height, width);
        const Image cut =
            crop(stored, there.top, there.left, there.height, there.width);
        EXPECT_EQ(
            turned(cut, orientation).pixels,
            crop(upright, part.top, part.left, part.height, part.width).pixels)
            << orientation;
      }
    }
  }
}

// Of a JPEG, the part alone is decoded (partial_decode_test.cpp).
TEST(Orientation, APartOfAJpegIsThatOfTheUprightPicture) {
  Random random(22);
  for (const bool progressive : {false, true}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      const auto bytes = make_jpeg({.width = 90,
                                    .height = 61,
                                    .progressive = progressive,
                                    .orientation = orientation});
      for (const int channels : {3, 1}) {
        const Image stored = decode_all(bytes, {channels, Exif::kIgnore});
        ASSERT_EQ(stored.width, 90);
        const Image upright = turned(stored, orientation);
        EXPECT_EQ(decode_all(bytes, channels).pixels, upright.pixels);
        for (int i = 0; i < 25; ++i) {
          Window part;
          const auto choose = [&](int64_t height, int64_t width) {
            EXPECT_EQ(height, upright.height);
            EXPECT_EQ(width, upright.width);
            return part = random_window(height, width, random);
          };
          const Image seen = decode_all(bytes, channels, choose);
          EXPECT_EQ(seen.pixels,
                    crop(upright, part.top, part.left, part.height, part.width)
                        .pixels)
              << orientation;
          EXPECT_EQ(seen.height, part.height);
          const Image lying =
              decode_all(bytes, {channels, Exif::kIgnore},
                         [&](int64_t height, int64_t width) {
                           EXPECT_EQ(height, stored.height);
                           return part = random_window(height, width, random);
                         });
          EXPECT_EQ(lying.pixels,
                    crop(stored, part.top, part.left, part.height, part.width)
                        .pixels);
        }
      }
    }
  }
}

// The other files of goldens/picture_formats are not turned.
TEST(Orientation, IsLeftAloneWhereItIsIgnored) {
  const auto stored = read_text(picture_formats() / "turned_1.png.rgb");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const auto name = "turned_" + std::to_string(orientation) + ".png";
    const Image image =
        read_image(picture_formats() / name, {3, Exif::kIgnore});
    EXPECT_EQ(image.width, 9);
    EXPECT_EQ(image.pixels,
              (std::vector<uint8_t>{stored.begin(), stored.end()}));
  }
  for (const auto& name : {"turned_6.webp", "turned_8.tif"}) {
    if (!is_read(kind_of(read_text(picture_formats() / name)))) continue;
    EXPECT_EQ(read_image(picture_formats() / name, {3, Exif::kIgnore}).pixels,
              (std::vector<uint8_t>{stored.begin(), stored.end()}))
        << name;
  }
}

TEST(Orientation, IsTheDataSetsToApplyOrNot) {
  TemporaryFolder folder;
  const auto picture =
      folder.write("train/a/1.jpg",
                   make_jpeg({.width = 30, .height = 20, .orientation = 6}));
  folder.write("train/b/2.jpg", make_jpeg({.width = 30, .height = 20}));
  DataOptions options;
  options.root = folder.path();
  options.image_size = 8;
  for (const auto exif : {Exif::kApply, Exif::kIgnore}) {
    options.exif = exif;
    const auto data = open_dataset(options, Split::kTrain, 3, 2);
    const auto list = open_pictures({picture}, {3, exif});
    const int64_t width = exif == Exif::kApply ? 20 : 30;
    EXPECT_EQ(data->image(0).width, width);
    EXPECT_EQ(list->image(0).width, width);
    EXPECT_EQ(data->image(1).width, 30);
    const auto choose = [&](int64_t rows, int64_t columns) {
      EXPECT_EQ(columns, width);
      return Window{0, 0, rows, columns};
    };
    EXPECT_EQ(data->part(0, choose).pixels, data->image(0).pixels);
  }
}

TEST(Orientation, IsReadFromExifOfBothByteOrders) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big : {false, true}) {
      const auto exif = exif_of(orientation, big);
      for (const auto& text : {exif, std::string("Exif\0\0", 6) + exif}) {
        EXPECT_EQ(
            exif_orientation(
                {reinterpret_cast<const uint8_t*>(text.data()), text.size()}),
            orientation);
      }
    }
  }
  const auto beyond = exif_of(9);
  EXPECT_EQ(exif_orientation({reinterpret_cast<const uint8_t*>(beyond.data()),
                              beyond.size()}),
            1);
}

TEST(Orientation, DamagedExifSaysNothing) {
  const auto exif = exif_of(6);
  for (size_t size = 0; size < exif.size(); ++size) {
    const int found =
        exif_orientation({reinterpret_cast<const uint8_t*>(exif.data()), size});
    EXPECT_TRUE(found == 1 || found == 6) << size;
  }
  auto far = exif;
  far.replace(4, 4, "\xFF\xFF\xFF\xFF");
  EXPECT_EQ(exif_orientation(
                {reinterpret_cast<const uint8_t*>(far.data()), far.size()}),
            1);
}

}  // namespace
}  // namespace skipzoo

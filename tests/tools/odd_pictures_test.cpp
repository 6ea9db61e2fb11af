// JPEGs and PNGs as cameras, downloads and attackers leave them.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/expect_words.h"
#include "tests/support/make_pictures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/data/image.h"
#include "tools/data/picture_kind.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

Image decoded(const std::string& bytes) {
  return decode_image(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, 3);
}

std::string error_of(const std::string& bytes) {
  return words_of_error([&] { decoded(bytes); });
}

// PIL reads each without a word, but for the first, which lacks nothing else.
TEST(OddJpeg, WhatStandsBehindTheLastRowIsNotMissed) {
  const auto good = make_jpeg({.width = 40, .height = 30});
  const auto pixels = decoded(good).pixels;
  const auto without_end = good.substr(0, good.size() - 2);
  EXPECT_EQ(decoded(without_end).pixels, pixels);
  EXPECT_EQ(decoded(without_end + std::string(500, '\0')).pixels, pixels);
  EXPECT_EQ(decoded(good + std::string(500, '\0')).pixels, pixels);
  EXPECT_EQ(decoded(good + "some words").pixels, pixels);
  EXPECT_EQ(decoded(good + good).pixels, pixels);
}

// PIL: "image file is truncated".
TEST(OddJpeg, MissingRowsAndScansAreRefused) {
  const auto good = make_jpeg({.width = 40, .height = 30});
  expect_words(error_of(good.substr(0, good.size() / 2)), "end too early");
  expect_words(error_of(good.substr(0, good.size() - 30)), "end too early");
  expect_words(error_of(good.substr(0, good.size() - 4)), "end too early");
  const auto progressive =
      make_jpeg({.width = 40, .height = 30, .progressive = true});
  EXPECT_EQ(decoded(progressive).width, 40);
  expect_words(error_of(progressive.substr(0, progressive.size() - 2)),
               "end too early");
}

TEST(OddJpeg, ScansWithoutEndAreStopped) {
  EXPECT_EQ(decoded(jpeg_of_scans(100)).width, 16);
  expect_words(error_of(jpeg_of_scans(20'000)),
               "more than 500 scans of 16 x 16 pixels");
}

TEST(OddPicture, AnotherKindIsNamed) {
  const auto none = "no " + kinds_read("or");
  expect_words(error_of(std::string("\0\0\0\x18", 4) + "ftypheic1234"),
               none + " but a HEIC; convert it to JPEG or PNG");
  expect_words(error_of(std::string("\0\0\0\x18", 4) + "ftypavif1234"),
               "but an AVIF");
  expect_words(error_of("<!DOCTYPE html>"), "is it a page saved");
  expect_words(error_of(std::string(100, '\0')), "was its copy or download");
  EXPECT_EQ(error_of("hello, world"), none);
  // Of one that may be read, what is wrong or which library is not there.
  const std::string riff = "RIFF\x10\x20\x30\x40WEBPVP8 ";
  expect_words(error_of(riff), "WebP");
  expect_words(error_of("GIF89a......"), "GIF");
  expect_words(error_of("BM.............."), "not a readable BMP");
  expect_words(error_of(std::string("II*\0....", 8)), "TIFF");
}

TEST(OddPng, SizesAndChunksBeyondReasonAreRefused) {
  expect_words(error_of(png_start(50'000, 50'000) +
                        png_chunk("IDAT", std::string(100, 'x'))),
               "a picture of 50000 x 50000 pixels");
  expect_words(
      error_of(png_start(0x7FFFFFFF, 0x7FFFFFFF) + png_chunk("IDAT", "")),
      "not a readable PNG");
  // A length of 2 GB with nothing behind it.
  const auto huge = big_endian(0x7FFFFFFF) + "tEXt and no more";
  expect_words(error_of(png_start(4, 4) + huge), "not a readable PNG");
}

TEST(OddPng, WhatStandsBehindThePixelsMayBeDamaged) {
  const auto good = make_png(4, 4);
  EXPECT_EQ(decoded(good.substr(0, good.size() - 12)).width, 4);
  EXPECT_EQ(decoded(good + "more").width, 4);
}

TEST(OddFile, APipeADeviceAndAFolderAreNotWaitedFor) {
  TemporaryFolder folder;
  const auto pipe = folder / "pipe.jpg";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const auto error_of_file = [](const std::filesystem::path& path) {
    return words_of_error([&] { read_image(path, 3); });
  };
  expect_words(error_of_file(pipe), "pipe.jpg: is a pipe, expected a file");
  expect_words(error_of_file("/dev/zero"), "is a device, expected a file");
  expect_words(error_of_file(folder.path()), "is a folder, expected a file");
}

TEST(OddFile, HolesOfAHundredGigabytesAreNotRead) {
  TemporaryFolder folder;
  const auto zeros = folder.write("zeros.jpg", "");
  std::filesystem::resize_file(zeros, 100'000'000'000);
  expect_words(words_of_error([&] { read_image(zeros, 3); }),
               "zeros: was its copy or download cut short?");
  const auto begun = folder.write("begun.jpg", make_jpeg());
  std::filesystem::resize_file(begun, 100'000'000'000);
  expect_words(words_of_error([&] { read_image(begun, 3); }),
               "100.0 GB, more than a picture can hold");
}

}  // namespace
}  // namespace skipzoo

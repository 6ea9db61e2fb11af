// BMP, GIF, TIFF and WebP: what is read has PIL's pixels, and what is not read
// is refused in a sentence.

#include "tests/support/picture_formats.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/expect_words.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tests/support/zip.h"
#include "tools/data/image.h"
#include "tools/data/passed_over.h"
#include "tools/data/picture_kind.h"

namespace skipzoo {
namespace {

Image decode_text(const std::string& bytes, const ReadImage& how = 3,
                  const ChooseWindow& choose = {}) {
  return decode_image(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, how,
      choose);
}

std::string error_in(const std::string& bytes) {
  return words_of_error([&] { decode_text(bytes); });
}

/// One of tests/goldens/picture_formats.
std::string format_golden(const std::string& name) {
  return read_text(picture_formats() / name);
}

class EveryFormat : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    bytes_ = format_golden(GetParam());
    ASSERT_NE(bytes_, "");
    const auto words = words_of_error([&] { decode_text(bytes_); });
    if (!is_read(kind_of(bytes_))) {
      expect_words(words, "this build of skipzoo was made without");
      GTEST_SKIP() << words;
    }
    ASSERT_EQ(words, "");
  }

  std::string bytes_;
};

TEST_P(EveryFormat, DecodesToThePixelsOfPil) {
  const auto expected = format_golden(GetParam() + ".rgb");
  const Image rgb = decode_text(bytes_);
  EXPECT_EQ(rgb.channels, 3);
  EXPECT_EQ(rgb.pixels.size(), static_cast<size_t>(3 * rgb.height * rgb.width));
  EXPECT_EQ(rgb.pixels,
            (std::vector<uint8_t>{expected.begin(), expected.end()}));
  // As of PIL's pixels, which images of one channel in a file must not change.
  EXPECT_EQ(decode_text(bytes_, 1).pixels, with_channels(rgb, 1).pixels);
}

TEST_P(EveryFormat, APartIsThatOfTheWhole) {
  const Image whole = decode_text(bytes_);
  const Window window = {1, 2, whole.height - 2, whole.width - 3};
  const auto choose = [&](int64_t height, int64_t width) {
    EXPECT_EQ(height, whole.height);
    EXPECT_EQ(width, whole.width);
    return window;
  };
  EXPECT_EQ(
      decode_text(bytes_, 3, choose).pixels,
      crop(whole, window.top, window.left, window.height, window.width).pixels);
}

// The first frame or page may be whole, and only what follows be missing.
TEST_P(EveryFormat, CutShortIsTheSamePictureOrRefused) {
  const auto whole = decode_text(bytes_).pixels;
  EXPECT_NE(error_in(bytes_.substr(0, bytes_.size() / 4)), "");
  for (size_t size = 16; size < bytes_.size(); size += 5) {
    const auto cut = bytes_.substr(0, size);
    const auto error = error_in(cut);
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    if (!error.empty()) continue;
    EXPECT_EQ(decode_text(cut).pixels, whole) << size;
  }
}

std::string word_of(const testing::TestParamInfo<std::string>& info) {
  std::string word = info.param;
  std::ranges::replace(word, '.', '_');
  return word;
}

INSTANTIATE_TEST_SUITE_P(Pictures, EveryFormat,
                         testing::ValuesIn(picture_format_names()), word_of);

TEST(PictureFormats, HaveAGoldenOfEachKind) {
  std::set<PictureKind> kinds;
  for (const auto& name : picture_format_names()) {
    kinds.insert(kind_of(format_golden(name)));
  }
  for (const auto kind : {PictureKind::kWebp, PictureKind::kTiff,
                          PictureKind::kGif, PictureKind::kBmp}) {
    EXPECT_TRUE(kinds.contains(kind));
  }
  EXPECT_GT(picture_format_names().size(), 60u);
}

TEST(PictureFormats, AreTakenFromFoldersWhereTheyAreRead) {
  const std::pair<const char*, PictureKind> names[] = {
      {"a.jpg", PictureKind::kJpeg},  {"a.PNG", PictureKind::kPng},
      {"a.webp", PictureKind::kWebp}, {"a.tif", PictureKind::kTiff},
      {"a.TIFF", PictureKind::kTiff}, {"a.gif", PictureKind::kGif},
      {"a.bmp", PictureKind::kBmp}};
  for (const auto& [name, kind] : names) {
    EXPECT_EQ(is_picture(name), is_read(kind)) << name;
    EXPECT_EQ(is_other_picture(name), !is_read(kind)) << name;
  }
  EXPECT_TRUE(is_read(PictureKind::kBmp));
  EXPECT_FALSE(is_read(PictureKind::kOther));
  EXPECT_TRUE(kinds_read().starts_with("JPEG, PNG"));
  EXPECT_TRUE(kinds_read("or").ends_with(" or BMP"));
}

TEST(PictureFormats, SizesBeyondReasonAreRefusedBeforeMemoryIsTaken) {
  const auto canvas = little_endian(60'000, 2) + little_endian(60'000, 2);
  auto bmp = format_golden("rgb.bmp");
  bmp.replace(18, 8, little_endian(0x7FFFFFFF, 4) + little_endian(1, 4));
  expect_words(error_in(bmp), "a picture of 2147483647 x 1 pixels");
  // As large as a picture may be, of which there are a few bytes.
  bmp.replace(18, 8, little_endian(13'000, 4) + little_endian(13'000, 4));
  expect_words(error_in(bmp), "the data end too early");
  if (is_read(PictureKind::kGif)) {
    auto gif = format_golden("palette.gif");
    gif.replace(6, 4, canvas);
    expect_words(error_in(gif), "a picture of 60000 x 60000 pixels");
  }
  if (is_read(PictureKind::kWebp)) {
    // VP8X, whose canvas no frame reaches; and one within the kind's limit.
    auto webp = format_golden("small_frame.webp");
    webp.replace(24, 6, std::string("\xFF\x3F\0\xFF\x3F\0", 6));
    expect_words(error_in(webp), "a picture of 16384 x 16384 pixels");
  }
}

/// The value of the tag in a little-endian TIFF of one page, replaced.
std::string with_tag(std::string tiff, uint16_t tag, uint32_t value) {
  const auto number = [&](size_t at, size_t bytes) {
    size_t read = 0;
    for (size_t i = bytes; i-- > 0;) {
      read = read << 8 | static_cast<uint8_t>(tiff.at(at + i));
    }
    return read;
  };
  const size_t directory = number(4, 4);
  for (size_t i = 0; i < number(directory, 2); ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (number(entry, 2) != tag) continue;
    const size_t bytes = number(entry + 2, 2) == 3 ? 2 : 4;
    return tiff.replace(entry + 8, bytes, little_endian(value, bytes));
  }
  ADD_FAILURE() << "no tag " << tag;
  return tiff;
}

TEST(PictureFormats, ATiffThatIsNotReadSaysWhy) {
  if (!is_read(PictureKind::kTiff)) GTEST_SKIP() << "without libtiff";
  const auto white = format_golden("grey_2_bits.tif");
  const auto error = [&](uint16_t tag, uint32_t value) {
    return error_in(with_tag(white, tag, value));
  };
  constexpr uint16_t kWidth = 256, kBits = 258, kCompression = 259,
                     kPhotometric = 262, kGiven = 277;
  expect_words(error(kBits, 32),
               "a TIFF of samples of 32 bits, which is not "
               "read; convert it to JPEG or PNG");
  expect_words(error(kPhotometric, 8), "PhotometricInterpretation is 8");
  expect_words(error(kCompression, 6), "a TIFF of compression 6");
  expect_words(error(kCompression, 12345), "a TIFF of compression 12345");
  expect_words(error(kGiven, 5000), "a TIFF of 5000 samples a pixel");
  expect_words(error(kWidth, 60'000), "not a readable TIFF: the data end too");
  expect_words(error(kWidth, 0), "not a readable TIFF");
  // A camera's raw file, by its mark and by its first page.
  expect_words(error_in(std::string("II*\0\x10\0\0\0CR\2\0", 12)),
               "but a camera's raw file; convert it to JPEG or PNG");
  auto thumbnail = white;
  const auto tag = little_endian(258, 2) + little_endian(3, 2);
  thumbnail.replace(thumbnail.find(tag), 12,
                    little_endian(254, 2) + little_endian(4, 2) +
                        little_endian(1, 4) + little_endian(1, 4));
  expect_words(error_in(thumbnail), "whose first page is a thumbnail");
}

TEST(PictureFormats, ABmpThatIsNotReadSaysWhy) {
  const auto good = format_golden("8_bits.bmp");
  const auto error = [&](size_t at, const std::string& bytes) {
    auto odd = good;
    odd.replace(at, bytes.size(), bytes);
    return error_in(odd);
  };
  expect_words(error(14, little_endian(16, 4)), "BMP: a header of 16 bytes");
  expect_words(error(28, little_endian(2, 2)), "BMP: its pixels have 2 bits");
  expect_words(error(30, little_endian(4, 4)), "BMP: its compression is 4");
  expect_words(error(30, little_endian(2, 4)), "8 bits, its compression is 2");
  expect_words(error(46, little_endian(1 << 20, 4)), "BMP: 1048576 colours");
  expect_words(error_in("BM, a text that begins so"), "not a readable BMP");
  auto masks = format_golden("16_bits_565.bmp");
  masks.replace(54, 4, little_endian(0x5000, 4));
  expect_words(error_in(masks), "bits that lie apart");
}

}  // namespace
}  // namespace skipzoo

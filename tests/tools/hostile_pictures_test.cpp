// Pictures and data sets with bytes changed at random, by a fixed seed: what is
// read is whole, or one of our errors says what is wrong. Under sanitizers.

#include <gtest/gtest.h>

#include "tests/support/damaged.h"
#include "tests/support/make_pictures.h"
#include "tests/support/picture_formats.h"
#include "tests/support/random_window.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/words_of_error.h"
#include "tools/data/dataset.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

const std::filesystem::path kPictures =
    std::filesystem::path(SKIPZOO_GOLDENS) / "pictures";

/// So many damaged copies of each are read whole or refused, and so are parts
/// of them: how many of them either way.
struct Outcomes {
  int read = 0;
  int refused = 0;
};
Outcomes read_damaged(const std::vector<std::string>& good, int copies) {
  Random random(11);
  Outcomes outcomes;
  for (const auto& bytes : good) {
    for (int i = 0; i < copies; ++i) {
      const auto odd = damaged(bytes, random);
      const auto decode = [&](const ChooseWindow& choose) {
        const Exif exif = i % 4 < 2 ? Exif::kApply : Exif::kIgnore;
        return decode_image(
            {reinterpret_cast<const uint8_t*>(odd.data()), odd.size()},
            {i % 2 == 0 ? 3 : 1, exif}, choose);
      };
      Window part;
      const auto choose = [&](int64_t height, int64_t width) {
        return part = random_window(height, width, random);
      };
      Image seen;
      const auto error = words_of_error([&] { seen = decode(choose); });
      try {
        const Image image = decode({});
        EXPECT_EQ(error, "");
        EXPECT_EQ(
            seen.pixels,
            crop(image, part.top, part.left, part.height, part.width).pixels);
        EXPECT_EQ(
            image.pixels.size(),
            static_cast<size_t>(image.channels * image.height * image.width));
        ++outcomes.read;
      } catch (const std::runtime_error& refusal) {
        EXPECT_EQ(error, refusal.what());
        EXPECT_EQ(error.find('\n'), error.npos);
        ++outcomes.refused;
      }
    }
  }
  return outcomes;
}

TEST(HostilePicture, IsReadWholeOrRefused) {
  std::vector<std::string> good = {
      make_jpeg({.orientation = 6}), make_jpeg({.progressive = true}),
      make_png(9, 7,
               png_chunk("eXIf", exif_of(3)) +
                   png_chunk("tEXt", std::string("a\0b", 3)))};
  for (const char* name : {"cmyk.jpg", "subsampled.jpg", "palette_clear.png",
                           "grey16.png", "grey_alpha.png", "one_bit.png"}) {
    good.push_back(read_text(kPictures / name));
  }
  const auto [read, refused] = read_damaged(good, 400);
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 1000);
}

TEST(HostilePicture, OfEveryFormatIsReadWholeOrRefused) {
  std::vector<std::string> good;
  for (const auto& name : picture_format_names()) {
    const auto bytes = read_text(picture_formats() / name);
    if (is_read(kind_of(bytes))) good.push_back(bytes);
  }
  const auto [read, refused] = read_damaged(good, 120);
  EXPECT_GT(read, 1000);
  EXPECT_GT(refused, 1000);
}

TEST(HostileIdx, IsReadWholeOrRefused) {
  const auto pictures = big_endian(0x803) + big_endian(4) + big_endian(3) +
                        big_endian(5) + std::string(60, 'x');
  const auto labels =
      big_endian(0x801) + big_endian(4) + std::string("\0\1\2\3", 4);
  Random random(12);
  int read = 0;
  for (int i = 0; i < 600; ++i) {
    TemporaryFolder folder;
    const bool packed = i % 2 == 0;
    const bool other = i % 3 == 0;
    const auto of = [&](const std::string& bytes, bool odd) {
      auto text = packed ? gzipped(bytes) : bytes;
      return odd ? damaged(std::move(text), random) : text;
    };
    const std::string ending = packed ? ".gz" : "";
    folder.write("train-images-idx3-ubyte" + ending, of(pictures, !other));
    folder.write("train-labels-idx1-ubyte" + ending, of(labels, other));
    try {
      const auto data = open_idx(folder.path(), Split::kTrain, 3, 4);
      for (int64_t j = 0; j < data->size(); ++j) {
        ASSERT_LT(data->label(j), 4);
        const Image image = data->image(j);
        ASSERT_EQ(image.pixels.size(),
                  static_cast<size_t>(3 * image.height * image.width));
      }
      ++read;
    } catch (const FileError&) {
    }
  }
  EXPECT_GT(read, 20);
}

TEST(HostileCifar, IsReadWholeOrRefused) {
  TemporaryFolder folder;
  const std::string whole(10'000 * 3073, '\5');
  Random random(13);
  for (int i = 0; i < 6; ++i) {
    auto bytes = whole;
    for (int j = 0; j < 3; ++j) {
      const auto at = random.below(static_cast<int64_t>(bytes.size()));
      bytes[static_cast<size_t>(at)] = static_cast<char>(random.next());
    }
    if (i % 2 == 1) bytes.resize(bytes.size() - 1);
    folder.write("test_batch.bin", bytes);
    try {
      const auto data = open_cifar(folder.path(), Split::kTest, 1, false);
      EXPECT_EQ(data->size(), 10'000);
      EXPECT_EQ(data->image(9'999).pixels.size(), 1024u);
    } catch (const FileError&) {
    }
  }
}

}  // namespace
}  // namespace skipzoo

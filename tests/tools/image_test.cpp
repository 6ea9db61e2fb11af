#include "tools/data/image.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tools/data/training_transforms.h"
#include "tools/data/transform.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

const std::filesystem::path kPictures =
    std::filesystem::path(SKIPZOO_GOLDENS) / "pictures";

std::vector<uint8_t> bytes_of(const std::filesystem::path& path) {
  const auto text = read_text(path);
  return {text.begin(), text.end()};
}

/// The share of pixels that differ from PIL's, and by how much at most.
struct Difference {
  double share = 0;
  int largest = 0;
};
Difference compare(const Image& image, const std::string& stored) {
  const auto expected = bytes_of(kPictures / stored);
  EXPECT_EQ(image.pixels.size(), expected.size()) << stored;
  Difference difference;
  for (size_t i = 0; i < expected.size(); ++i) {
    const int by = std::abs(int{image.pixels[i]} - int{expected[i]});
    difference.share += by > 0 ? 1.0 / static_cast<double>(expected.size()) : 0;
    difference.largest = std::max(difference.largest, by);
  }
  return difference;
}

class EveryKind : public testing::TestWithParam<const char*> {};

TEST_P(EveryKind, DecodesToThePixelsOfPil) {
  const std::string name = GetParam();
  const Image rgb = read_image(kPictures / name, 3);
  EXPECT_EQ(rgb.channels, 3);
  EXPECT_EQ(rgb.height, 11);
  EXPECT_EQ(rgb.width, 13);
  EXPECT_EQ(compare(rgb, name + ".rgb").largest, 0);
  EXPECT_EQ(compare(read_image(kPictures / name, 1), name + ".grey").largest,
            0);
}

INSTANTIATE_TEST_SUITE_P(Pictures, EveryKind,
                         testing::Values("rgb.jpg", "subsampled.jpg",
                                         "progressive.jpg", "grey.jpg",
                                         "cmyk.jpg", "rgb.png", "grey.png",
                                         "rgba.png", "grey_alpha.png",
                                         "palette.png", "palette_clear.png",
                                         "one_bit.png", "grey16.png"));

TEST(Image, IsRecognisedByContentNotByName) {
  TemporaryFolder folder;
  const auto path =
      folder.write("picture.png", read_text(kPictures / "rgb.jpg"));
  EXPECT_EQ(compare(read_image(path, 3), "rgb.jpg.rgb").largest, 0);
}

TEST(Image, DamagedFilesAreNamedWithWhatIsWrong) {
  TemporaryFolder folder;
  const auto message = [&](const std::string& name, const std::string& text) {
    try {
      read_image(folder.write(name, text), 3);
    } catch (const FileError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto jpeg = read_text(kPictures / "rgb.jpg");
  const auto png = read_text(kPictures / "rgb.png");
  EXPECT_NE(message("cut.jpg", jpeg.substr(0, jpeg.size() - 60))
                .find("cut.jpg: the JPEG data end too early"),
            std::string::npos);
  EXPECT_NE(message("head.jpg", jpeg.substr(0, 40)).find("not a readable JPEG"),
            std::string::npos);
  EXPECT_NE(message("cut.png", png.substr(0, png.size() / 2))
                .find("not a readable PNG: the data end too early"),
            std::string::npos);
  EXPECT_NE(message("page.jpg", "<html>").find("but HTML or XML"),
            std::string::npos);
  EXPECT_NE(message("none.jpg", "").find("the file is empty"),
            std::string::npos);
  EXPECT_THROW(read_image(folder / "absent.jpg", 3), FileError);
}

// What a fuzzer would do first: whatever comes, an image or an error.
TEST(Image, DamagedBytesNeverDoMoreThanFail) {
  for (const char* name : {"rgb.jpg", "progressive.jpg", "rgba.png"}) {
    const auto good = bytes_of(kPictures / name);
    Random random(7);
    for (int i = 0; i < 300; ++i) {
      auto bytes = good;
      for (int j = 0; j < 3; ++j) {
        bytes[static_cast<size_t>(
            random.below(static_cast<int64_t>(bytes.size())))] =
            static_cast<uint8_t>(random.next());
      }
      try {
        const Image image = decode_image(bytes, 3);
        EXPECT_EQ(image.pixels.size(),
                  static_cast<size_t>(3 * image.height * image.width));
      } catch (const std::runtime_error&) {
      }
    }
  }
}

TEST(Resize, GivesThePixelsOfPil) {
  const Image source = read_image(kPictures / "source.png", 3);
  const struct {
    Interpolation interpolation;
    const char* name;
    int largest;  // Where an enlargement by bicubic rounds twice, 2.
  } kinds[] = {{Interpolation::kBilinear, "bilinear", 1},
               {Interpolation::kBicubic, "bicubic", 2}};
  for (const auto& kind : kinds) {
    for (const auto& [w, h] : {std::pair{16, 12}, {9, 30}, {60, 50}}) {
      const auto name = std::string("source_") + kind.name + "_" +
                        std::to_string(w) + "x" + std::to_string(h) + ".rgb";
      const auto difference =
          compare(resize(source, h, w, kind.interpolation), name);
      EXPECT_LE(difference.largest, kind.largest) << name;
      EXPECT_LE(difference.share, 0.02) << name;
    }
  }
}

TEST(EvaluationView, ResizesAndCutsTheMiddleAsTorchvision) {
  DataOptions options;
  options.image_size = 16;
  options.crop_pct = 0.875;
  const auto view =
      evaluation_view(read_image(kPictures / "source.png", 3), options);
  EXPECT_EQ(view.height, 16);
  EXPECT_EQ(view.width, 16);
  EXPECT_LE(compare(view, "source_view_16.rgb").largest, 1);
}

TEST(EvaluationView, LeavesAPictureOfThatSizeAsItIs) {
  DataOptions options;
  options.image_size = 32;
  options.crop_pct = 1;
  Image image(3, 32, 32);
  image.pixels[100] = 7;
  EXPECT_EQ(evaluation_view(image, options).pixels, image.pixels);
}

TEST(TrainingView, CropsReachEveryPositionAlike) {
  DataOptions options;
  options.augment.pad_and_crop = 2;
  Image image(1, 5, 5);
  image.pixels[12] = 255;  // The middle pixel tells the window's place.
  std::vector<int> seen(25);
  const auto transforms = training_transforms(options);
  for (uint64_t i = 0; i < 5000; ++i) {
    const auto view = training_view(image, transforms, Random(1, 2, i));
    for (size_t p = 0; p < 25; ++p) seen[p] += view.pixels[p] == 255 ? 1 : 0;
  }
  for (const int count : seen) {
    EXPECT_GT(count, 130);  // 200 expected; five standard deviations are 70.
    EXPECT_LT(count, 270);
  }
}

TEST(TrainingView, FlipsHalfOfThePictures) {
  DataOptions options;
  options.augment.hflip = true;
  Image image(1, 1, 2);
  image.pixels = {10, 20};
  int flipped = 0;
  const auto transforms = training_transforms(options);
  for (uint64_t i = 0; i < 1000; ++i) {
    const auto view = training_view(image, transforms, Random(1, 2, i));
    EXPECT_EQ(view.pixels[0] + view.pixels[1], 30);
    flipped += view.pixels[0] == 20 ? 1 : 0;
  }
  EXPECT_NEAR(flipped, 500, 80);
}

TEST(TrainingView, ATransformThatIsAddedShiftsNoOthersNumbers) {
  DataOptions options;
  options.augment.pad_and_crop = 2;
  options.augment.hflip = true;
  Image image(1, 5, 5);
  for (size_t i = 0; i < 25; ++i) image.pixels[i] = static_cast<uint8_t>(i + 1);
  const auto usual = training_transforms(options);
  auto more = usual;
  std::vector<uint64_t> drawn;
  more.insert(more.begin(),
              {.stream = "new", .apply = [&](Image in, Random& r) {
                 drawn.push_back(r.next());
                 return in;
               }});
  for (uint64_t i = 0; i < 100; ++i) {
    const Random sample(1, 2, i);
    EXPECT_EQ(training_view(image, more, sample).pixels,
              training_view(image, usual, sample).pixels);
  }
  // Its own are others for each picture.
  EXPECT_EQ(std::set<uint64_t>(drawn.begin(), drawn.end()).size(), 100u);
}

TEST(TrainingView, ARandomResizedCropCoversTheAreasAskedFor) {
  DataOptions options;
  options.image_size = 8;
  options.augment.random_resized_crop = true;
  options.augment.scale = {0.25, 0.25};
  options.augment.ratio = {1, 1};
  Image image(1, 32,
              32);  // A ramp: the mean tells the place, the step the size.
  for (size_t y = 0; y < 32; ++y) {
    for (size_t x = 0; x < 32; ++x) {
      image.pixels[32 * y + x] = static_cast<uint8_t>(4 * x);
    }
  }
  const auto transforms = training_transforms(options);
  for (uint64_t i = 0; i < 50; ++i) {
    const auto view = training_view(image, transforms, Random(3, 4, i));
    ASSERT_EQ(view.pixels.size(), 64u);
    // 16 columns on 8: two columns a step, 8 grey values.
    EXPECT_NEAR(view.pixels[5] - view.pixels[2], 24, 3);
  }
}

TEST(Normaliser, IsTorchvisionsToTensorAndNormalize) {
  const Normaliser normalise({0.5, 0.25, 0}, {0.5, 0.2, 1}, torch::kCPU);
  auto pixels = torch::zeros({1, 3, 1, 2}, torch::kByte);
  pixels[0][0][0][0] = 255;
  pixels[0][1][0][1] = 51;
  const auto out = normalise(pixels);
  EXPECT_NEAR(out[0][0][0][0].item<double>(), 1, 1e-6);
  EXPECT_NEAR(out[0][0][0][1].item<double>(), -1, 1e-6);
  EXPECT_NEAR(out[0][1][0][1].item<double>(), -0.25, 1e-6);
  EXPECT_NEAR(out[0][2][0][0].item<double>(), 0, 1e-6);
}

}  // namespace
}  // namespace skipzoo

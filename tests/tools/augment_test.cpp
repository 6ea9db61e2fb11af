#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/temporary_folder.h"
#include "tools/data/augment/affine.h"
#include "tools/data/augment/blur.h"
#include "tools/data/augment/pixel_operations.h"
#include "tools/data/augment/policies.h"

namespace skipzoo {
namespace {

const std::filesystem::path kAugment =
    std::filesystem::path(SKIPZOO_GOLDENS) / "augment";

/// A line of cases.txt and the pixels that belong to it.
struct Case {
  std::string line;
  std::string picture;
  std::string operation;
  std::vector<std::string> given;
  Image source;
  std::vector<uint8_t> expected;

  double number(size_t i) const { return std::stod(given.at(i)); }
  int64_t whole(size_t i) const { return std::stoll(given.at(i)); }
};

std::vector<Case> read_cases() {
  const std::string pixels = read_text(kAugment / "pixels.bin");
  std::ifstream lines(kAugment / "cases.txt");
  std::map<std::string, Image> pictures;
  std::vector<Case> cases;
  size_t at = 0;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Case one;
    one.line = line;
    words >> one.picture >> one.operation;
    for (std::string word; words >> word;) one.given.push_back(word);
    const bool is_source = one.picture == "picture";
    Image& source = pictures[is_source ? one.operation : one.picture];
    if (is_source) source = Image(one.whole(0), one.whole(1), one.whole(2));
    const auto size = source.pixels.size();
    const auto* from = reinterpret_cast<const uint8_t*>(pixels.data()) +
                       std::exchange(at, at + size);
    if (at > pixels.size()) throw std::runtime_error("pixels.bin is short");
    if (is_source) {
      source.pixels.assign(from, from + size);
    } else {
      one.source = source;
      one.expected.assign(from, from + size);
      cases.push_back(std::move(one));
    }
  }
  return cases;
}

Resampling resampling_of(const std::string& word) {
  return word == "nearest"    ? Resampling::kNearest
         : word == "bilinear" ? Resampling::kBilinear
                              : Resampling::kBicubic;
}

constexpr Fill kFill = {124, 116, 104};

/// False for what another test compares.
bool apply(const Case& given, Image& image) {
  const std::string& name = given.operation;
  if (name == "autocontrast") return autocontrast(image), true;
  if (name == "equalize") return equalize(image), true;
  if (name == "invert") return invert(image), true;
  if (name == "posterize") return posterize(image, given.whole(0)), true;
  if (name == "solarize") return solarize(image, given.number(0)), true;
  if (name == "solarize_add") return solarize_add(image, given.whole(0)), true;
  if (name == "color") return adjust_color(image, given.number(0)), true;
  if (name == "contrast") return adjust_contrast(image, given.number(0)), true;
  if (name == "brightness") {
    return adjust_brightness(image, given.number(0)), true;
  }
  if (name == "sharpness") {
    return adjust_sharpness(image, given.number(0)), true;
  }
  if (name == "hue") return adjust_hue(image, given.number(0)), true;
  if (name == "grey") return make_grey(image), true;
  if (name == "vflip") return flip_vertically(image), true;
  if (name == "rotate") {
    image =
        rotate(image, given.number(1), resampling_of(given.given[0]), kFill);
    return true;
  }
  if (name == "transform") {
    AffineMatrix matrix;
    for (size_t i = 0; i < 6; ++i) matrix[i] = given.number(i + 1);
    image = transform(image, matrix, resampling_of(given.given[0]), kFill);
    return true;
  }
  return false;
}

struct Differences {
  int64_t count = 0;
  int largest = 0;
};
Differences differences(const Image& image,
                        const std::vector<uint8_t>& expected) {
  EXPECT_EQ(image.pixels.size(), expected.size());
  Differences found;
  for (size_t i = 0; i < expected.size(); ++i) {
    const int by = std::abs(int{image.pixels[i]} - int{expected[i]});
    found.count += by > 0 ? 1 : 0;
    found.largest = std::max(found.largest, by);
  }
  return found;
}

TEST(PixelOperations, GiveThePixelsOfPil) {
  int64_t compared = 0;
  for (const Case& given : read_cases()) {
    Image image = given.source;
    if (!apply(given, image)) continue;
    EXPECT_EQ(differences(image, given.expected).count, 0) << given.line;
    ++compared;
  }
  EXPECT_GT(compared, 200);
}

/// What a policy gives an operation: torchvision's by bin and sign, timm's by
/// level.
Step step_of(const Case& given) {
  std::string word = given.given[0];
  for (const std::string_view end : {"Increasing", "Rel"}) {
    if (word.ends_with(end)) word.resize(word.size() - end.size());
  }
  Step step;
  for (const auto& entry : EnumNames<Operation>::values) {
    if (entry.name == word) step.operation = entry.value;
  }
  const int64_t height = given.source.height, width = given.source.width;
  if (given.operation == "timm") {
    step.argument =
        timm_argument(step.operation, given.number(1), 1, height, width);
    step.resampling = Resampling::kBicubic;
    return step;
  }
  const Ranges ranges = given.operation == "trivial_wide"
                            ? wide_ranges()
                            : usual_ranges(height, width);
  step.argument =
      torchvision_argument(step.operation, ranges, given.whole(1), /*bins=*/31,
                           static_cast<int>(given.whole(2)));
  return step;
}

TEST(PolicyOperations, GiveThePixelsOfTorchvisionAndTimm) {
  int64_t compared = 0;
  for (const Case& given : read_cases()) {
    const bool is_timm = given.operation == "timm";
    if (!is_timm && given.operation != "randaugment" &&
        given.operation != "trivial_wide") {
      continue;
    }
    const Image image =
        apply(step_of(given), given.source, is_timm ? kFill : Fill{});
    EXPECT_EQ(differences(image, given.expected).count, 0) << given.line;
    ++compared;
  }
  EXPECT_GT(compared, 100);
}

TEST(AugMix, GivesThePixelsOfTimm) {
  int64_t compared = 0;
  for (const Case& given : read_cases()) {
    if (given.operation != "augmix") continue;
    Mixture mixture;
    mixture.chains = {{{Operation::kAutoContrast}},
                      {{Operation::kPosterize, 3}, {Operation::kInvert}},
                      {{Operation::kRotate, 11, Resampling::kBicubic}}};
    mixture.share = static_cast<float>(given.number(0));
    for (size_t i = 1; i < 4; ++i) {
      mixture.weights.push_back(static_cast<float>(given.number(i)));
    }
    const Image image = apply(mixture, given.source, kFill);
    EXPECT_EQ(differences(image, given.expected).count, 0) << given.line;
    ++compared;
  }
  EXPECT_EQ(compared, 2);
}

// Where a value lies half between two bytes, float and double part.
TEST(GaussianBlur, IsTorchvisionsFormula) {
  int64_t compared = 0, values = 0, different = 0;
  for (const Case& given : read_cases()) {
    if (given.operation != "blur") continue;
    const auto found = differences(
        gaussian_blur(given.source, given.whole(0), given.number(1)),
        given.expected);
    EXPECT_LE(found.largest, 1) << given.line;
    different += found.count;
    values += static_cast<int64_t>(given.expected.size());
    ++compared;
  }
  EXPECT_EQ(compared, 24);
  EXPECT_LE(different * 300, values);
}

}  // namespace
}  // namespace skipzoo

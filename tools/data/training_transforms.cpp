#include "tools/data/training_transforms.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "tools/data/augment/transforms.h"
#include "tools/data/stage_times.h"
#include "tools/data/transform.h"

namespace skipzoo {

namespace {

template <int64_t kChannels>
void mirror_pixels(Image& image) {
  const int64_t row = kChannels * image.width;
  uint8_t* left = image.pixels.data();
  for (int64_t y = 0; y < image.height; ++y, left += row) {
    uint8_t* from = left;
    uint8_t* to = left + row - kChannels;
    for (; from < to; from += kChannels, to -= kChannels) {
      std::swap_ranges(from, from + kChannels, to);
    }
  }
}

void mirror(Image& image) {
  if (image.channels == 1) {
    mirror_pixels<1>(image);
  } else {
    mirror_pixels<3>(image);
  }
}

/// torchvision's RandomResizedCrop.get_params: ten tries, then the largest
/// centred part of an allowed aspect ratio.
Window random_part(int64_t rows, int64_t columns, const AugmentOptions& options,
                   Random& random) {
  const auto height = static_cast<double>(rows);
  const auto width = static_cast<double>(columns);
  for (int i = 0; i < 10; ++i) {
    const double area =
        height * width * random.uniform(options.scale[0], options.scale[1]);
    const double ratio = std::exp(
        random.uniform(std::log(options.ratio[0]), std::log(options.ratio[1])));
    const int64_t w = round_to_even(std::sqrt(area * ratio));
    const int64_t h = round_to_even(std::sqrt(area / ratio));
    if (w > 0 && w <= columns && h > 0 && h <= rows) {
      const int64_t top = random.below(rows - h + 1);
      const int64_t left = random.below(columns - w + 1);
      return {top, left, h, w};
    }
  }
  const double ratio =
      std::clamp(width / height, options.ratio[0], options.ratio[1]);
  const int64_t w =
      std::clamp<int64_t>(round_to_even(height * ratio), 1, columns);
  const int64_t h = std::clamp<int64_t>(round_to_even(width / ratio), 1, rows);
  return {(rows - h) / 2, (columns - w) / 2, h, w};
}

/// What crops and flips draw from, in turn: the sample's own numbers.
constexpr std::string_view kGeometry;

TrainingTransform random_resized_crop(const DataOptions& options,
                                      int64_t size) {
  const auto window = [augment = options.augment](int64_t height, int64_t width,
                                                  Random& random) {
    return random_part(height, width, augment, random);
  };
  const auto interpolation = options.interpolation;
  if (size != 0) {
    return {kGeometry,
            [=](Image image, Random&) {
              return resize(std::move(image), size, size, interpolation);
            },
            window};
  }
  // Back to the size of the whole, which is thus to be known.
  return {kGeometry, [=](Image image, Random& random) {
            const int64_t height = image.height, width = image.width;
            const auto choose = [&](int64_t h, int64_t w) {
              return window(h, w, random);
            };
            return resize(part_of(std::move(image), choose), height, width,
                          interpolation);
          }};
}

TrainingTransform resize_and_centre_crop(Interpolation interpolation,
                                         int64_t size) {
  return {kGeometry, [interpolation, size](Image image, Random&) {
            return resize_and_crop(std::move(image), size, size, interpolation);
          }};
}

TrainingTransform pad_and_crop(int64_t pad) {
  const auto draw = [pad](Random& random) {
    Placement where;
    where.top = random.below(2 * pad + 1) - pad;
    where.left = random.below(2 * pad + 1) - pad;
    return where;
  };
  return {.stream = kGeometry,
          .apply =
              [draw](Image image, Random& random) {
                const Placement where = draw(random);
                return crop(image, where.top, where.left, image.height,
                            image.width);
              },
          // It comes before all else that moves pixels.
          .place = [draw](Placement& where,
                          Random& random) { where = draw(random); }};
}

TrainingTransform horizontal_flip() {
  return {.stream = kGeometry,
          .apply =
              [](Image image, Random& random) {
                if (random.coin()) mirror(image);
                return image;
              },
          .place = [](Placement& where,
                      Random& random) { where.is_mirrored = random.coin(); }};
}

/// What each of the transforms of a sample draws from.
class Streams {
 public:
  explicit Streams(const Random& sample)
      : sample_(sample), streams_{{kGeometry, sample}} {}
  Random& of(const TrainingTransform& transform) {
    const auto own = streams_.try_emplace(transform.stream,
                                          sample_.stream(transform.stream));
    return own.first->second;
  }

 private:
  const Random& sample_;
  std::map<std::string_view, Random> streams_;
};

}  // namespace

std::vector<TrainingTransform> training_transforms(const DataOptions& options,
                                                   int64_t epoch) {
  const AugmentOptions& augment = options.augment;
  const int64_t size = options.size_in_epoch(epoch);
  std::vector<TrainingTransform> all;
  if (augment.random_resized_crop) {
    all.push_back(random_resized_crop(options, size));
  } else if (size != 0) {
    all.push_back(resize_and_centre_crop(options.interpolation, size));
  }
  if (augment.pad_and_crop > 0) {
    all.push_back(pad_and_crop(augment.pad_and_crop));
  }
  if (augment.hflip) all.push_back(horizontal_flip());
  for (auto& one : augmentations(options)) all.push_back(std::move(one));
  return all;
}

Image training_view(Image image, std::span<const TrainingTransform> transforms,
                    const Random& sample) {
  return training_view(
      [&](const ChooseWindow& choose) {
        return part_of(std::move(image), choose);
      },
      transforms, sample);
}

Image training_view(const ReadPart& read,
                    std::span<const TrainingTransform> transforms,
                    const Random& sample) {
  Streams streams(sample);
  const auto window_of = [&](const TrainingTransform& transform) {
    if (!transform.window) return ChooseWindow();
    return ChooseWindow([&](int64_t height, int64_t width) {
      return transform.window(height, width, streams.of(transform));
    });
  };
  if (transforms.empty()) return read({});
  Image image = read(window_of(transforms.front()));
  const InStage stage(Stage::kAugment);
  for (const auto& transform : transforms) {
    if (&transform != &transforms.front()) {
      image = part_of(std::move(image), window_of(transform));
    }
    image = transform.apply(std::move(image), streams.of(transform));
  }
  return image;
}

Placement placement_of(std::span<const TrainingTransform> transforms,
                       const Random& sample) {
  Streams streams(sample);
  Placement where;
  for (const auto& transform : transforms) {
    transform.place(where, streams.of(transform));
  }
  return where;
}

}  // namespace skipzoo

#include <ATen/ops/from_blob.h>

#include <cmath>

#include "tools/data/augment/transforms.h"
#include "tools/data/distributions.h"
#include "tools/data/transform.h"

namespace skipzoo {

namespace {

/// A part of a picture; none where height is 0.
struct Part {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

/// torchvision's RandomErasing.make_params: ten tries, then none.
Part drawn_part(const RandomErasingOptions& options, int64_t height,
                int64_t width, Random& random) {
  if (random.uniform() >= options.p) return {};
  for (int i = 0; i < 10; ++i) {
    const double area = static_cast<double>(height * width) *
                        random.uniform(options.scale[0], options.scale[1]);
    const double ratio = std::exp(
        random.uniform(std::log(options.ratio[0]), std::log(options.ratio[1])));
    const int64_t h = round_to_even(std::sqrt(area * ratio));
    const int64_t w = round_to_even(std::sqrt(area / ratio));
    if (h < 1 || w < 1 || h >= height || w >= width) continue;
    const int64_t top = random.below(height - h + 1);
    return {top, random.below(width - w + 1), h, w};
  }
  return {};
}

/// erased: the part, (C, h, w). numbers: one, or one a channel.
void fill(const torch::Tensor& erased, const std::vector<double>& numbers) {
  for (int64_t c = 0; c < erased.size(0); ++c) {
    const auto which = numbers.size() == 1 ? 0 : static_cast<size_t>(c);
    erased.select(0, c).fill_(numbers[which]);
  }
}

}  // namespace

BatchTransform random_erasing(const RandomErasingOptions& options) {
  return {
      "random_erasing",
      [options](torch::Tensor& images, Targets&, Random& random) {
        for (int64_t i = 0; i < images.size(0); ++i) {
          // Of its own, as noise draws as many numbers as the part is large.
          Random own(random.next());
          const Part part =
              drawn_part(options, images.size(2), images.size(3), own);
          if (part.height == 0) continue;
          const auto erased = images.select(0, i)
                                  .narrow(1, part.top, part.height)
                                  .narrow(2, part.left, part.width);
          if (!options.value.numbers.empty()) {
            fill(erased, options.value.numbers);
            continue;
          }
          if (options.value.word == EraseValue::kZero) {
            erased.zero_();
            continue;
          }
          std::vector<float> noise(static_cast<size_t>(erased.numel()));
          for (auto& value : noise) {
            value = static_cast<float>(draw_normal(own));
          }
          erased.copy_(at::from_blob(noise.data(), erased.sizes(), at::kFloat));
        }
      }};
}

}  // namespace skipzoo

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cmath>
#include <vector>

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

/// One of its own for each picture, as noise draws as many numbers as the part
/// is large.
Random own_numbers(Random& random) { return Random(random.next()); }

void append_noise(const Part& part, int64_t channels, Random& own,
                  std::vector<float>& noise) {
  for (int64_t i = channels * part.height * part.width; i > 0; --i) {
    noise.push_back(static_cast<float>(draw_normal(own)));
  }
}

void erase_one_by_one(const RandomErasingOptions& options,
                      const torch::Tensor& images, Random& random) {
  for (int64_t i = 0; i < images.size(0); ++i) {
    Random own = own_numbers(random);
    const Part part = drawn_part(options, images.size(2), images.size(3), own);
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
    std::vector<float> noise;
    noise.reserve(static_cast<size_t>(erased.numel()));
    append_noise(part, images.size(1), own, noise);
    erased.copy_(at::from_blob(noise.data(), erased.sizes(), at::kFloat));
  }
}

/// bool (N, 1, H, W): what lies in the DrawnParts::parts.
torch::Tensor mask_of(const torch::Tensor& parts, int64_t height,
                      int64_t width) {
  const auto within = [&](int64_t size, int64_t from) {
    const auto places = at::arange(size, parts.options());
    return places.ge(parts.narrow(1, from, 1))
        .logical_and_(places.lt(parts.narrow(1, from + 1, 1)));
  };
  return within(height, 0)
      .unsqueeze(2)
      .logical_and(within(width, 2).unsqueeze(1))
      .unsqueeze(1);
}

/// What is drawn for a batch, in page-locked memory for a GPU.
struct DrawnParts {
  /// int64 (N, 4): where each begins and ends, in rows and in columns.
  torch::Tensor parts;
  torch::Tensor noise;  ///< float32: of one part behind the other.
};

DrawnParts drawn_parts(const RandomErasingOptions& options,
                       const torch::Tensor& images, bool with_noise,
                       Random& random) {
  const auto on_host =
      at::TensorOptions().pinned_memory(images.device().is_cuda());
  DrawnParts drawn;
  drawn.parts = at::empty({images.size(0), 4}, on_host.dtype(at::kLong));
  auto* out = drawn.parts.mutable_data_ptr<int64_t>();
  std::vector<float> noise;
  for (int64_t i = 0; i < images.size(0); ++i) {
    Random own = own_numbers(random);
    const Part part = drawn_part(options, images.size(2), images.size(3), own);
    *out++ = part.top;
    *out++ = part.top + part.height;
    *out++ = part.left;
    *out++ = part.left + part.width;
    if (with_noise) append_noise(part, images.size(1), own, noise);
  }
  drawn.noise = at::empty({std::ssize(noise)}, on_host.dtype(at::kFloat));
  std::ranges::copy(noise, drawn.noise.mutable_data_ptr<float>());
  return drawn;
}

}  // namespace

void erase_at_once(const RandomErasingOptions& options,
                   const torch::Tensor& images, Random& random) {
  const bool is_noise = options.value.numbers.empty() &&
                        options.value.word == EraseValue::kRandom;
  const auto drawn = drawn_parts(options, images, is_noise, random);
  const auto there = [&](const torch::Tensor& tensor) {
    return tensor.to(images.device(), /*non_blocking=*/true);
  };
  const auto erased =
      mask_of(there(drawn.parts), images.size(2), images.size(3));
  if (is_noise) {
    // Both go through pictures, channels, rows and columns in this order.
    images.masked_scatter_(erased.expand_as(images), there(drawn.noise));
    return;
  }
  const auto& numbers = options.value.numbers;
  if (numbers.size() < 2) {
    images.masked_fill_(erased, numbers.empty() ? 0 : numbers.front());
    return;
  }
  for (int64_t c = 0; c < images.size(1); ++c) {
    images.narrow(1, c, 1).masked_fill_(erased,
                                        numbers[static_cast<size_t>(c)]);
  }
}

BatchTransform random_erasing(const RandomErasingOptions& options) {
  return {"random_erasing",
          [options](torch::Tensor& images, Targets&, Random& random) {
            const auto erase =
                images.is_cpu() ? erase_one_by_one : erase_at_once;
            erase(options, images, random);
          }};
}

}  // namespace skipzoo

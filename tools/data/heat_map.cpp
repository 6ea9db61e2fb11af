#include "tools/data/heat_map.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>
#include <cmath>

namespace skipzoo {

std::array<uint8_t, 3> turbo(double value) {
  // Every sixteenth of its table; linear between them.
  constexpr uint8_t kAnchors[17][3] = {
      {48, 18, 59},   {64, 64, 161},  {70, 107, 227}, {66, 147, 255},
      {41, 187, 236}, {24, 220, 195}, {49, 242, 153}, {107, 253, 100},
      {163, 253, 60}, {204, 237, 52}, {237, 208, 58}, {253, 174, 53},
      {251, 128, 34}, {236, 82, 15},  {210, 49, 5},   {172, 23, 1},
      {122, 4, 3}};
  const double at = 16 * std::clamp(value, 0., 1.);
  const auto below = std::min<size_t>(15, static_cast<size_t>(at));
  const double part = at - static_cast<double>(below);
  std::array<uint8_t, 3> colour{};
  for (size_t c = 0; c < 3; ++c) {
    const double from = kAnchors[below][c], to = kAnchors[below + 1][c];
    colour[c] = static_cast<uint8_t>(std::lround(from + part * (to - from)));
  }
  return colour;
}

Image heat_colours(const torch::Tensor& heat) {
  const auto values = heat.to(torch::kFloat).contiguous();
  const auto* value = values.const_data_ptr<float>();
  Image image(3, values.size(0), values.size(1));
  for (auto out = image.pixels.begin(); out != image.pixels.end(); out += 3) {
    std::ranges::copy(turbo(*value++), out);
  }
  return image;
}

Image with_heat(const Image& picture, const torch::Tensor& heat) {
  const auto whole = heat.to(torch::kFloat).unsqueeze(0).unsqueeze(0);
  const auto resized = at::upsample_bilinear2d(
      whole, {picture.height, picture.width}, /*align_corners=*/false);
  Image both = heat_colours(resized[0][0]);
  const Image below = with_channels(picture, 3);
  std::ranges::transform(
      below.pixels, both.pixels, both.pixels.begin(),
      [](int pixel, int colour) {
        return static_cast<uint8_t>((pixel + colour + 1) / 2);
      });
  return both;
}

}  // namespace skipzoo

#include "tools/train/examples.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "models/classifier.h"
#include "models/grad_cam.h"
#include "tools/data/heat_map.h"
#include "tools/data/png_writer.h"
#include "tools/data/transform.h"

namespace skipzoo {

namespace {

/// Of a size for a page, if it is larger.
Image small_enough(const Image& picture) {
  const int64_t longer = std::max(picture.height, picture.width);
  if (longer <= kMostPixelsOfExample) return picture;
  const auto shrunk = [&](int64_t side) {
    const int64_t to = (side * kMostPixelsOfExample + longer / 2) / longer;
    return std::max<int64_t>(1, to);
  };
  return resize(picture, shrunk(picture.height), shrunk(picture.width),
                Interpolation::kBilinear);
}

/// uint8 (1, C, H, W).
torch::Tensor batch_of(const Image& picture) {
  auto pixels = at::empty({1, picture.channels, picture.height, picture.width},
                          torch::kByte, at::MemoryFormat::ChannelsLast);
  std::memcpy(pixels.mutable_data_ptr<uint8_t>(), picture.pixels.data(),
              picture.pixels.size());
  return pixels;
}

/// A PNG; empty where the network has none.
std::string heat_of(Classifier* model, const Preprocessing& preprocess,
                    const Image& picture, int64_t predicted) {
  if (model == nullptr) return "";
  const c10::NoGradGuard no_grad;
  const auto classes = at::full(
      {1}, predicted, at::TensorOptions(preprocess.device).dtype(torch::kLong));
  try {
    const auto heat = grad_cam(*model, preprocess(batch_of(picture)), classes);
    return encode_png(heat_colours(heat[0].to(torch::kCPU)));
  } catch (const c10::NotImplementedError&) {
    return "";
  }
}

std::vector<Example> examples_of(Classifier* model, const Loader& loader,
                                 const Preprocessing& preprocess,
                                 const std::vector<JudgedPicture>& judged) {
  const auto& data = loader.dataset();
  const auto& classes = data.classes();
  std::vector<Example> examples;
  for (const auto& one : judged) {
    try {
      const Image picture = loader.evaluation_image(one.index);
      examples.push_back(
          {.name = data.key(one.index),
           .truth = classes.at(static_cast<size_t>(one.label)),
           .predicted = classes.at(static_cast<size_t>(one.predicted)),
           .probability = one.probability,
           .picture = encode_png(small_enough(picture)),
           .heat = heat_of(model, preprocess, picture, one.predicted)});
    } catch (const std::runtime_error& error) {
      spdlog::warn("left out of the report: {}", error.what());
    }
  }
  return examples;
}

}  // namespace

Mistakes look_at_mistakes(Classifier* model, const Loader& loader,
                          const Preprocessing& preprocess,
                          const std::vector<JudgedPicture>& judged) {
  constexpr size_t kMost = 12;
  const auto examples = [&](const std::vector<JudgedPicture>& chosen) {
    return examples_of(model, loader, preprocess, chosen);
  };
  return {.confident_mistakes = examples(confident_mistakes(judged, kMost)),
          .doubtful_hits = examples(doubtful_hits(judged, kMost)),
          .thresholds = at_thresholds(judged),
          .confidence = confidence_bins(judged)};
}

}  // namespace skipzoo

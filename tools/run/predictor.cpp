#include "tools/run/predictor.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace skipzoo {

struct Predictor::Shared {
  LoadedNetwork network;
  DataOptions pictures;
  /// An engine's plans and buffers are of one call at a time.
  std::mutex forward;
};

Predictor::Predictor(LoadedNetwork network)
    : shared_(std::make_shared<Shared>()) {
  shared_->pictures = picture_options(network);
  shared_->network = std::move(network);
}

const LoadedNetwork& Predictor::network() const { return shared_->network; }

torch::Tensor Predictor::probabilities(const torch::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  const auto images = network().preprocess(pixels);
  const std::lock_guard<std::mutex> lock(shared_->forward);
  return network().forward(images).to(torch::kFloat).softmax(1).to(torch::kCPU);
}

std::vector<Prediction> Predictor::likeliest(const torch::Tensor& probabilities,
                                             int64_t topk) const {
  const auto count = std::min(topk, probabilities.size(0));
  const auto [values, indices] = probabilities.topk(count);
  const auto* value = values.const_data_ptr<float>();
  const auto* index = indices.const_data_ptr<int64_t>();
  std::vector<Prediction> predictions;
  for (int64_t k = 0; k < count; ++k) {
    predictions.push_back({.index = index[k],
                           .name = network().class_name(index[k]),
                           .probability = value[k]});
  }
  return predictions;
}

std::vector<Prediction> Predictor::predict(const Image& picture,
                                           int64_t topk) const {
  Image view = evaluation_view(picture, shared_->pictures);
  const int64_t c = view.channels, h = view.height, w = view.width;
  // A view of its pixels, which lie channels-last.
  const auto pixels = at::from_blob(view.pixels.data(), {1, c, h, w},
                                    {h * w * c, 1, w * c, c}, torch::kByte);
  return likeliest(probabilities(pixels)[0], topk);
}

std::vector<Prediction> Predictor::predict(const std::filesystem::path& picture,
                                           int64_t topk) const {
  return predict(read_image(picture, in_channels(network().config.model)),
                 topk);
}

Predictor load(const std::filesystem::path& file) {
  return load(NetworkSource{.file = file});
}

Predictor load(const NetworkSource& source) {
  return Predictor(load_network(source));
}

}  // namespace skipzoo

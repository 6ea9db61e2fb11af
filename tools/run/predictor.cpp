#include "tools/run/predictor.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "models/classifier.h"
#include "models/grad_cam.h"
#include "tools/error.h"
#include "tools/run/embedding.h"

namespace skipzoo {

struct Predictor::Shared {
  LoadedNetwork network;
  DataOptions pictures;
  /// An engine's plans and buffers are of one call at a time.
  std::mutex forward;
  Forward embedding;  ///< Made when it is first asked for.
};

namespace {

/// uint8 (N, C, H, W), channels-last, of pictures of one size.
torch::Tensor stacked(std::span<const Image> views) {
  const Image& one = views.front();
  auto pixels =
      at::empty({std::ssize(views), one.channels, one.height, one.width},
                torch::kByte, at::MemoryFormat::ChannelsLast);
  auto* out = pixels.mutable_data_ptr<uint8_t>();
  for (const auto& view : views) {
    std::memcpy(out, view.pixels.data(), view.pixels.size());
    out += view.pixels.size();
  }
  return pixels;
}

bool same_size(const Image& a, const Image& b) {
  return a.height == b.height && a.width == b.width;
}

std::vector<float> first_row(const torch::Tensor& rows) {
  const auto* from = rows.const_data_ptr<float>();
  return {from, from + rows.size(1)};
}

/// Reads pictures and predicts them, a batch of one size at a time.
template <typename Read>
std::vector<Predictions> in_batches(const Predictor& net, size_t count,
                                    const Read& read, int64_t topk,
                                    const std::stop_token& stop) {
  constexpr size_t kMost = 32;
  std::vector<Predictions> all;
  std::vector<Image> views;
  const auto predict_views = [&] {
    if (views.empty()) return;
    const auto rows = net.probabilities(stacked(views));
    for (int64_t n = 0; n < rows.size(0); ++n) {
      all.push_back(net.likeliest(rows[n], topk));
    }
    views.clear();
  };
  for (size_t i = 0; i < count; ++i) {
    if (stop.stop_requested()) return all;
    Image view = read(i);
    if (views.size() == kMost ||
        (!views.empty() && !same_size(views.front(), view))) {
      predict_views();
    }
    views.push_back(std::move(view));
  }
  if (!stop.stop_requested()) predict_views();
  return all;
}

}  // namespace

Predictor::Predictor(LoadedNetwork network)
    : shared_(std::make_shared<Shared>()) {
  shared_->pictures = picture_options(network);
  shared_->network = std::move(network);
}

const LoadedNetwork& Predictor::network() const { return shared_->network; }

int64_t Predictor::channels() const {
  return in_channels(network().config.model);
}

ReadImage Predictor::how_to_read() const {
  return {channels(), network().config.data.exif};
}

torch::Tensor Predictor::probabilities(const torch::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  const auto images = network().preprocess(pixels);
  const std::lock_guard<std::mutex> lock(shared_->forward);
  const auto logits = network().forward(images).to(torch::kFloat);
  return (network().finds_several() ? logits.sigmoid() : logits.softmax(1))
      .to(torch::kCPU);
}

torch::Tensor Predictor::embeddings(const torch::Tensor& pixels) const {
  const c10::NoGradGuard no_grad;
  const auto images = network().preprocess(pixels);
  const std::lock_guard<std::mutex> lock(shared_->forward);
  if (!shared_->embedding) shared_->embedding = embedding_of(network());
  return shared_->embedding(images).to(torch::kFloat).to(torch::kCPU);
}

torch::Tensor Predictor::heat_maps(const torch::Tensor& pixels,
                                   const torch::Tensor& classes) const {
  if (network().is_program()) {
    throw ConfigError(
        "an exported program gives the classes alone; for where it sees them "
        "give the run folder or checkpoint");
  }
  const c10::NoGradGuard no_grad;
  const auto images = network().preprocess(pixels);
  const std::lock_guard<std::mutex> lock(shared_->forward);
  return grad_cam(*network().model, images, classes.to(network().device))
      .to(torch::kCPU);
}

Predictions Predictor::likeliest(const torch::Tensor& probabilities,
                                 int64_t topk) const {
  const auto count = std::min(topk, probabilities.size(0));
  const auto [values, indices] = probabilities.topk(count);
  const auto* value = values.const_data_ptr<float>();
  const auto* index = indices.const_data_ptr<int64_t>();
  Predictions predictions;
  const auto& thresholds = network().thresholds;
  for (int64_t k = 0; k < count; ++k) {
    const auto i = static_cast<size_t>(index[k]);
    const double threshold = i < thresholds.size() ? thresholds[i] : 0;
    predictions.push_back({.index = index[k],
                           .name = network().class_name(index[k]),
                           .probability = value[k],
                           .threshold = threshold,
                           .selected = network().finds_several()
                                           ? value[k] >= threshold
                                           : k == 0});
  }
  return predictions;
}

Predictions Predictor::predict(const Image& picture, int64_t topk) const {
  const Image view = evaluation_view(picture, shared_->pictures);
  return likeliest(probabilities(stacked({&view, 1}))[0], topk);
}

Predictions Predictor::predict(const std::filesystem::path& picture,
                               int64_t topk) const {
  return predict(read_image(picture, how_to_read()), topk);
}

Predictions Predictor::predict(std::span<const uint8_t> file,
                               int64_t topk) const {
  return predict(decode_image(file, how_to_read()), topk);
}

Predictions Predictor::predict(const PixelView& pixels, int64_t topk) const {
  return predict(copy_of(pixels, channels()), topk);
}

std::vector<Predictions> Predictor::predict_all(
    std::span<const std::filesystem::path> pictures, int64_t topk,
    const std::stop_token& stop) const {
  const auto read = [&](size_t i) {
    return evaluation_view(read_image(pictures[i], how_to_read()),
                           shared_->pictures);
  };
  return in_batches(*this, pictures.size(), read, topk, stop);
}

std::vector<Predictions> Predictor::predict_all(
    std::span<const PixelView> pictures, int64_t topk,
    const std::stop_token& stop) const {
  const auto read = [&](size_t i) {
    return evaluation_view(copy_of(pictures[i], channels()), shared_->pictures);
  };
  return in_batches(*this, pictures.size(), read, topk, stop);
}

std::vector<float> Predictor::embedding(const Image& picture) const {
  const Image view = evaluation_view(picture, shared_->pictures);
  return first_row(embeddings(stacked({&view, 1})));
}

std::vector<float> Predictor::embedding(const PixelView& pixels) const {
  return embedding(copy_of(pixels, channels()));
}

std::vector<float> Predictor::embedding(
    const std::filesystem::path& picture) const {
  return embedding(read_image(picture, how_to_read()));
}

Predictor load(const std::filesystem::path& file) {
  return load(NetworkSource{.file = file});
}

Predictor load(const NetworkSource& source) {
  return Predictor(load_network(source));
}

}  // namespace skipzoo

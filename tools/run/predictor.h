#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "tools/data/image.h"
#include "tools/data/pixel_view.h"
#include "tools/run/network.h"

namespace skipzoo {

/// A class that a network sees in a picture.
struct Prediction {
  int64_t index = 0;
  std::string name;  ///< Its number where the file knows no names.
  double probability = 0;
  /// Where a network finds several labels in a picture, the probability from
  /// which on this is one of them; else 0.
  double threshold = 0;
  /// Whether this is what it finds: it reaches the threshold or, with one label
  /// a picture, it is the likeliest.
  bool selected = false;
};
/// The likeliest classes of a picture, the likeliest first.
using Predictions = std::vector<Prediction>;

/// A network to be used, with its preprocessing and the names of its classes.
///
///   const auto net = skipzoo::load("runs/x");
///   std::cout << net.predict("photo.jpg").front().name << '\n';
///
/// Several threads may use one, and copies of it: pictures are read and resized
/// at the same time, and go through the network one after the other. However a
/// picture comes, its preprocessing is that of `skipzoo predict`.
class Predictor {
 public:
  explicit Predictor(LoadedNetwork network);

  /// The likeliest classes, at most `topk`: where a picture may have more
  /// labels than that, ask for more. Throws FileError where it is no picture
  /// that is read (data/picture_kind.h).
  Predictions predict(const std::filesystem::path& picture,
                      int64_t topk = 5) const;
  /// The same of a picture file's bytes. Throws std::runtime_error.
  Predictions predict(std::span<const uint8_t> file, int64_t topk = 5) const;
  /// The same of pixels in memory. Throws std::runtime_error where they are
  /// none: see copy_of().
  Predictions predict(const PixelView& pixels, int64_t topk = 5) const;
  /// The same of a picture of as many channels as the network's.
  Predictions predict(const Image& picture, int64_t topk = 5) const;

  /// Of many, in batches: faster, and the same but for the last digits, as
  /// other batches round otherwise. Throws as the above do for the first that
  /// cannot be read. After a request to stop, those that are done.
  std::vector<Predictions> predict_all(
      std::span<const std::filesystem::path> pictures, int64_t topk = 5,
      const std::stop_token& stop = {}) const;
  std::vector<Predictions> predict_all(std::span<const PixelView> pictures,
                                       int64_t topk = 5,
                                       const std::stop_token& stop = {}) const;

  /// What the network's last layer gets: float32 (N, features) on the CPU, of
  /// pictures as probabilities() takes them. Throws ConfigError for an exported
  /// program, which has one output alone.
  torch::Tensor embeddings(const torch::Tensor& pixels) const;
  /// Of one picture: its features.
  std::vector<float> embedding(const Image& picture) const;
  std::vector<float> embedding(const PixelView& pixels) const;
  std::vector<float> embedding(const std::filesystem::path& picture) const;

  /// Where in pictures as probabilities() takes them the network sees a class
  /// each, int64 (N) on the CPU: float32 (N, h, w) in [0, 1] on the CPU, of the
  /// size of its last feature maps (models/grad_cam.h), in float32 whatever
  /// train.amp says. Throws ConfigError for an exported program.
  torch::Tensor heat_maps(const torch::Tensor& pixels,
                          const torch::Tensor& classes) const;

  /// uint8 pixels (N, C, H, W), already of the network's size -> probabilities,
  /// float32 (N, classes), on the CPU: a softmax or, where it finds several
  /// labels, a sigmoid each.
  torch::Tensor probabilities(const torch::Tensor& pixels) const;
  /// The likeliest of a row of probabilities, (classes).
  Predictions likeliest(const torch::Tensor& probabilities, int64_t topk) const;

  const LoadedNetwork& network() const;

 private:
  int64_t channels() const;
  ReadImage how_to_read() const;

  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// A run folder, checkpoint, exported program, or published weights by name
/// ("resnet50"), which are fetched where they are not here. Throws FileError.
Predictor load(const std::filesystem::path& file);
/// Of anything that load_network() takes.
Predictor load(const NetworkSource& source);

}  // namespace skipzoo

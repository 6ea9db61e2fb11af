#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tools/data/image.h"
#include "tools/run/network.h"

namespace skipzoo {

/// A class that a network sees in a picture.
struct Prediction {
  int64_t index = 0;
  std::string name;  ///< Its number where the file knows no names.
  double probability = 0;
};

/// A network to be used, with its preprocessing and the names of its classes.
///
///   const auto net = skipzoo::load("runs/x");
///   std::cout << net.predict("photo.jpg").front().name << '\n';
///
/// Several threads may use one, and copies of it: pictures are read and resized
/// at the same time, and go through the network one after the other.
class Predictor {
 public:
  explicit Predictor(LoadedNetwork network);

  /// The likeliest classes, at most `topk`, the likeliest first. Throws
  /// FileError where it is no JPEG or PNG.
  std::vector<Prediction> predict(const std::filesystem::path& picture,
                                  int64_t topk = 5) const;
  /// The same for a picture in memory, of as many channels as the network's.
  std::vector<Prediction> predict(const Image& picture, int64_t topk = 5) const;
  /// uint8 pixels (N, C, H, W), already of the network's size -> probabilities,
  /// float32 (N, classes), on the CPU.
  torch::Tensor probabilities(const torch::Tensor& pixels) const;
  /// The likeliest of a row of probabilities, (classes).
  std::vector<Prediction> likeliest(const torch::Tensor& probabilities,
                                    int64_t topk) const;

  const LoadedNetwork& network() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// A run folder, checkpoint or exported program. Throws FileError.
Predictor load(const std::filesystem::path& file);
/// Of anything that load_network() takes.
Predictor load(const NetworkSource& source);

}  // namespace skipzoo

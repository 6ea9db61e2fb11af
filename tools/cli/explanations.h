#pragma once

#include <filesystem>
#include <vector>

#include "tools/data/batch.h"
#include "tools/run/predictor.h"

namespace skipzoo {

/// The pictures that `skipzoo predict --explain` writes: each as the network
/// saw it, under the heat map of its likeliest class.
class Explanations {
 public:
  /// Makes the folder. Where each picture goes there is its path from the
  /// folder that they all lie in, with .png behind it: two of one name do not
  /// meet. Throws ConfigError for an exported program, FileError where the
  /// folder cannot be written to or a place is one of the pictures.
  Explanations(const std::filesystem::path& folder,
               const std::vector<std::filesystem::path>& pictures,
               const LoadedNetwork& network);

  /// probabilities: float32 (N, classes), of the batch's pictures. Throws
  /// FileError.
  void write(const Predictor& predictor, const Batch& batch,
             const torch::Tensor& probabilities) const;
  /// Where a picture goes, by its number.
  const std::filesystem::path& place(int64_t index) const {
    return places_[static_cast<size_t>(index)];
  }

 private:
  std::vector<std::filesystem::path> places_;
};

}  // namespace skipzoo

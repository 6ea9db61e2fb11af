#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "tools/study/layer_signals.h"

namespace skipzoo {

/// The loss around trained weights, over a plane.
struct LossSurface {
  int64_t points = 0;  ///< A side: from -1 to 1 along both directions.
  /// points * points, those along the first direction next to each other; what
  /// overflows is inf or nan.
  std::vector<double> loss;

  double at(int64_t first, int64_t second) const {
    return loss[static_cast<size_t>(second * points + first)];
  }
  /// Where a point lies along a direction.
  double place(int64_t number) const {
    return 2 * static_cast<double>(number) / static_cast<double>(points - 1) -
           1;
  }
};

/// A random direction in the space of the weights, an entry for each parameter:
/// Gaussian, each filter scaled to the norm of that filter in the network;
/// zeros for biases and BatchNorms (Li et al. 2018, arXiv:1712.09913, section
/// 4). A row of a linear layer is a filter too. By the seed alone.
std::vector<torch::Tensor> filter_normalised_direction(const Classifier& model,
                                                       int64_t seed);

/// The surface along two of them, in evaluation mode, with the network's
/// statistics as they are. Afterwards its weights are what they were, bit for
/// bit.
LossSurface loss_surface(Classifier& model, const ProbeBatch& batch,
                         const Objective& objective, int64_t points,
                         int64_t seed);

/// surface.csv: first,second,loss. Throws FileError.
void write_surface(const std::filesystem::path& file,
                   const LossSurface& surface);
/// Empty where there is none, or none of so many points.
LossSurface read_surface(const std::filesystem::path& file, int64_t points);

}  // namespace skipzoo

#pragma once

#include <torch/types.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "models/kernels/norm.h"

// What a dense block is computed from: channels-last images as rows of pixels,
// (N·H·W, C), a few images at a time.

namespace skipzoo {

/// Pixels of whole images, so that a 3x3 has its neighbours.
struct Chunk {
  int64_t first;  ///< Row of its first pixel.
  int64_t rows;

  torch::Tensor of(const torch::Tensor& all) const {
    return all.narrow(0, first, rows);
  }
};

/// The size of the images that rows stand for.
struct ImageSize {
  int64_t height, width;

  /// Few enough images at a time for `channels` of them to stay in a cache.
  std::vector<Chunk> chunks(const torch::Tensor& rows, int64_t channels) const;
  /// Rows as channels-last images (N, C, H, W), without a copy.
  torch::Tensor images(const torch::Tensor& rows) const;
};

/// Channels-last images as rows, without a copy.
torch::Tensor as_rows(const torch::Tensor& images);

/// Writes rows as the channels from `channel` on of wider ones.
void put(const torch::Tensor& rows, const torch::Tensor& wider,
         int64_t channel);

/// A norm and a ReLU that read the first channels of rows; more may follow.
class NormInput {
 public:
  NormInput(const torch::Tensor& rows, const NormPlan& plan);

  const torch::Tensor& rows() const { return rows_; }
  int64_t channels() const { return scale_.size(0); }

  /// relu(norm(x)) of a chunk.
  torch::Tensor activated(const Chunk& chunk) const;

  using Sums = std::pair<torch::Tensor, torch::Tensor>;
  /// Of a chunk, where da is the gradient of what was activated and g what is
  /// left of it before the ReLU: Σ g and Σ g (x - mean), double.
  Sums gradient_sums(const Chunk& chunk, const torch::Tensor& da) const;
  /// The same, and total += scale * g. total: rows like the input's, of the
  /// type of sums. a: what was activated.
  Sums add_gradient(const Chunk& chunk, const torch::Tensor& da,
                    const torch::Tensor& a, const torch::Tensor& total) const;
  /// Makes da the gradient of x, given what gradient_sums() gave in all.
  void finish_gradient(const Chunk& chunk, const torch::Tensor& da,
                       const NormGradient& through) const;

 private:
  torch::Tensor rows_, scale_, offset_, mean_;
};

/// The gradient of the channels from `channel` on, of which `total` has all but
/// what goes through the statistics of the batch: rows of `count` channels.
torch::Tensor finished_gradient(const torch::Tensor& total,
                                const torch::Tensor& rows, int64_t channel,
                                int64_t count, const torch::Tensor& mean,
                                const NormGradient& through);

}  // namespace skipzoo

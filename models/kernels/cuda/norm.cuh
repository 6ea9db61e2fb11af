#pragma once

#include "models/kernels/cuda/sums.cuh"

namespace skipzoo::cuda {

/// Of a channel's moments, the numbers that normalise, and the running
/// ones moved towards them as torch::batch_norm does.
template <typename A>
__device__ inline void finish_norm(const Moments<double>& moments, int channel,
                                   int channels, const NormState<A>& norm,
                                   A* numbers) {
  const double variance = moments.squares / moments.count;
  const double inverse = 1 / sqrt(variance + norm.eps);
  numbers[kMean * channels + channel] = static_cast<A>(moments.mean);
  numbers[kInverse * channels + channel] = static_cast<A>(inverse);
  numbers[kScale * channels + channel] =
      static_cast<A>(inverse * norm.weight[channel]);
  numbers[kBias * channels + channel] = norm.bias[channel];
  const auto move = [&](A* running, double to) {
    running[channel] = static_cast<A>((1 - norm.momentum) * running[channel] +
                                      norm.momentum * to);
  };
  move(norm.running_mean, moments.mean);
  move(norm.running_variance, moments.squares / (moments.count - 1));
  if (channel == 0 && norm.batches != nullptr) ++*norm.batches;
}

}  // namespace skipzoo::cuda

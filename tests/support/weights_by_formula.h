#pragma once

#include <torch/nn.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/zoo.h"

namespace skipzoo {

/// Weights and images by formula, the same numbers here and in Python, so that
/// a golden needs no weight file: goldens/make_goldens.py is the other half.

/// The 64-bit FNV-1a hash of a tensor's name.
inline uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const char byte : text) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
  }
  return hash;
}

/// Output of Vigna's splitmix64 generator in state `z`.
inline uint64_t splitmix64(uint64_t z) {
  z += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

/// Float64 numbers in [-1, 1): element j is the hash of (name, j). The probe of
/// a tensor is this under its name + ".probe".
inline torch::Tensor formula_uniform(std::string_view name,
                                     at::IntArrayRef shape) {
  auto tensor = torch::empty(shape, torch::kFloat64);
  const uint64_t start = fnv1a64(name);
  auto* data = tensor.data_ptr<double>();
  for (int64_t j = 0; j < tensor.numel(); ++j) {
    const uint64_t hash = splitmix64(start + static_cast<uint64_t>(j));
    data[j] = 2 * (static_cast<double>(hash >> 11) * 0x1p-53) - 1;
  }
  return tensor;
}

/// The weight called `name` in a state dict, float64. Kernels have He's
/// variance; rank-1 weights and running variances are 1 +- 0.25, all else
/// +- 0.1.
inline torch::Tensor formula_values(std::string_view name,
                                    at::IntArrayRef shape) {
  auto values = formula_uniform(name, shape);
  if (shape.size() > 1) {
    const auto fan_in = static_cast<double>(values.numel() / shape[0]);
    return values.mul_(std::sqrt(6 / fan_in));
  }
  if (name.ends_with("weight") || name.ends_with("running_var")) {
    return values.mul_(0.25).add_(1);
  }
  return values.mul_(0.1);
}

/// A float64 batch (n, c, h, w).
inline torch::Tensor formula_images(int64_t n, int64_t c, int64_t h,
                                    int64_t w) {
  return formula_uniform("images", {n, c, h, w});
}

/// Turns `module` to float64 and fills every parameter and buffer by its name
/// in the state dict; whole numbers (batch counts) become 0.
inline void fill_by_formula(torch::nn::Module& module) {
  torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : state_dict(module)) {
    if (tensor.is_floating_point()) {
      // What Module::to does, which would turn the counts to float64 as well.
      tensor.set_data(formula_values(name, tensor.sizes()));
    } else {
      tensor.zero_();
    }
  }
}

}  // namespace skipzoo

#pragma once

#include <vector>

#include "models/program.h"
#include "models/tensor.h"

namespace skipzoo {

struct Classifier;

/// What a program takes as its pictures.
enum class Pixels {
  kNormalised,  ///< float, normalised by the caller.
  kUnit,        ///< float, 0..1; mean and std are baked in.
  kByte,        ///< uint8, 0..255; mean and std are baked in.
};

/// Types of a program's numbers, by the names that --dtype takes.
struct TypeName {
  const char* name;
  at::ScalarType type;
};
inline constexpr TypeName kTypeNames[] = {
    {"fp32", at::kFloat}, {"bf16", at::kBFloat16}, {"fp16", at::kHalf}};

/// What is put around a network when it becomes a program.
struct ProgramOptions {
  Pixels pixels = Pixels::kNormalised;
  std::vector<double> mean = {};  ///< Of pixels in 0..1; empty: 0 and 1.
  std::vector<double> std = {};
  /// Probabilities instead of logits.
  bool softmax = false;
  /// The same of several labels a picture, each by itself; not both.
  bool sigmoid = false;
  /// Of weights and arithmetic; in and out stay float.
  at::ScalarType type = at::kFloat;
};

/// Pictures of random pixels as a program takes them; what its caller would
/// have to do, and the network itself, is network_input()'s.
torch::Tensor random_pictures(at::IntArrayRef shape, Pixels pixels);
/// The same pictures normalised, for the network itself.
torch::Tensor network_input(const torch::Tensor& pictures,
                            const ProgramOptions& options);

/// What a program gives for its network's logits, (N, classes).
torch::Tensor probabilities_of(const torch::Tensor& logits,
                               const ProgramOptions& options);

/// Traces `model`, which is in evaluation mode, on the CPU, and takes no
/// gradients, on pictures of (N, C, H, W).
Program trace_program(Classifier& model, const ProgramOptions& options,
                      at::IntArrayRef shape);

}  // namespace skipzoo

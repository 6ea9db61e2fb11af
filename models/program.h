#pragma once

#include <functional>
#include <memory>

#include "models/named_tensors.h"

namespace torch::jit {
struct Graph;
}  // namespace torch::jit

namespace skipzoo {

struct Classifier;

/// A network in evaluation as a graph of ATen operators: what exports with code
/// are written from, and engines are made from.
struct Program {
  /// Inputs: the pictures, (N, C, H, W), then those of `tensors` that are used,
  /// under their names. One output, (N, classes).
  std::shared_ptr<torch::jit::Graph> graph;
  NamedTensors tensors;
};

/// Traces `forward` on an example, with the reference kernels and without
/// gradients, on the device that all of them are on. tensors: all parameters
/// and buffers that it reads.
Program trace(NamedTensors tensors,
              const std::function<torch::Tensor(const torch::Tensor&)>& forward,
              const torch::Tensor& example);

/// Folds every BatchNorm that follows a convolution, and nothing else reads,
/// into that convolution's weight and bias, and then every factor on its
/// channels that is a parameter: exact up to rounding. One that
/// comes before its convolution, as in DenseNets, stays.
void fold_batch_norms(Program& program);

/// What engines are made from: a network's program in evaluation, of images of
/// that size, with its BatchNorms folded.
Program folded_program(Classifier& model, const torch::Tensor& images);

}  // namespace skipzoo

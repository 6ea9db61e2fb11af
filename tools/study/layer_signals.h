#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/tensor.h"
#include "tools/data/batch.h"
#include "tools/train/objective.h"

namespace skipzoo {

struct Classifier;

/// Pictures that a network is measured by, the same in each epoch.
struct ProbeBatch {
  torch::Tensor images;  ///< Normalised (N, C, H, W), on the network's device.
  Targets targets;       ///< On the same.
};

/// The variances of what layers with weights put out, by their registered
/// names, in the order they run. As in training: BatchNorms see the batch's own
/// statistics and, as ever, note them. with_gradient: adds the gradient of the
/// objective to that of every weight.
///
/// Convolutions and linear layers are known by the weight they are called with,
/// so all code is LibTorch's: the reference kernels.
std::vector<std::pair<std::string, double>> layer_variances(
    Classifier& model, const ProbeBatch& batch, const Objective& objective,
    bool with_gradient);

}  // namespace skipzoo

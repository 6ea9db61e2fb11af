#pragma once

#include <map>
#include <string>

#include "tools/export/onnx_model.h"

namespace skipzoo {

/// The tensors of a graph that are known so far, by name.
using OnnxValues = std::map<std::string, torch::Tensor>;

/// What a node makes of them, by ATen: as the standard has it, and not as
/// aten_operators.cpp wrote it. Throws std::runtime_error naming an operator
/// that is not known here.
torch::Tensor run_onnx_node(const OnnxModel::Node& node,
                            const OnnxValues& values);

}  // namespace skipzoo

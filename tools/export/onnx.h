#pragma once

#include <map>
#include <string>

#include "tools/export/program.h"

namespace skipzoo {

/// A program as an ONNX model of opset 17, serialised. Input "input", output
/// "logits" or "probabilities"; batch and, where any_size, height and width are
/// free. Initialisers have the parameters' names. metadata: for its
/// metadata_props.
///
/// Written by LibTorch's own ONNX writer
/// (torch/csrc/jit/serialization/export.h, no stable interface: tried on 2.13).
/// Throws ExportError naming an operator that is not known here.
std::string to_onnx(const Program& program, bool any_size, bool probabilities,
                    const std::map<std::string, std::string>& metadata);

}  // namespace skipzoo

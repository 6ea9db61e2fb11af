#pragma once

#include <ATen/core/Tensor.h>

/// torch::Tensor, its methods and its types, without all that <torch/types.h>
/// brings: a file that includes this alone compiles in a fifth of the time. A
/// function of the library, like at::empty(), has a header of its own:
/// <ATen/ops/empty.h>.
namespace torch {
using namespace at;  // As <torch/types.h> has it.
}  // namespace torch

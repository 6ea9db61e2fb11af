#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/weights/mapped_file.h"

namespace skipzoo {

/// The type of a torch storage ("FloatStorage"), dtype ("float32") or
/// safetensors type ("F32"), with or without "torch." in front. Throws
/// std::runtime_error naming one that is not known.
at::ScalarType scalar_type(const std::string& name);

/// A tensor over `data`, which `file` keeps alive. offset, sizes and strides
/// count elements. shapes_only: a tensor without data, on the meta device.
/// Throws std::runtime_error where it would reach out of data.
torch::Tensor view_of(std::shared_ptr<const MappedFile> file,
                      std::span<const uint8_t> data, at::ScalarType type,
                      int64_t offset, const std::vector<int64_t>& sizes,
                      const std::vector<int64_t>& strides, bool shapes_only);

}  // namespace skipzoo

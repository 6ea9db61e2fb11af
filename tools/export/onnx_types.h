#pragma once

#include <c10/core/ScalarType.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <stdexcept>
#include <string>

#include "tools/error.h"

namespace skipzoo {

/// A type of tensors, and ONNX's number for it (TensorProto.DataType).
struct OnnxType {
  at::ScalarType type;
  int64_t number;
};

inline constexpr OnnxType kOnnxTypes[] = {
    {at::kFloat, 1}, {at::kByte, 2}, {at::kLong, 7}, {at::kHalf, 10}};

/// Throws ExportError for another type.
inline int64_t onnx_number_of(at::ScalarType type) {
  const auto* found = std::ranges::find(kOnnxTypes, type, &OnnxType::type);
  if (found == std::end(kOnnxTypes)) {
    throw ExportError(std::string("ONNX: no export of type ") +
                      c10::toString(type));
  }
  return found->number;
}

/// Throws std::runtime_error for another number.
inline at::ScalarType type_of_onnx(int64_t number) {
  const auto* found = std::ranges::find(kOnnxTypes, number, &OnnxType::number);
  if (found == std::end(kOnnxTypes)) {
    throw std::runtime_error("a tensor of ONNX type " + std::to_string(number));
  }
  return found->type;
}

}  // namespace skipzoo

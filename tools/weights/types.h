#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string>
#include <string_view>

namespace skipzoo {

/// The type of a torch storage ("FloatStorage"), dtype ("float32") or
/// safetensors type ("F32"), with or without "torch." in front; nothing where
/// LibTorch knows none of that name.
std::optional<c10::ScalarType> find_type(std::string_view name);

/// Whether its numbers can be read alone: those of a quantized type mean
/// nothing without their scale.
bool is_readable(c10::ScalarType type);

/// The name in safetensors ("F32"); empty where that has none.
std::string safetensors_name(c10::ScalarType type);

}  // namespace skipzoo

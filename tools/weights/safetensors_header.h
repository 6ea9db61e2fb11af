#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace skipzoo {

/// A tensor as the header of a safetensors file has it.
struct SafetensorsEntry {
  std::string name;
  std::string type_name;
  std::optional<c10::ScalarType> type;  ///< Nothing where it is not known.
  std::vector<int64_t> shape;
  uint64_t begin = 0;  ///< In the data.
  uint64_t end = 0;
};

/// The entries of a header, in the order in which it names them. As strict as
/// the format's own reader (safetensors 0.8, SafeTensors::deserialize): the
/// tensors fill the `data` bytes without gap or overlap. Throws
/// std::runtime_error saying where they do not.
std::vector<SafetensorsEntry> read_safetensors_header(
    std::span<const uint8_t> text, uint64_t data);

}  // namespace skipzoo

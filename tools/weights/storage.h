#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/tensor.h"

namespace skipzoo {

/// Memory for the numbers of tensors, shared by all that look at it. Throws
/// std::runtime_error where there is not as much.
c10::Storage make_storage(uint64_t bytes);
std::span<uint8_t> bytes_of(const c10::Storage& storage);
/// Turns the bytes of each number: big-endian ones into ours.
void turn_bytes(std::span<uint8_t> bytes, at::ScalarType type);

/// Where the elements of a tensor are in its storage, all in elements.
struct Place {
  int64_t offset = 0;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;

  /// Row after row, without gaps. Throws std::overflow_error.
  static Place contiguous(std::vector<int64_t> sizes);
  /// The number of elements. Throws std::runtime_error where one of them lies
  /// beyond the `stored` bytes.
  int64_t count_within(uint64_t stored, at::ScalarType type) const;
};

/// Of a place that is known to lie within the storage.
torch::Tensor view_of(const c10::Storage& storage, at::ScalarType type,
                      const Place& place);
/// The same without data, on the meta device.
torch::Tensor shape_of(at::ScalarType type, const Place& place);

}  // namespace skipzoo

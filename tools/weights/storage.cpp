#include "tools/weights/storage.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>

#include <algorithm>
#include <stdexcept>

#include "tools/checked.h"
#include "tools/memory.h"

namespace skipzoo {

namespace {

bool is_empty(const Place& place) {
  return std::find(place.sizes.begin(), place.sizes.end(), 0) !=
         place.sizes.end();
}

}  // namespace

c10::Storage make_storage(uint64_t bytes) {
  require_memory(bytes);
  return at::empty({static_cast<int64_t>(bytes)}, at::kByte).storage();
}

std::span<uint8_t> bytes_of(const c10::Storage& storage) {
  return {static_cast<uint8_t*>(storage.mutable_data()), storage.nbytes()};
}

void turn_bytes(std::span<uint8_t> bytes, at::ScalarType type) {
  // A complex number is two.
  const size_t width = c10::elementSize(c10::toRealValueType(type));
  for (size_t at = 0; at + width <= bytes.size(); at += width) {
    std::reverse(bytes.begin() + static_cast<int64_t>(at),
                 bytes.begin() + static_cast<int64_t>(at + width));
  }
}

Place Place::contiguous(std::vector<int64_t> sizes) {
  Place place;
  place.sizes = std::move(sizes);
  place.strides.resize(place.sizes.size());
  int64_t stride = 1;
  for (size_t d = place.sizes.size(); d-- > 0;) {
    place.strides[d] = stride;
    stride = checked_multiply(stride, std::max(place.sizes[d], int64_t{1}));
  }
  return place;
}

int64_t Place::count_within(uint64_t stored, at::ScalarType type) const {
  if (sizes.size() != strides.size() || offset < 0) {
    throw std::runtime_error("a tensor without a shape");
  }
  int64_t count = 1;
  int64_t end = checked_add(offset, int64_t{1});
  for (size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] < 0 || strides[d] < 0) {
      throw std::runtime_error("a tensor whose shape is no list of sizes");
    }
    // Beside a size of 0 the others must fit 64 bits all the same.
    const int64_t size = std::max(sizes[d], int64_t{1});
    count = checked_multiply(count, size);
    end = checked_add(end, checked_multiply(size - 1, strides[d]));
  }
  if (is_empty(*this)) return 0;
  if (static_cast<uint64_t>(end) > stored / c10::elementSize(type)) {
    throw std::runtime_error("a tensor that reaches beyond its data");
  }
  return count;
}

torch::Tensor view_of(const c10::Storage& storage, at::ScalarType type,
                      const Place& place) {
  if (is_empty(place)) return at::empty(place.sizes, at::dtype(type));
  auto tensor = at::empty({0}, at::dtype(type));
  tensor.set_(storage, place.offset, place.sizes, place.strides);
  return tensor;
}

torch::Tensor shape_of(at::ScalarType type, const Place& place) {
  const auto options = at::device(at::kMeta).dtype(type);
  if (is_empty(place)) return at::empty(place.sizes, options);
  return at::empty_strided(place.sizes, place.strides, options);
}

}  // namespace skipzoo

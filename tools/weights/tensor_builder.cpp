#include "tools/weights/tensor_builder.h"

#include <ATen/ops/conj_physical.h>
#include <ATen/ops/neg.h>

#include <stdexcept>

#include "tools/checked.h"
#include "tools/weights/storage.h"

namespace skipzoo {

namespace {

Place place_of(const Pickle& tensor) {
  return {.offset = checked_add(tensor.items.front()->integer, tensor.integer),
          .sizes = tensor.layout->sizes,
          .strides = tensor.layout->strides};
}

}  // namespace

uint64_t require_stored(const Pickle& storage, uint64_t stored) {
  if (!storage.layout->type) return stored;
  const auto needed =
      checked_multiply(static_cast<uint64_t>(storage.layout->length),
                       uint64_t{c10::elementSize(*storage.layout->type)});
  if (needed <= stored) return needed;
  throw std::runtime_error("its storage " + storage.text + " is of " +
                           std::to_string(stored) + " bytes, expected " +
                           std::to_string(needed));
}

int64_t require_within(const Pickle& tensor, uint64_t stored) {
  const auto length = require_stored(*tensor.items.front(), stored);
  return place_of(tensor).count_within(length, *tensor.layout->type);
}

torch::Tensor TensorBuilder::operator()(const Pickle& tensor) {
  const at::ScalarType type = *tensor.layout->type;
  const Stored stored = find_(*tensor.items.front());
  const int64_t count = require_within(tensor, stored.size);
  bytes_ =
      checked_add(bytes_, checked_multiply(static_cast<uint64_t>(count),
                                           uint64_t{c10::elementSize(type)}));
  if (bytes_ / kMostTimes > options_.file_size) {
    throw std::runtime_error(
        "its tensors repeat their data: written out they would be over " +
        std::to_string(kMostTimes) + " times the file");
  }
  const Place place = place_of(tensor);
  if (options_.shapes_only) return shape_of(type, place);
  auto view =
      view_of(storage(*tensor.items.front(), type, stored), type, place);
  if (tensor.layout->conjugate) view = at::conj_physical(view);
  if (tensor.layout->negative) view = at::neg(view);
  return view;
}

c10::Storage TensorBuilder::storage(const Pickle& pickled, at::ScalarType type,
                                    const Stored& stored) {
  // Only turning depends on the type: all views of a little-endian storage
  // share it.
  const auto kept = options_.is_big_endian ? type : at::kByte;
  const auto found = storages_.find({pickled.text, kept});
  if (found != storages_.end()) return found->second;
  c10::Storage made = make_storage(stored.size);
  stored.read(bytes_of(made));
  if (options_.is_big_endian) turn_bytes(bytes_of(made), type);
  storages_.emplace(std::pair(pickled.text, kept), made);
  return made;
}

}  // namespace skipzoo

#include "tools/weights/storage.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_strided.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

namespace skipzoo {

at::ScalarType scalar_type(const std::string& name) {
  static const std::map<std::string, at::ScalarType> types = {
      {"DoubleStorage", at::kDouble},
      {"float64", at::kDouble},
      {"F64", at::kDouble},
      {"FloatStorage", at::kFloat},
      {"float32", at::kFloat},
      {"F32", at::kFloat},
      {"HalfStorage", at::kHalf},
      {"float16", at::kHalf},
      {"F16", at::kHalf},
      {"BFloat16Storage", at::kBFloat16},
      {"bfloat16", at::kBFloat16},
      {"BF16", at::kBFloat16},
      {"LongStorage", at::kLong},
      {"int64", at::kLong},
      {"I64", at::kLong},
      {"IntStorage", at::kInt},
      {"int32", at::kInt},
      {"I32", at::kInt},
      {"ShortStorage", at::kShort},
      {"int16", at::kShort},
      {"I16", at::kShort},
      {"CharStorage", at::kChar},
      {"int8", at::kChar},
      {"I8", at::kChar},
      {"ByteStorage", at::kByte},
      {"uint8", at::kByte},
      {"U8", at::kByte},
      {"BoolStorage", at::kBool},
      {"bool", at::kBool},
      {"BOOL", at::kBool}};
  std::string bare = name;
  for (const char* prefix : {"torch.cuda.", "torch.storage.", "torch."}) {
    if (bare.starts_with(prefix)) {
      bare = bare.substr(std::strlen(prefix));
      break;
    }
  }
  const auto found = types.find(bare);
  if (found == types.end()) {
    throw std::runtime_error("a tensor of type '" + name +
                             "', which is not one of weights");
  }
  return found->second;
}

torch::Tensor view_of(std::shared_ptr<const MappedFile> file,
                      std::span<const uint8_t> data, at::ScalarType type,
                      int64_t offset, const std::vector<int64_t>& sizes,
                      const std::vector<int64_t>& strides, bool shapes_only) {
  const auto element = static_cast<int64_t>(c10::elementSize(type));
  const int64_t stored = static_cast<int64_t>(data.size()) / element;
  // In double: the sizes of a hostile file overflow 64 bits.
  double extent = 1;
  bool empty = false;
  double last = static_cast<double>(offset);
  for (size_t d = 0; d < sizes.size(); ++d) {
    empty = empty || sizes[d] == 0;
    extent *= std::max(static_cast<double>(sizes[d]), 1.0);
    last += static_cast<double>(sizes[d] - 1) * static_cast<double>(strides[d]);
  }
  // A view may repeat its data, by a stride of 0, as Tensor.expand makes it; no
  // weights do so by millions.
  if (extent > 1e15 || (extent > 1e7 && extent > static_cast<double>(stored))) {
    throw std::runtime_error("a tensor of absurd size");
  }
  if (empty) {
    return at::empty(
        sizes, at::device(shapes_only ? at::kMeta : at::kCPU).dtype(type));
  }
  if (last >= static_cast<double>(stored)) {
    throw std::runtime_error("a tensor that reaches beyond its data");
  }
  if (shapes_only) {
    return at::empty_strided(sizes, strides, at::device(at::kMeta).dtype(type));
  }
  const uint8_t* first = data.data() + offset * element;
  const auto address = reinterpret_cast<uintptr_t>(first);
  if (address % static_cast<uintptr_t>(element) == 0) {
    return at::from_blob(
        const_cast<uint8_t*>(first), sizes, strides,
        [file = std::move(file)](void*) {}, type);
  }
  // Out of line with its type, as in files before 1.6: copied.
  const auto bytes = (static_cast<int64_t>(last) - offset + 1) * element;
  auto copy = at::empty({bytes}, at::kByte);
  file->copy_out(first, static_cast<size_t>(bytes), copy.mutable_data_ptr());
  return at::from_blob(
      copy.mutable_data_ptr(), sizes, strides, [copy](void*) {}, type);
}

}  // namespace skipzoo

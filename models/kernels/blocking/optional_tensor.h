#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace skipzoo {

/// As operators of ATen take one that may be missing: a null tensor is none.
inline std::optional<at::Tensor> as_optional(const at::Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

/// Its elements, or null for a null tensor.
template <typename T>
const T* data_or_null(const at::Tensor& x) {
  return x.defined() ? x.const_data_ptr<T>() : nullptr;
}

}  // namespace skipzoo

#pragma once

#include <concepts>
#include <stdexcept>

namespace skipzoo {

// The one arithmetic for sizes, offsets, strides and counts that come out of a
// file: a result that does not fit its type is an error, never another number.
// Throws std::overflow_error, which is a std::runtime_error.

template <std::integral T>
T checked_add(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) {
    throw std::overflow_error("sizes or offsets that exceed 64 bits");
  }
  return sum;
}

template <std::integral T>
T checked_subtract(T a, T b) {
  T difference;
  if (__builtin_sub_overflow(a, b, &difference)) {
    throw std::overflow_error("an end before its beginning");
  }
  return difference;
}

template <std::integral T>
T checked_multiply(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) {
    throw std::overflow_error("sizes or offsets that exceed 64 bits");
  }
  return product;
}

/// Whether [offset, offset + size) lies in [0, whole).
template <std::unsigned_integral T>
bool lies_within(T offset, T size, T whole) {
  return offset <= whole && size <= whole - offset;
}

}  // namespace skipzoo

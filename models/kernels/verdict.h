#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace skipzoo {

/// Whether an algorithm takes a shape, and why. The words are put together only
/// by who reads them: to make a verdict is to write down a few numbers.
struct Verdict {
  static constexpr size_t kMostNumbers = 4;

  bool takes = false;
  /// A literal; each # in it stands for the next of the numbers.
  const char* why = "";
  std::array<int64_t, kMostNumbers> numbers = {};

  explicit operator bool() const { return takes; }
  /// why, with its numbers: "fewer than 32 channels: 16".
  std::string words() const;
};

template <typename... Numbers>
constexpr Verdict taken(const char* why, Numbers... numbers) {
  return {true, why, {numbers...}};
}
template <typename... Numbers>
constexpr Verdict declined(const char* why, Numbers... numbers) {
  return {false, why, {numbers...}};
}

/// A shape as an algorithm wants it, where it takes it.
template <typename Shape>
struct Offer {
  Verdict verdict;
  Shape shape = {};  ///< For use where it does.

  explicit operator bool() const { return verdict.takes; }
  bool has_value() const { return verdict.takes; }
  const Shape& operator*() const { return shape; }
  const Shape* operator->() const { return &shape; }
};

inline const Verdict& verdict_of(const Verdict& verdict) { return verdict; }
template <typename Shape>
const Verdict& verdict_of(const Offer<Shape>& offer) {
  return offer.verdict;
}

}  // namespace skipzoo

#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "models/kernels/simd/loops.h"
#include "models/kernels/simd/processor.h"

// What the tests of loops share: they run every loop of every instruction set
// that the processor has beside a plain formula in double. No LibTorch: they
// are built for other processors, and run where it is not.

namespace skipzoo::simd {

using rows::Acc;
using rows::Bf16;

/// The instruction sets that this processor has.
inline std::vector<Isa> isas_here() {
  std::vector<Isa> all;
  for (const auto& entry : EnumNames<Isa>::values) {
    if (has(entry.value)) all.push_back(entry.value);
  }
  return all;
}

/// A test of one instruction set's loops.
class LoopsTest : public testing::TestWithParam<Isa> {
 protected:
  const Loops table = loops_of(GetParam());

  template <typename Element>
  void each(const Element& element, int64_t count, int64_t channels) const {
    static_cast<const Each<Element>&>(table).each(element, count, channels);
  }
};
inline std::string isa_name(const testing::TestParamInfo<Isa>& info) {
  return std::string(name_of(info.param));
}

inline double as_double(float x) { return static_cast<double>(x); }
inline double as_double(double x) { return x; }
inline double as_double(Bf16 x) {
  return as_double(std::bit_cast<float>(static_cast<uint32_t>(x) << 16));
}

/// Rounded to nearest, halves to even.
template <typename T>
T as(double x) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(x);
  } else {
    static_assert(std::is_same_v<T, Bf16>);
    const auto bits = std::bit_cast<uint32_t>(static_cast<float>(x));
    if (std::isnan(x)) return 0x7FC0;
    return static_cast<Bf16>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
  }
}

/// How far a result of that type may be off, as a part of what was added up.
template <typename T>
constexpr double kTolerance = sizeof(T) == 2   ? 1.0 / 256
                              : sizeof(T) == 4 ? 1e-6
                                               : 1e-14;

enum class Kind {
  kOrdinary,  ///< Numbers between -2 and 2.
  kSpecial    ///< Among them NaN, infinities, denormal numbers and -0.
};

/// A number that depends on its arguments alone.
inline double number(uint64_t i, uint64_t seed, Kind kind) {
  uint64_t x = (i + 1) * 0x9E3779B97F4A7C15U + seed * 0xD1B54A32D192ED03U;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
  x = (x ^ x >> 27) * 0x94D049BB133111EBU;
  x ^= x >> 31;
  constexpr double kSpecials[] = {std::numeric_limits<double>::quiet_NaN(),
                                  std::numeric_limits<double>::infinity(),
                                  -std::numeric_limits<double>::infinity(),
                                  1e-40,
                                  -1e-40,
                                  -0.0};
  if (kind == Kind::kSpecial && x % 16 < std::size(kSpecials)) {
    return kSpecials[x % 16];
  }
  return static_cast<double>(x >> 11) / static_cast<double>(1ULL << 51) - 2;
}

/// Numbers somewhere in memory: `offset` elements behind what is aligned, with
/// more of them before and behind.
template <typename T>
class Memory {
 public:
  Memory(int64_t count, int64_t offset, uint64_t seed,
         Kind kind = Kind::kOrdinary)
      : offset_(static_cast<size_t>(kGuard + offset)),
        all_(offset_ + static_cast<size_t>(count + kGuard)) {
    for (size_t i = 0; i < all_.size(); ++i) {
      if constexpr (std::is_same_v<T, uint32_t>) {
        // A pair of bfloat16, the first in the lower half.
        all_[i] = as<Bf16>(number(2 * i, seed, kind)) |
                  static_cast<uint32_t>(as<Bf16>(number(2 * i + 1, seed, kind)))
                      << 16;
      } else {
        all_[i] = as<T>(number(i, seed, kind));
      }
    }
    before_ = all_;
  }

  T* data() { return all_.data() + offset_; }
  double at(int64_t i) const { return as_double(all_[index(i)]); }
  /// As it was made.
  double before(int64_t i) const { return as_double(before_[index(i)]); }
  bool is_as_before(size_t i) const {
    return std::bit_cast<Bits>(all_[i]) == std::bit_cast<Bits>(before_[i]);
  }
  /// Calls written(i) of elements that may differ from before; the others, the
  /// guards among them, must not.
  template <typename IsWritten>
  void expect_kept(const IsWritten& is_written) const {
    for (size_t i = 0; i < all_.size(); ++i) {
      const auto at = static_cast<int64_t>(i) - static_cast<int64_t>(offset_);
      const bool is_inside =
          at >= 0 && i + static_cast<size_t>(kGuard) < all_.size();
      if (is_inside && is_written(at)) continue;
      ASSERT_TRUE(is_as_before(i)) << "element " << at << " was written";
    }
  }

 private:
  static constexpr int64_t kGuard = 32;
  using Bits = std::conditional_t<
      sizeof(T) == 8, uint64_t,
      std::conditional_t<sizeof(T) == 4, uint32_t, uint16_t>>;

  size_t index(int64_t i) const { return offset_ + static_cast<size_t>(i); }

  size_t offset_;
  std::vector<T> all_, before_;
};

/// found, of type T, is `wanted`, a sum of terms that are `magnitude` together.
template <typename T>
void expect_near(double found, double wanted, double magnitude) {
  if (std::isnan(wanted)) {
    ASSERT_TRUE(std::isnan(found)) << found;
  } else if (std::isinf(wanted) || !std::isfinite(magnitude)) {
    ASSERT_EQ(found, wanted);
  } else {
    // What is smaller than any normal number may be flushed to 0.
    const double least = std::numeric_limits<float>::min();
    ASSERT_LE(std::abs(found - wanted), kTolerance<T> * magnitude + least)
        << found << " for " << wanted;
  }
}

/// A loop's rows and channels, and where its memory begins.
struct RowsCase {
  int64_t count, channels, offset;
  Kind kind;
  int64_t stride() const { return channels + 5; }
};

/// Calls body for no row, one and some; every number of channels that a vector
/// leaves behind, none and many; every alignment; all kinds of numbers.
template <typename Body>
void for_each_rows_case(const Body& body) {
  std::vector<int64_t> widths = {96, 129, 257};
  for (int64_t channels = 0; channels <= 66; ++channels) {
    widths.push_back(channels);
  }
  for (const int64_t channels : widths) {
    for (const int64_t count : {0, 1, 3}) {
      for (const Kind kind : {Kind::kOrdinary, Kind::kSpecial}) {
        const int64_t offset = (channels * 7 + count) % 16;
        SCOPED_TRACE(testing::Message() << channels << " channels, " << count
                                        << " rows, offset " << offset);
        body(RowsCase{count, channels, offset, kind});
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace skipzoo::simd

#pragma once

#include <cstdint>
#include <span>

#include "tools/data/resample.h"

namespace skipzoo {

/// Every row of a picture of 1 or 3 channels to one of out.width pixels.
void resample_rows(const Image& image, const Taps& taps, Image& out);

/// Rows of so many bytes, one behind the other, to one: each byte the weighted
/// sum of those above each other, as Taps says.
void weighted_sum(const uint8_t* rows, int64_t bytes,
                  std::span<const int16_t> weights, int shift, uint8_t* out);

// The same by intrinsics, for processors of which processor.h says has_avx2().

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SKIPZOO_RESAMPLE_AVX2 1
#endif

namespace avx2 {

/// From the first row on, of 3 channels; returns the number of rows done.
int64_t resample_rows(const Image& image, const Taps& taps, Image& out);
/// From the first byte on; returns the number of bytes done.
int64_t weighted_sum(const uint8_t* rows, int64_t bytes,
                     std::span<const int16_t> weights, int shift, uint8_t* out);

}  // namespace avx2

}  // namespace skipzoo

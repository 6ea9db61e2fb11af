#include "tools/data/resample_rows.h"

#ifdef SKIPZOO_RESAMPLE_AVX2

#include <immintrin.h>

#include <algorithm>
#include <cstring>

// Behind whatever else is included: only what stands here may be made of these
// instructions.
#pragma GCC push_options
#pragma GCC target("avx2")

namespace skipzoo::avx2 {

namespace {

/// Two weights that stand next to each other, for each pair of values.
inline __m256i pair_of(const int16_t* weights) {
  int32_t both;
  std::memcpy(&both, weights, sizeof(both));
  return _mm256_set1_epi32(both);
}

inline __m128i load16(const uint8_t* in) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(in));
}

inline __m256i load32(const uint8_t* in) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in));
}

inline void store_pixel(__m128i bytes, size_t count, uint8_t* out) {
  const int32_t pixel = _mm_cvtsi128_si32(bytes);
  std::memcpy(out, &pixel, count);
}

/// Two rows of RGB at once, one in each half of a vector. kGroups: how many
/// times four of their pixels each result takes; 0 where taps say it.
template <int64_t kGroups>
class TwoRows {
 public:
  TwoRows(const uint8_t* upper, const uint8_t* lower, const Taps& taps)
      : upper_(upper),
        lower_(lower),
        first_(taps.first.data()),
        weights_(taps.weights.data()),
        taps_(kGroups == 0 ? taps.taps : 4 * kGroups),
        size_(taps.first.size()),
        half_(_mm256_set1_epi32(1 << (taps.shift - 1))),
        shift_(_mm_cvtsi32_si128(taps.shift)) {}

  void resample(uint8_t* upper_out, uint8_t* lower_out) const {
    const size_t last = size_ - 1;
    // A byte more than a pixel has, which the next one's take the place of.
    for (size_t x = 0; x < last; ++x) {
      const __m256i both = pixel(x);
      store_pixel(_mm256_castsi256_si128(both), 4, upper_out + 3 * x);
      store_pixel(_mm256_extracti128_si256(both, 1), 4, lower_out + 3 * x);
    }
    const __m256i both = pixel(last);
    store_pixel(_mm256_castsi256_si128(both), 3, upper_out + 3 * last);
    store_pixel(_mm256_extracti128_si256(both, 1), 3, lower_out + 3 * last);
  }

 private:
  /// Result x of both rows, four bytes at the start of each half.
  __m256i pixel(size_t x) const {
    // Of 16 bytes, the pixels 0 and 1, or 2 and 3, channel by channel as pairs
    // of 16 bits.
    const __m256i first_two = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
    const __m256i next_two = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
    const int64_t count = kGroups == 0 ? taps_ : 4 * kGroups;
    const int16_t* weights = weights_ + static_cast<int64_t>(x) * count;
    const int64_t at = 3 * first_[x];
    __m256i sums = half_;
    for (int64_t j = 0; j < count; j += 4) {
      const __m256i pixels = _mm256_inserti128_si256(
          _mm256_castsi128_si256(load16(upper_ + at + 3 * j)),
          load16(lower_ + at + 3 * j), 1);
      const auto near = _mm256_madd_epi16(
          _mm256_shuffle_epi8(pixels, first_two), pair_of(weights + j));
      const auto far = _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, next_two),
                                         pair_of(weights + j + 2));
      sums = _mm256_add_epi32(sums, _mm256_add_epi32(near, far));
    }
    sums = _mm256_sra_epi32(sums, shift_);
    sums = _mm256_packs_epi32(sums, sums);
    return _mm256_packus_epi16(sums, sums);
  }

  const uint8_t* upper_;
  const uint8_t* lower_;
  const int64_t* first_;
  const int16_t* weights_;
  int64_t taps_;
  size_t size_;
  __m256i half_;
  __m128i shift_;
};

template <int64_t kGroups>
int64_t rows_by_two(const Image& image, const Taps& taps, Image& out) {
  const int64_t in_row = 3 * image.width;
  const int64_t out_row = 3 * out.width;
  // Four pixels at a time are read, in 16 bytes: beyond the last row's end.
  const int64_t reach = 3 * (taps.first.back() + taps.taps) + 4;
  const uint8_t* in = image.pixels.data();
  uint8_t* to = out.pixels.data();
  int64_t y = 0;
  while (y + 2 <= image.height &&
         (y + 1) * in_row + reach <= image.height * in_row) {
    TwoRows<kGroups>(in, in + in_row, taps).resample(to, to + out_row);
    y += 2;
    in += 2 * in_row;
    to += 2 * out_row;
  }
  return y;
}

}  // namespace

int64_t resample_rows(const Image& image, const Taps& taps, Image& out) {
  switch (taps.taps) {
    case 4:
      return rows_by_two<1>(image, taps, out);
    case 8:
      return rows_by_two<2>(image, taps, out);
    default:
      return rows_by_two<0>(image, taps, out);
  }
}

int64_t weighted_sum(const uint8_t* rows, int64_t bytes,
                     std::span<const int16_t> weights, int shift,
                     uint8_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  const __m128i by = _mm_cvtsi32_si128(shift);
  int64_t x = 0;
  for (; x + 32 <= bytes; x += 32) {
    const __m256i half = _mm256_set1_epi32(1 << (shift - 1));
    __m256i s0 = half, s1 = half, s2 = half, s3 = half;
    const uint8_t* in = rows + x;
    for (size_t j = 0; j < weights.size(); j += 2, in += 2 * bytes) {
      const bool pair = j + 1 < weights.size();
      const __m256i a = load32(in);
      const __m256i b = pair ? load32(in + bytes) : zero;
      const __m256i weight =
          pair ? pair_of(&weights[j])
               : _mm256_set1_epi32(static_cast<uint16_t>(weights[j]));
      const __m256i low = _mm256_unpacklo_epi8(a, b);
      const __m256i high = _mm256_unpackhi_epi8(a, b);
      const __m256i p0 = _mm256_unpacklo_epi8(low, zero);
      const __m256i p1 = _mm256_unpackhi_epi8(low, zero);
      const __m256i p2 = _mm256_unpacklo_epi8(high, zero);
      const __m256i p3 = _mm256_unpackhi_epi8(high, zero);
      s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(p0, weight));
      s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(p1, weight));
      s2 = _mm256_add_epi32(s2, _mm256_madd_epi16(p2, weight));
      s3 = _mm256_add_epi32(s3, _mm256_madd_epi16(p3, weight));
    }
    // Packing undoes what unpacking did to the order.
    const __m256i low =
        _mm256_packs_epi32(_mm256_sra_epi32(s0, by), _mm256_sra_epi32(s1, by));
    const __m256i high =
        _mm256_packs_epi32(_mm256_sra_epi32(s2, by), _mm256_sra_epi32(s3, by));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x),
                        _mm256_packus_epi16(low, high));
  }
  return x;
}

}  // namespace skipzoo::avx2

#pragma GCC pop_options
#endif

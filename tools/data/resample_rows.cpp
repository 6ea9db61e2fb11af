#include "tools/data/resample_rows.h"

#include <algorithm>
#include <array>

#include "models/kernels/simd/processor.h"

namespace skipzoo {

namespace {

uint8_t byte_of(int32_t sum, int shift) {
  return static_cast<uint8_t>(std::clamp(sum >> shift, 0, 255));
}

template <size_t kChannels>
void resample_row(const uint8_t* row, const Taps& taps, uint8_t* out) {
  const int16_t* weights = taps.weights.data();
  for (size_t x = 0; x < taps.first.size(); ++x, weights += taps.taps) {
    const uint8_t* in = row + static_cast<size_t>(taps.first[x]) * kChannels;
    std::array<int32_t, kChannels> sums;
    sums.fill(1 << (taps.shift - 1));
    for (int64_t j = 0; j < taps.count[x]; ++j, in += kChannels) {
      for (size_t c = 0; c < kChannels; ++c) sums[c] += weights[j] * in[c];
    }
    for (const int32_t sum : sums) *out++ = byte_of(sum, taps.shift);
  }
}

}  // namespace

void resample_rows(const Image& image, const Taps& taps, Image& out) {
  const bool colour = image.channels == 3;
  int64_t y = 0;
#ifdef SKIPZOO_RESAMPLE_AVX2
  if (colour && has_avx2()) y = avx2::resample_rows(image, taps, out);
#endif
  for (; y < image.height; ++y) {
    const uint8_t* in = image.pixels.data() + y * image.width * image.channels;
    uint8_t* to = out.pixels.data() + y * out.width * out.channels;
    colour ? resample_row<3>(in, taps, to) : resample_row<1>(in, taps, to);
  }
}

void weighted_sum(const uint8_t* rows, int64_t bytes,
                  std::span<const int16_t> weights, int shift, uint8_t* out) {
  int64_t x = 0;
#ifdef SKIPZOO_RESAMPLE_AVX2
  if (has_avx2()) x = avx2::weighted_sum(rows, bytes, weights, shift, out);
#endif
  for (; x < bytes; ++x) {
    int32_t sum = 1 << (shift - 1);
    const uint8_t* in = rows + x;
    for (const int16_t weight : weights) {
      sum += weight * *in;
      in += bytes;
    }
    out[x] = byte_of(sum, shift);
  }
}

}  // namespace skipzoo

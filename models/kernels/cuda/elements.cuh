#pragma once

#include "models/kernels/cuda/packs.h"

// Elements of tensors, eight at a time: loaded, widened to what is computed in,
// rounded to the nearest, stored.

namespace skipzoo::cuda {

struct BFloat16 {
  unsigned short bits;
};
struct Half {
  unsigned short bits;
};

template <typename T>
struct AccumulationType {
  using Type = float;
};
template <>
struct AccumulationType<double> {
  using Type = double;
};
/// What sums and per-channel numbers are in.
template <typename T>
using Acc = typename AccumulationType<T>::Type;

/// Eight elements as they lie in memory, for loads and stores of 16 bytes.
template <typename T>
struct alignas(16) Pack {
  T elements[kPack];
};
struct alignas(16) PackOfWords {
  unsigned words[kPack / 2];
};
template <>
struct Pack<BFloat16> : PackOfWords {};
template <>
struct Pack<Half> : PackOfWords {};

__device__ inline float widened(float x) { return x; }
__device__ inline double widened(double x) { return x; }
__device__ inline float widened(BFloat16 x) {
  return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}

#ifdef __CUDA_ARCH__
__device__ inline float widened(Half x) {
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
}
__device__ inline unsigned two_halfs(float low, float high) {
  unsigned short a, b;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(a) : "f"(low));
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(b) : "f"(high));
  return a | static_cast<unsigned>(b) << 16;
}
#else
// A processor's: tests emulate the grid.
inline float widened(Half x) { return float_of_half(x.bits); }
inline unsigned two_halfs(float low, float high) {
  return half_of_float(low) | static_cast<unsigned>(half_of_float(high)) << 16;
}
#endif

/// Rounded to the nearest, ties to even; a NaN stays one.
__device__ inline unsigned rounded_bfloat16(float x) {
  const unsigned bits = __float_as_uint(x);
  if (x != x) return 0x7fff;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
__device__ inline unsigned two_bfloat16s(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  unsigned both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
#else
  return rounded_bfloat16(low) | rounded_bfloat16(high) << 16;
#endif
}

template <typename T>
__device__ inline void widen(const Pack<T>& pack, T (&to)[kPack]) {
  for (int j = 0; j < kPack; ++j) to[j] = pack.elements[j];
}
__device__ inline void widen(const Pack<BFloat16>& pack, float (&to)[kPack]) {
  for (int j = 0; j < kPack; j += 2) {
    to[j] = __uint_as_float(pack.words[j / 2] << 16);
    to[j + 1] = __uint_as_float(pack.words[j / 2] & 0xffff0000u);
  }
}
__device__ inline void widen(const Pack<Half>& pack, float (&to)[kPack]) {
  for (int j = 0; j < kPack; j += 2) {
    const unsigned word = pack.words[j / 2];
    to[j] = widened(Half{static_cast<unsigned short>(word)});
    to[j + 1] = widened(Half{static_cast<unsigned short>(word >> 16)});
  }
}

template <typename T>
__device__ inline void narrow(const T (&from)[kPack], Pack<T>& pack) {
  for (int j = 0; j < kPack; ++j) pack.elements[j] = from[j];
}
__device__ inline void narrow(const float (&from)[kPack],
                              Pack<BFloat16>& pack) {
  for (int j = 0; j < kPack; j += 2) {
    pack.words[j / 2] = two_bfloat16s(from[j], from[j + 1]);
  }
}
__device__ inline void narrow(const float (&from)[kPack], Pack<Half>& pack) {
  for (int j = 0; j < kPack; j += 2) {
    pack.words[j / 2] = two_halfs(from[j], from[j + 1]);
  }
}

template <typename T>
__device__ inline Pack<T> load(const T* from, long long pack) {
  return reinterpret_cast<const Pack<T>*>(from)[pack];
}
template <typename T>
__device__ inline void store(T* to, long long pack,
                             const Acc<T> (&numbers)[kPack]) {
  Pack<T> packed;
  narrow(numbers, packed);
  reinterpret_cast<Pack<T>*>(to)[pack] = packed;
}

__device__ inline void put(float* to, float x) { *to = x; }
__device__ inline void put(double* to, double x) { *to = x; }
__device__ inline void put(BFloat16* to, float x) {
  to->bits = static_cast<unsigned short>(rounded_bfloat16(x));
}
__device__ inline void put(Half* to, float x) {
  to->bits = static_cast<unsigned short>(two_halfs(x, 0));
}

/// Per-channel numbers of the elements of a pack. numbers: (C), so aligned that
/// a pack is where C is a multiple of eight.
template <typename T>
__device__ inline void of_channels(const T* numbers, const PackLayout& layout,
                                   long long pack, Acc<T> (&to)[kPack]) {
  const int first = static_cast<int>(pack * kPack % layout.channels);
  if (layout.channels % kPack == 0) {
    widen(load(numbers, first / kPack), to);
    return;
  }
  for (int j = 0; j < kPack; ++j) {
    to[j] = widened(numbers[(first + j) % layout.channels]);
  }
}

}  // namespace skipzoo::cuda

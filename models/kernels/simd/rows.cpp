#include "models/kernels/simd/rows.h"

#include <limits>
#include <type_traits>

#include "models/kernels/simd/processor.h"
#include "models/kernels/simd/row_loops.h"
#include "models/kernels/simd/rows_avx2.h"
#include "models/kernels/simd/rows_avx512.h"

namespace skipzoo::rows {

namespace {

// The plain loops. Those of doubles are compiled for several instruction sets;
// the others have files of their own for these.
#define SKIPZOO_EACH(...)                                                   \
  SKIPZOO_CLONES void plain_each(const __VA_ARGS__& element, int64_t count, \
                                 int64_t channels) {                        \
    for_each(element, count, channels);                                     \
  }
#define SKIPZOO_SUM(...)                                                   \
  SKIPZOO_CLONES void plain_sum(const __VA_ARGS__& element, int64_t count, \
                                int64_t channels, __VA_ARGS__::Sum* first, \
                                __VA_ARGS__::Sum* second) {                \
    add_up(element, count, channels, first, second);                       \
  }
SKIPZOO_ELEMENTS(double, SKIPZOO_EACH, SKIPZOO_SUM)

template <typename T, typename Element>
void each(const Element& element, int64_t count, int64_t channels) {
  if constexpr (std::is_same_v<T, double>) {
    return plain_each(element, count, channels);
  } else {
#ifdef SKIPZOO_ROWS_AVX512
    if (has_avx512_bf16()) return avx512::each(element, count, channels);
#endif
#ifdef SKIPZOO_ROWS_AVX2
    if (has_avx2()) return avx2::each(element, count, channels);
#endif
    for_each(element, count, channels);
  }
}

template <typename T, typename Element>
void sum(const Element& element, int64_t count, int64_t channels, Acc<T>* first,
         Acc<T>* second) {
  if constexpr (std::is_same_v<T, double>) {
    return plain_sum(element, count, channels, first, second);
  } else {
#ifdef SKIPZOO_ROWS_AVX512
    if (has_avx512_bf16()) {
      return avx512::sum(element, count, channels, first, second);
    }
#endif
#ifdef SKIPZOO_ROWS_AVX2
    if (has_avx2()) return avx2::sum(element, count, channels, first, second);
#endif
    add_up(element, count, channels, first, second);
  }
}

}  // namespace

template <typename T>
void sums(const T* x, int64_t stride, const Acc<T>* shift, int64_t count,
          int64_t channels, Acc<T>* sum_, Acc<T>* squares) {
  sum<T>(Shifted<T>{x, stride, shift}, count, channels, sum_, squares);
}

/// What a ReLU, or none, lets through at the least.
template <typename A>
A floor_of(bool relu) {
  return relu ? A(0) : -std::numeric_limits<A>::infinity();
}

template <typename T>
void affine(const T* x, int64_t x_stride, const T* residual,
            const Acc<T>* scale, const Acc<T>* offset, bool relu, int64_t count,
            int64_t channels, T* y, int64_t y_stride) {
  const auto run = [&]<bool kResidual>() {
    each<T>(Affine<T, kResidual>{x, x_stride, residual, scale, offset,
                                 floor_of<Acc<T>>(relu), channels, y, y_stride},
            count, channels);
  };
  residual == nullptr ? run.template operator()<false>()
                      : run.template operator()<true>();
}

template <typename T>
void gradient_sums(const T* dy, const T* x, const Acc<T>* mean,
                   const Acc<T>* scale, const Acc<T>* bias, int64_t count,
                   int64_t channels, Acc<T>* sum_, Acc<T>* product) {
  sum<T>(GradientTerms<T>{dy, x, mean, scale, bias, channels}, count, channels,
         sum_, product);
}

template <typename T>
void residual_gradient(const T* dy, const T* y, const T* x, const Acc<T>* mean,
                       int64_t count, int64_t channels, T* residual,
                       Acc<T>* sum_, Acc<T>* product) {
  sum<T>(ResidualGradient<T>{dy, y, x, mean, channels, residual}, count,
         channels, sum_, product);
}

template <typename T>
void input_gradient(const T* dy, const T* x, const Acc<T>* mean,
                    const Acc<T>* scale, const Acc<T>* bias,
                    const Acc<T>* slope, const Acc<T>* offset, int64_t count,
                    int64_t channels, T* dx) {
  const auto run = [&]<bool kRelu>() {
    each<T>(InputGradient<T, kRelu>{dy, x, mean, scale, bias, slope, offset,
                                    channels, dx},
            count, channels);
  };
  bias == nullptr ? run.template operator()<false>()
                  : run.template operator()<true>();
}

template <typename T>
void add_gradient(const Acc<T>* dy, const T* y, int64_t dy_stride, const T* x,
                  int64_t x_stride, const Acc<T>* mean, const Acc<T>* scale,
                  int64_t count, int64_t channels, Acc<T>* total, Acc<T>* sum_,
                  Acc<T>* product) {
  sum<T>(AddedGradient<T>{dy, y, dy_stride, x, x_stride, mean, scale, total},
         count, channels, sum_, product);
}

template <typename T>
void finish_gradient(const Acc<T>* total, const T* x, int64_t stride,
                     const Acc<T>* mean, const Acc<T>* slope,
                     const Acc<T>* offset, int64_t count, int64_t channels,
                     T* dx) {
  each<T>(
      FinishedGradient<T>{total, x, stride, mean, slope, offset, channels, dx},
      count, channels);
}

template <typename T>
void copy(const T* x, int64_t x_stride, int64_t count, int64_t channels, T* y,
          int64_t y_stride) {
  each<T>(Copy<T>{x, x_stride, y, y_stride}, count, channels);
}

template <typename T>
void write(const Acc<T>* x, int64_t x_stride, const Acc<T>* bias,
           const T* residual, bool relu, int64_t count, int64_t channels, T* y,
           int64_t y_stride) {
  const auto run = [&]<bool kBias, bool kResidual>() {
    each<T>(Write<T, kBias, kResidual>{x, x_stride, bias, residual,
                                       floor_of<Acc<T>>(relu), y, y_stride},
            count, channels);
  };
  if (bias == nullptr) {
    run.template operator()<false, false>();
  } else if (residual == nullptr) {
    run.template operator()<true, false>();
  } else {
    run.template operator()<true, true>();
  }
}

template <typename T>
void largest(const std::array<const T*, 9>& x, int64_t stride, int64_t count,
             int64_t channels, T* y) {
  each<T>(Largest<T>{x, stride, channels, y}, count, channels);
}

template <typename T, size_t kPixels>
void mean(const std::array<const T*, kPixels>& x, int64_t stride, int64_t count,
          int64_t channels, T* y, int64_t y_stride) {
  each<T>(Mean<T, kPixels>{x, stride, y, y_stride}, count, channels);
}

#define SKIPZOO_INSTANTIATE(T)                                                 \
  template void sums(const T*, int64_t, const Acc<T>*, int64_t, int64_t,       \
                     Acc<T>*, Acc<T>*);                                        \
  template void affine(const T*, int64_t, const T*, const Acc<T>*,             \
                       const Acc<T>*, bool, int64_t, int64_t, T*, int64_t);    \
  template void gradient_sums(const T*, const T*, const Acc<T>*,               \
                              const Acc<T>*, const Acc<T>*, int64_t, int64_t,  \
                              Acc<T>*, Acc<T>*);                               \
  template void residual_gradient(const T*, const T*, const T*, const Acc<T>*, \
                                  int64_t, int64_t, T*, Acc<T>*, Acc<T>*);     \
  template void input_gradient(const T*, const T*, const Acc<T>*,              \
                               const Acc<T>*, const Acc<T>*, const Acc<T>*,    \
                               const Acc<T>*, int64_t, int64_t, T*);           \
  template void add_gradient(const Acc<T>*, const T*, int64_t, const T*,       \
                             int64_t, const Acc<T>*, const Acc<T>*, int64_t,   \
                             int64_t, Acc<T>*, Acc<T>*, Acc<T>*);              \
  template void finish_gradient(const Acc<T>*, const T*, int64_t,              \
                                const Acc<T>*, const Acc<T>*, const Acc<T>*,   \
                                int64_t, int64_t, T*);                         \
  template void copy(const T*, int64_t, int64_t, int64_t, T*, int64_t);        \
  template void write(const Acc<T>*, int64_t, const Acc<T>*, const T*, bool,   \
                      int64_t, int64_t, T*, int64_t);                          \
  template void largest(const std::array<const T*, 9>&, int64_t, int64_t,      \
                        int64_t, T*);                                          \
  template void mean(const std::array<const T*, 2>&, int64_t, int64_t,         \
                     int64_t, T*, int64_t);                                    \
  template void mean(const std::array<const T*, 4>&, int64_t, int64_t,         \
                     int64_t, T*, int64_t);

SKIPZOO_INSTANTIATE(float)
SKIPZOO_INSTANTIATE(double)
SKIPZOO_INSTANTIATE(BFloat16)

namespace {

SKIPZOO_CLONES void plain_interleave(const BFloat16* x, int64_t pairs,
                                     int64_t channels, uint32_t* to) {
  for (int64_t k = 0; k < pairs; ++k) {
    const BFloat16* first = x + 2 * k * channels;
    const BFloat16* second = first + channels;
#pragma omp simd
    for (int64_t c = 0; c < channels; ++c) {
      to[k * channels + c] = first[c].x | static_cast<uint32_t>(second[c].x)
                                              << 16;
    }
  }
}

}  // namespace

void interleave(const BFloat16* x, int64_t pairs, int64_t channels,
                uint32_t* to) {
#ifdef SKIPZOO_ROWS_AVX512
  if (has_avx512_bf16()) return avx512::interleave(x, pairs, channels, to);
#endif
  plain_interleave(x, pairs, channels, to);
}

}  // namespace skipzoo::rows

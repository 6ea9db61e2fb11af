#include "models/kernels/rows.h"

#include "models/kernels/row_loops.h"

namespace skipzoo::rows {

namespace {

template <typename T>
struct Shifted {
  const T* x;
  int64_t stride;
  const Acc<T>* shift;

  SKIPZOO_INLINE Terms<T> operator()(int64_t row, int64_t c) const {
    const Acc<T> d = load(x[row * stride + c]) - shift[c];
    return {d, d * d};
  }
};

template <typename T, bool kResidual>
struct AffineRelu {
  const T* x;
  int64_t stride;
  const T* residual;
  const Acc<T>* scale;
  const Acc<T>* offset;
  int64_t channels;
  T* y;
  int64_t to;

  SKIPZOO_INLINE void operator()(int64_t row, int64_t c) const {
    Acc<T> v = load(x[row * stride + c]) * scale[c] + offset[c];
    if constexpr (kResidual) v += load(residual[row * channels + c]);
    // Not max(): a NaN is to stay one.
    store(v <= 0 ? Acc<T>(0) : v, y[row * to + c]);
  }
};

/// What comes back through a ReLU: dy where its output was not zero.
template <typename T, bool kFromOutput>
struct Masked {
  const T* dy;
  const T* y;
  const T* x;
  int64_t stride;  ///< Of x.
  const Acc<T>* scale;
  const Acc<T>* bias;
  int64_t channels;

  SKIPZOO_INLINE Acc<T> operator()(int64_t row, int64_t c) const {
    const int64_t at = row * channels + c;
    const Acc<T> g = load(dy[at]);
    if constexpr (kFromOutput) {
      return load(y[at]) > 0 ? g : Acc<T>(0);
    } else {
      return load(x[row * stride + c]) * scale[c] + bias[c] > 0 ? g : Acc<T>(0);
    }
  }
};

template <typename T, bool kFromOutput>
struct GradientTerms {
  Masked<T, kFromOutput> masked;
  const Acc<T>* mean;

  SKIPZOO_INLINE Terms<T> operator()(int64_t row, int64_t c) const {
    const Acc<T> g = masked(row, c);
    return {g, g * (load(masked.x[row * masked.stride + c]) - mean[c])};
  }
};

template <typename T, bool kFromOutput, bool kResidual>
struct InputGradient {
  Masked<T, kFromOutput> masked;
  const Acc<T>* mean;
  const Acc<T>* slope;
  const Acc<T>* offset;
  T* dx;
  T* residual;

  SKIPZOO_INLINE void operator()(int64_t row, int64_t c) const {
    const int64_t at = row * masked.channels + c;
    const Acc<T> g = masked(row, c);
    const Acc<T> centred = load(masked.x[at]) - mean[c];
    store(masked.scale[c] * g + slope[c] * centred + offset[c], dx[at]);
    if constexpr (kResidual) store(g, residual[at]);
  }
};

template <typename T>
struct AddedGradient {
  const Acc<T>* dy;
  const T* y;
  int64_t from;
  const T* x;
  int64_t stride;
  const Acc<T>* mean;
  const Acc<T>* scale;
  Acc<T>* total;

  SKIPZOO_INLINE Terms<T> operator()(int64_t row, int64_t c) const {
    const int64_t at = row * from + c;
    const Acc<T> g = load(y[at]) > 0 ? dy[at] : Acc<T>(0);
    total[row * stride + c] += scale[c] * g;
    return {g, g * (load(x[row * stride + c]) - mean[c])};
  }
};

template <typename T>
struct FinishedGradient {
  const Acc<T>* total;
  const T* x;
  int64_t stride;
  const Acc<T>* mean;
  const Acc<T>* slope;
  const Acc<T>* offset;
  int64_t channels;
  T* dx;

  SKIPZOO_INLINE void operator()(int64_t row, int64_t c) const {
    const int64_t at = row * stride + c;
    store(total[at] + slope[c] * (load(x[at]) - mean[c]) + offset[c],
          dx[row * channels + c]);
  }
};

template <typename T>
struct Copy {
  const T* x;
  int64_t from;
  T* y;
  int64_t to;

  SKIPZOO_INLINE void operator()(int64_t row, int64_t c) const {
    y[row * to + c] = x[row * from + c];
  }
};

template <typename T, bool kBias>
struct Write {
  const Acc<T>* x;
  int64_t from;
  const Acc<T>* bias;
  T* y;
  int64_t to;

  SKIPZOO_INLINE void operator()(int64_t row, int64_t c) const {
    Acc<T> v = x[row * from + c];
    if constexpr (kBias) {
      v += bias[c];
      v = v <= 0 ? Acc<T>(0) : v;
    }
    store(v, y[row * to + c]);
  }
};

}  // namespace

#define SKIPZOO_ROWS(T)                                                        \
  SKIPZOO_CLONES void sums(const T* x, int64_t stride, const Acc<T>* shift,    \
                           int64_t count, int64_t channels, Acc<T>* sum,       \
                           Acc<T>* squares) {                                  \
    add_up<T>(Shifted<T>{x, stride, shift}, count, channels, sum, squares);    \
  }                                                                            \
  SKIPZOO_CLONES void affine_relu(const T* x, int64_t stride,                  \
                                  const T* residual, const Acc<T>* scale,      \
                                  const Acc<T>* offset, int64_t count,         \
                                  int64_t channels, T* y, int64_t to) {        \
    residual == nullptr                                                        \
        ? for_each(AffineRelu<T, false>{x, stride, residual, scale, offset,    \
                                        channels, y, to},                      \
                   count, channels)                                            \
        : for_each(AffineRelu<T, true>{x, stride, residual, scale, offset,     \
                                       channels, y, to},                       \
                   count, channels);                                           \
  }                                                                            \
  SKIPZOO_CLONES void gradient_sums(                                           \
      const T* dy, const T* y, const T* x, const Acc<T>* mean,                 \
      const Acc<T>* scale, const Acc<T>* bias, int64_t count,                  \
      int64_t channels, Acc<T>* sum, Acc<T>* product) {                        \
    y == nullptr ? add_up<T>(                                                  \
                       GradientTerms<T, false>{                                \
                           {dy, y, x, channels, scale, bias, channels}, mean}, \
                       count, channels, sum, product)                          \
                 : add_up<T>(                                                  \
                       GradientTerms<T, true>{                                 \
                           {dy, y, x, channels, scale, bias, channels}, mean}, \
                       count, channels, sum, product);                         \
  }                                                                            \
  SKIPZOO_CLONES void input_gradient(const T* dy, const T* y, const T* x,      \
                                     const Acc<T>* mean, const Acc<T>* scale,  \
                                     const Acc<T>* bias, const Acc<T>* slope,  \
                                     const Acc<T>* offset, int64_t count,      \
                                     int64_t channels, T* dx, T* residual) {   \
    if (residual != nullptr) {                                                 \
      for_each(InputGradient<T, true, true>{{dy, y, x, channels, scale, bias,  \
                                             channels},                        \
                                            mean,                              \
                                            slope,                             \
                                            offset,                            \
                                            dx,                                \
                                            residual},                         \
               count, channels);                                               \
    } else if (y != nullptr) {                                                 \
      for_each(InputGradient<T, true, false>{{dy, y, x, channels, scale, bias, \
                                              channels},                       \
                                             mean,                             \
                                             slope,                            \
                                             offset,                           \
                                             dx,                               \
                                             residual},                        \
               count, channels);                                               \
    } else {                                                                   \
      for_each(InputGradient<T, false, false>{{dy, y, x, channels, scale,      \
                                               bias, channels},                \
                                              mean,                            \
                                              slope,                           \
                                              offset,                          \
                                              dx,                              \
                                              residual},                       \
               count, channels);                                               \
    }                                                                          \
  }                                                                            \
  SKIPZOO_CLONES void add_gradient(                                            \
      const Acc<T>* dy, const T* y, int64_t from, const T* x, int64_t stride,  \
      const Acc<T>* mean, const Acc<T>* scale, int64_t count,                  \
      int64_t channels, Acc<T>* total, Acc<T>* sum, Acc<T>* product) {         \
    add_up<T>(AddedGradient<T>{dy, y, from, x, stride, mean, scale, total},    \
              count, channels, sum, product);                                  \
  }                                                                            \
  SKIPZOO_CLONES void finish_gradient(                                         \
      const Acc<T>* total, const T* x, int64_t stride, const Acc<T>* mean,     \
      const Acc<T>* slope, const Acc<T>* offset, int64_t count,                \
      int64_t channels, T* dx) {                                               \
    for_each(FinishedGradient<T>{total, x, stride, mean, slope, offset,        \
                                 channels, dx},                                \
             count, channels);                                                 \
  }                                                                            \
  SKIPZOO_CLONES void copy(const T* x, int64_t from, int64_t count,            \
                           int64_t channels, T* y, int64_t to) {               \
    for_each(Copy<T>{x, from, y, to}, count, channels);                        \
  }                                                                            \
  SKIPZOO_CLONES void write(const Acc<T>* x, int64_t from, const Acc<T>* bias, \
                            int64_t count, int64_t channels, T* y,             \
                            int64_t to) {                                      \
    bias == nullptr                                                            \
        ? for_each(Write<T, false>{x, from, bias, y, to}, count, channels)     \
        : for_each(Write<T, true>{x, from, bias, y, to}, count, channels);     \
  }

SKIPZOO_ROWS(float)
SKIPZOO_ROWS(double)
SKIPZOO_ROWS(c10::BFloat16)

SKIPZOO_CLONES void interleave(const BFloat16* x, int64_t pairs,
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

}  // namespace skipzoo::rows

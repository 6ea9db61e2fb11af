#include "models/kernels/simd/gemm.h"

#include <algorithm>
#include <bit>

#include "models/kernels/simd/processor.h"

#ifdef SKIPZOO_X86
#include <immintrin.h>
#endif

namespace skipzoo::gemm {

namespace {

#define SKIPZOO_INLINE inline __attribute__((always_inline))

SKIPZOO_INLINE float low(uint32_t pair) {
  return std::bit_cast<float>(pair << 16);
}
SKIPZOO_INLINE float high(uint32_t pair) {
  return std::bit_cast<float>(pair & 0xFFFF0000U);
}
template <typename T>
SKIPZOO_INLINE T product(T a, T b) {
  return a * b;
}
SKIPZOO_INLINE float product(uint32_t a, uint32_t b) {
  return low(a) * low(b) + high(a) * high(b);
}

template <typename T, typename A>
void loops(Left<T> a, const T* b, int64_t rows, int64_t columns, int64_t depth,
           A* c, bool add) {
  if (!add) std::fill_n(c, rows * columns, A(0));
  for (int64_t i = 0; i < rows; ++i, c += columns) {
    for (int64_t k = 0; k < depth; ++k) {
      const T left = a.at[i * a.row + k * a.column];
      const T* right = b + k * columns;
#pragma omp simd
      for (int64_t j = 0; j < columns; ++j) c[j] += product(left, right[j]);
    }
  }
}

}  // namespace

void multiply_plain(Left<float> a, const float* b, int64_t rows,
                    int64_t columns, int64_t depth, float* c, bool add) {
  loops(a, b, rows, columns, depth, c, add);
}

void multiply_plain(Left<uint32_t> a, const uint32_t* b, int64_t rows,
                    int64_t columns, int64_t depth, float* c, bool add) {
  loops(a, b, rows, columns, depth, c, add);
}

#ifdef SKIPZOO_X86

// The micro-kernel for three sets of instructions: a register tile of kTileRows
// rows, or of kRows where no more are left, and up to three vectors of columns
// accumulates over the whole depth.
#define SKIPZOO_AVX512 __attribute__((target("avx512f")))
#define SKIPZOO_AVX512_BF16 __attribute__((target("avx512f,avx512bf16")))
#define SKIPZOO_AVX2 __attribute__((target("avx2,fma")))

namespace {

struct Avx512 {
  using Element = float;
  using Vector = __m512;
  /// kLeastToPack: elements of b that are too many for L1, so that its panels
  /// are packed; 0 where L2 is near enough.
  static constexpr int kTileRows = 8, kLeastToPack = 0;
  SKIPZOO_AVX512 static SKIPZOO_INLINE Vector load(const float* x) {
    return _mm512_loadu_ps(x);
  }
  SKIPZOO_AVX512 static SKIPZOO_INLINE void store(float* x, Vector v) {
    _mm512_storeu_ps(x, v);
  }
  SKIPZOO_AVX512 static SKIPZOO_INLINE Vector dot(Vector sum, float a,
                                                  const float* b) {
    return _mm512_fmadd_ps(_mm512_set1_ps(a), _mm512_loadu_ps(b), sum);
  }
};

struct Avx512Bf16 : Avx512 {
  using Element = uint32_t;
  SKIPZOO_AVX512_BF16 static SKIPZOO_INLINE Vector dot(Vector sum, uint32_t a,
                                                       const uint32_t* b) {
    return _mm512_dpbf16_ps(
        sum, reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a))),
        reinterpret_cast<__m512bh>(_mm512_loadu_si512(b)));
  }
};

struct Avx2 {
  using Element = float;
  using Vector = __m256;
  static constexpr int kTileRows = 4, kLeastToPack = 8192;
  SKIPZOO_AVX2 static SKIPZOO_INLINE Vector load(const float* x) {
    return _mm256_loadu_ps(x);
  }
  SKIPZOO_AVX2 static SKIPZOO_INLINE void store(float* x, Vector v) {
    _mm256_storeu_ps(x, v);
  }
  SKIPZOO_AVX2 static SKIPZOO_INLINE Vector dot(Vector sum, float a,
                                                const float* b) {
    return _mm256_fmadd_ps(_mm256_set1_ps(a), _mm256_loadu_ps(b), sum);
  }
};

/// A bfloat16 is the upper half of a float.
struct Avx2Pairs : Avx2 {
  using Element = uint32_t;
  SKIPZOO_AVX2 static SKIPZOO_INLINE Vector first(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
  }
  SKIPZOO_AVX2 static SKIPZOO_INLINE Vector second(__m256i pairs) {
    return _mm256_castsi256_ps(
        _mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
  }
  SKIPZOO_AVX2 static SKIPZOO_INLINE Vector dot(Vector sum, uint32_t a,
                                                const uint32_t* b) {
    const __m256i left = _mm256_set1_epi32(static_cast<int>(a));
    const __m256i right =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
    return _mm256_fmadd_ps(second(left), second(right),
                           _mm256_fmadd_ps(first(left), first(right), sum));
  }
};

}  // namespace

#define SKIPZOO_GEMM(target, S)                                                \
  template <int kTileRows, int kVectors>                                       \
  target static SKIPZOO_INLINE void tile(                                      \
      Left<S::Element> a, const S::Element* b, int64_t step, int64_t columns,  \
      int64_t depth, float* c, bool add, S) {                                  \
    constexpr int kLanes = sizeof(S::Vector) / sizeof(float);                  \
    S::Vector accumulators[kTileRows][kVectors];                               \
    for (int i = 0; i < kTileRows; ++i) {                                      \
      for (int v = 0; v < kVectors; ++v) {                                     \
        accumulators[i][v] =                                                   \
            add ? S::load(c + i * columns + kLanes * v) : S::Vector{};         \
      }                                                                        \
    }                                                                          \
    for (int64_t k = 0; k < depth; ++k, b += step, a.at += a.column) {         \
      _Pragma("GCC unroll 8") for (int i = 0; i < kTileRows; ++i) {            \
        _Pragma("GCC unroll 3") for (int v = 0; v < kVectors; ++v) {           \
          accumulators[i][v] =                                                 \
              S::dot(accumulators[i][v], a.at[i * a.row], b + kLanes * v);     \
        }                                                                      \
      }                                                                        \
    }                                                                          \
    for (int i = 0; i < kTileRows; ++i) {                                      \
      for (int v = 0; v < kVectors; ++v) {                                     \
        S::store(c + i * columns + kLanes * v, accumulators[i][v]);            \
      }                                                                        \
    }                                                                          \
  }                                                                            \
  template <int kVectors>                                                      \
  target static void panel(Left<S::Element> a, const S::Element* b,            \
                           int64_t step, int64_t rows, int64_t columns,        \
                           int64_t depth, float* c, bool add, S) {             \
    int64_t i = 0;                                                             \
    for (; i + S::kTileRows <= rows; i += S::kTileRows) {                      \
      tile<S::kTileRows, kVectors>({a.at + i * a.row, a.row, a.column}, b,     \
                                   step, columns, depth, c + i * columns, add, \
                                   S{});                                       \
    }                                                                          \
    if (i < rows) {                                                            \
      tile<kRows, kVectors>({a.at + i * a.row, a.row, a.column}, b, step,      \
                            columns, depth, c + i * columns, add, S{});        \
    }                                                                          \
  }                                                                            \
  /* Packs a panel of b, some of its depth at a time, so that it stays in      \
     L1: rows a large stride apart would share a few cache sets. */            \
  template <int kVectors>                                                      \
  target static __attribute__((noinline)) void packed_panel(                   \
      Left<S::Element> a, const S::Element* b, int64_t rows, int64_t columns,  \
      int64_t depth, float* c, bool add, S) {                                  \
    constexpr int64_t kWidth = kVectors * sizeof(S::Vector) / sizeof(float);   \
    constexpr int64_t kDepth = 256;                                            \
    alignas(64) S::Element packed[kDepth * kWidth];                            \
    for (int64_t k = 0; k < depth; k += kDepth) {                              \
      const int64_t count = std::min(kDepth, depth - k);                       \
      for (int64_t i = 0; i < count; ++i) {                                    \
        std::copy_n(b + (k + i) * columns, kWidth, packed + i * kWidth);       \
      }                                                                        \
      panel<kVectors>({a.at + k * a.column, a.row, a.column}, packed, kWidth,  \
                      rows, columns, count, c, add || k > 0, S{});             \
    }                                                                          \
  }                                                                            \
  template <int kVectors>                                                      \
  target static SKIPZOO_INLINE void any_panel(                                 \
      Left<S::Element> a, const S::Element* b, int64_t rows, int64_t columns,  \
      int64_t depth, float* c, bool add, S) {                                  \
    /* With rows enough to pay for packing, and a large stride. */             \
    if (S::kLeastToPack > 0 && columns >= 64 && rows >= 16 &&                  \
        columns * depth >= S::kLeastToPack) {                                  \
      packed_panel<kVectors>(a, b, rows, columns, depth, c, add, S{});         \
    } else {                                                                   \
      panel<kVectors>(a, b, columns, rows, columns, depth, c, add, S{});       \
    }                                                                          \
  }                                                                            \
  target static void multiply_tiles(Left<S::Element> a, const S::Element* b,   \
                                    int64_t rows, int64_t columns,             \
                                    int64_t depth, float* c, bool add, S) {    \
    constexpr int64_t kLanes = sizeof(S::Vector) / sizeof(float);              \
    int64_t j = 0;                                                             \
    /* The last four as twice two: one alone is bound by FMA latency. */       \
    for (; columns - j == 3 * kLanes || columns - j > 4 * kLanes;              \
         j += 3 * kLanes) {                                                    \
      any_panel<3>(a, b + j, rows, columns, depth, c + j, add, S{});           \
    }                                                                          \
    for (; columns - j >= 2 * kLanes; j += 2 * kLanes) {                       \
      any_panel<2>(a, b + j, rows, columns, depth, c + j, add, S{});           \
    }                                                                          \
    if (j < columns) {                                                         \
      any_panel<1>(a, b + j, rows, columns, depth, c + j, add, S{});           \
    }                                                                          \
  }

SKIPZOO_GEMM(SKIPZOO_AVX512, Avx512)
SKIPZOO_GEMM(SKIPZOO_AVX512_BF16, Avx512Bf16)
SKIPZOO_GEMM(SKIPZOO_AVX2, Avx2)
SKIPZOO_GEMM(SKIPZOO_AVX2, Avx2Pairs)

void multiply(Left<float> a, const float* b, int64_t rows, int64_t columns,
              int64_t depth, float* c, bool add) {
  if (has_avx512()) {
    multiply_tiles(a, b, rows, columns, depth, c, add, Avx512{});
  } else if (!multiply_avx2(a, b, rows, columns, depth, c, add)) {
    multiply_plain(a, b, rows, columns, depth, c, add);
  }
}

bool multiply_avx2(Left<float> a, const float* b, int64_t rows, int64_t columns,
                   int64_t depth, float* c, bool add) {
  if (!has_avx2()) return false;
  multiply_tiles(a, b, rows, columns, depth, c, add, Avx2{});
  return true;
}

void multiply(Left<uint32_t> a, const uint32_t* b, int64_t rows,
              int64_t columns, int64_t depth, float* c, bool add) {
  if (has_avx512_bf16()) {
    multiply_tiles(a, b, rows, columns, depth, c, add, Avx512Bf16{});
  } else if (!multiply_avx2(a, b, rows, columns, depth, c, add)) {
    multiply_plain(a, b, rows, columns, depth, c, add);
  }
}

bool multiply_avx2(Left<uint32_t> a, const uint32_t* b, int64_t rows,
                   int64_t columns, int64_t depth, float* c, bool add) {
  if (!has_avx2()) return false;
  multiply_tiles(a, b, rows, columns, depth, c, add, Avx2Pairs{});
  return true;
}

#else

bool multiply_avx2(Left<float>, const float*, int64_t, int64_t, int64_t, float*,
                   bool) {
  return false;
}

bool multiply_avx2(Left<uint32_t>, const uint32_t*, int64_t, int64_t, int64_t,
                   float*, bool) {
  return false;
}

void multiply(Left<float> a, const float* b, int64_t rows, int64_t columns,
              int64_t depth, float* c, bool add) {
  multiply_plain(a, b, rows, columns, depth, c, add);
}

void multiply(Left<uint32_t> a, const uint32_t* b, int64_t rows,
              int64_t columns, int64_t depth, float* c, bool add) {
  multiply_plain(a, b, rows, columns, depth, c, add);
}

#endif

void multiply(Left<double> a, const double* b, int64_t rows, int64_t columns,
              int64_t depth, double* c, bool add) {
  loops(a, b, rows, columns, depth, c, add);
}

}  // namespace skipzoo::gemm

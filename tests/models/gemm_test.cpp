// Matrix products of blocks, by every set of instructions that is here, against
// sums in double.

#include "models/kernels/simd/gemm.h"

#include <c10/util/BFloat16.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace skipzoo::gemm {
namespace {

struct Shape {
  int64_t rows, columns, depth;
  bool transposed, add;
};

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const int64_t rows : {4, 8, 20}) {
    for (const int64_t columns : {16, 32, 48, 64, 80, 112}) {
      for (const int64_t depth : {1, 2, 7, 33}) {
        for (const bool transposed : {false, true}) {
          for (const bool add : {false, true}) {
            all.push_back({rows, columns, depth, transposed, add});
          }
        }
      }
    }
  }
  // Right operands too large for L1, one deeper than a packed panel.
  all.push_back({20, 80, 130, false, false});
  all.push_back({20, 64, 130, true, true});
  all.push_back({16, 112, 600, false, true});
  all.push_back({16, 112, 600, false, false});
  return all;
}

std::vector<float> numbers(int64_t count) {
  static std::mt19937 engine(5);
  std::normal_distribution<float> normal;
  std::vector<float> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(normal(engine));
  return all;
}

template <typename T>
Left<T> left(const std::vector<T>& a, const Shape& s) {
  return s.transposed ? Left<T>{a.data(), 1, s.rows}
                      : Left<T>{a.data(), s.depth, 1};
}

/// value(of a or b, element) -> the products' factors; pairs of them for
/// bfloat16.
template <typename T, typename Product>
void expect_product(const std::vector<T>& a, const std::vector<T>& b,
                    const std::vector<float>& before,
                    const std::vector<float>& found, const Shape& s,
                    const Product& product) {
  const auto at = left(a, s);
  for (int64_t i = 0; i < s.rows; ++i) {
    for (int64_t j = 0; j < s.columns; ++j) {
      double sum = s.add ? static_cast<double>(before[i * s.columns + j]) : 0;
      double scale = 1;
      for (int64_t k = 0; k < s.depth; ++k) {
        const double one =
            product(at.at[i * at.row + k * at.column], b[k * s.columns + j]);
        sum += one;
        scale += std::abs(one);
      }
      ASSERT_NEAR(found[i * s.columns + j], sum, 1e-6 * scale)
          << s.rows << " x " << s.columns << " x " << s.depth << ", row " << i
          << ", column " << j;
    }
  }
}

template <typename Multiply>
void expect_right(const Multiply& multiply) {
  for (const Shape& s : shapes()) {
    const auto a = numbers(s.rows * s.depth), b = numbers(s.depth * s.columns);
    const auto before = numbers(s.rows * s.columns);
    auto c = before;
    multiply(left(a, s), b.data(), s, c.data());
    expect_product(a, b, before, c, s, [](float x, float y) {
      return static_cast<double>(x) * static_cast<double>(y);
    });
  }
}

TEST(Gemm, OfFloat) {
  expect_right([](Left<float> a, const float* b, const Shape& s, float* c) {
    multiply(a, b, s.rows, s.columns, s.depth, c, s.add);
  });
}

TEST(Gemm, OfFloatPlain) {
  expect_right([](Left<float> a, const float* b, const Shape& s, float* c) {
    multiply_plain(a, b, s.rows, s.columns, s.depth, c, s.add);
  });
}

TEST(Gemm, OfFloatByAvx2) {
  float out[128];
  const float in[128] = {};
  if (!multiply_avx2(Left<float>{in, 1, 1}, in, 8, 16, 1, out, false)) {
    GTEST_SKIP() << "this processor has no AVX2";
  }
  expect_right([](Left<float> a, const float* b, const Shape& s, float* c) {
    multiply_avx2(a, b, s.rows, s.columns, s.depth, c, s.add);
  });
}

uint32_t pair(float first, float second) {
  return c10::BFloat16(first).x | static_cast<uint32_t>(c10::BFloat16(second).x)
                                      << 16;
}
double half(uint32_t pair, int which) {
  const c10::BFloat16 value(static_cast<uint16_t>(pair >> 16 * which),
                            c10::BFloat16::from_bits());
  return static_cast<double>(static_cast<float>(value));
}

/// multiply(a, b, shape, c) against products of the halves.
template <typename Multiply>
void expect_right_of_pairs(const Multiply& multiply) {
  const auto pairs = [](int64_t count) {
    const auto values = numbers(2 * count);
    std::vector<uint32_t> all;
    for (size_t i = 0; i < values.size(); i += 2) {
      all.push_back(pair(values[i], values[i + 1]));
    }
    return all;
  };
  for (const Shape& s : shapes()) {
    const auto a = pairs(s.rows * s.depth), b = pairs(s.depth * s.columns);
    const auto before = numbers(s.rows * s.columns);
    auto c = before;
    multiply(left(a, s), b.data(), s, c.data());
    expect_product(a, b, before, c, s, [](uint32_t x, uint32_t y) {
      return half(x, 0) * half(y, 0) + half(x, 1) * half(y, 1);
    });
  }
}

TEST(Gemm, OfPairsOfBfloat16) {
  expect_right_of_pairs(
      [](Left<uint32_t> a, const uint32_t* b, const Shape& s, float* c) {
        multiply(a, b, s.rows, s.columns, s.depth, c, s.add);
      });
}

TEST(Gemm, OfPairsOfBfloat16Plain) {
  expect_right_of_pairs(
      [](Left<uint32_t> a, const uint32_t* b, const Shape& s, float* c) {
        multiply_plain(a, b, s.rows, s.columns, s.depth, c, s.add);
      });
}

TEST(Gemm, OfPairsOfBfloat16ByAvx2) {
  float out[128];
  const uint32_t in[128] = {};
  if (!multiply_avx2(Left<uint32_t>{in, 1, 1}, in, 8, 16, 1, out, false)) {
    GTEST_SKIP() << "this processor has no AVX2";
  }
  expect_right_of_pairs(
      [](Left<uint32_t> a, const uint32_t* b, const Shape& s, float* c) {
        multiply_avx2(a, b, s.rows, s.columns, s.depth, c, s.add);
      });
}

}  // namespace
}  // namespace skipzoo::gemm

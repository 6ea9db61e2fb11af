// Products of matrices, against sums in double.

#include "tests/simd/support.h"

namespace skipzoo::simd {
namespace {

struct Product {
  int64_t rows, columns, depth;
  bool transposed, add;
  Kind kind = Kind::kOrdinary;
};

std::vector<Product> products() {
  std::vector<Product> all;
  for (const int64_t rows : {0, 4, 8, 20}) {
    for (const int64_t columns : {16, 32, 48, 64, 80, 112}) {
      for (const int64_t depth : {0, 1, 2, 7, 33}) {
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
  all.push_back({12, 48, 3, false, false, Kind::kSpecial});
  all.push_back({12, 64, 3, true, true, Kind::kSpecial});
  // Rows as far apart as tiles of one vector know them, and others.
  for (const int64_t depth : {8, 12, 16, 32, 64}) {
    for (const int64_t rows : {16, 28, 36}) {
      all.push_back({rows, 16, depth, false, false});
      all.push_back({rows, 16, depth, false, true});
    }
  }
  return all;
}

class GemmLoopsTest : public LoopsTest {
 protected:
  /// multiply(a, b, …, c) of elements E, which factors(a, b) are multiplied of.
  template <typename E, typename A, typename Multiply, typename Term>
  static void expect_products(const Multiply& multiply, const Term& term) {
    int64_t offset = 0;
    for (const Product& p : products()) {
      offset = (offset + 1) % 16;
      SCOPED_TRACE(testing::Message()
                   << p.rows << " x " << p.columns << " x " << p.depth
                   << (p.transposed ? ", transposed" : "")
                   << (p.add ? ", added" : "") << ", offset " << offset);
      Memory<E> a(p.rows * p.depth, offset, 1, p.kind),
          b(p.depth * p.columns, offset + 1, 2, p.kind);
      Memory<A> c(p.rows * p.columns, offset + 2, 3);
      const gemm::Left<E> left = p.transposed
                                     ? gemm::Left<E>{a.data(), 1, p.rows}
                                     : gemm::Left<E>{a.data(), p.depth, 1};
      multiply(left, b.data(), p.rows, p.columns, p.depth, c.data(), p.add);
      for (int64_t i = 0; i < p.rows; ++i) {
        for (int64_t j = 0; j < p.columns; ++j) {
          const int64_t at = i * p.columns + j;
          double sum = p.add ? c.before(at) : 0, size = 1;
          for (int64_t k = 0; k < p.depth; ++k) {
            const double one = term(left.at[i * left.row + k * left.column],
                                    b.data()[k * p.columns + j]);
            sum += one;
            size += std::abs(one);
          }
          expect_near<A>(c.at(at), sum, size);
          if (HasFatalFailure()) return;
        }
      }
      c.expect_kept([&](int64_t i) { return i < p.rows * p.columns; });
      if (HasFatalFailure()) return;
    }
  }
};

TEST_P(GemmLoopsTest, OfFloats) {
  expect_products<float, float>(table.multiply, [](float a, float b) {
    return as_double(a) * as_double(b);
  });
}
TEST_P(GemmLoopsTest, OfDoubles) {
  expect_products<double, double>(table.multiply_doubles,
                                  [](double a, double b) { return a * b; });
}
TEST_P(GemmLoopsTest, OfPairsOfBfloat16) {
  // VDPBF16PS takes denormal numbers for zero, of which an infinity makes a
  // NaN.
  const bool flushes = GetParam() >= Isa::kAvx512Bf16;
  const auto half = [&](uint32_t pair, int which) {
    const double x = as_double(static_cast<Bf16>(pair >> 16 * which));
    const double least = std::numeric_limits<float>::min();
    return flushes && std::abs(x) < least ? 0 * x : x;
  };
  expect_products<uint32_t, float>(
      table.multiply_pairs, [&](uint32_t a, uint32_t b) {
        return half(a, 0) * half(b, 0) + half(a, 1) * half(b, 1);
      });
}

INSTANTIATE_TEST_SUITE_P(Here, GemmLoopsTest, testing::ValuesIn(isas_here()),
                         isa_name);

}  // namespace
}  // namespace skipzoo::simd

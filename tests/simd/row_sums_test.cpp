// Loops that give two sums for each channel, against the formula in double.

#include "tests/simd/support.h"

namespace skipzoo::simd {
namespace {

/// What an element adds to its channel's sums.
struct Terms {
  double first, second;
};

class RowSumsTest : public LoopsTest {
 protected:
  /// The sums over an element, with terms(row, c) its formula.
  template <typename T, typename Element, typename Formula>
  void expect_sums(const Element& element, const RowsCase& c,
                   const Formula& terms) const {
    using A = Acc<T>;
    Memory<A> first(c.channels, 1, 20), second(c.channels, 2, 21);
    static_cast<const Sum<Element>&>(table).sum(element, c.count, c.channels,
                                                first.data(), second.data());
    for (int64_t i = 0; i < c.channels; ++i) {
      SCOPED_TRACE(testing::Message() << "channel " << i);
      Terms sum = {first.before(i), second.before(i)};
      Terms size = {std::abs(sum.first), std::abs(sum.second)};
      for (int64_t row = 0; row < c.count; ++row) {
        const Terms more = terms(row, i);
        sum.first += more.first;
        sum.second += more.second;
        size.first += std::abs(more.first) + 2;
        size.second += std::abs(more.second) + 4;
      }
      expect_near<A>(first.at(i), sum.first, size.first);
      expect_near<A>(second.at(i), sum.second, size.second);
      if (HasFatalFailure()) return;
    }
    const auto is_sum = [&](int64_t i) { return i < c.channels; };
    first.expect_kept(is_sum);
    second.expect_kept(is_sum);
  }

  template <typename T>
  void shifted() const {
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t stride = c.stride();
      Memory<T> x(c.count * stride, c.offset, 1, c.kind);
      Memory<Acc<T>> shift(c.channels, 1, 2);
      expect_sums<T>(rows::Shifted<T>{x.data(), stride, shift.data()}, c,
                     [&](int64_t row, int64_t i) -> Terms {
                       const double d = x.at(row * stride + i) - shift.at(i);
                       return {d, d * d};
                     });
    });
  }

  template <typename T>
  void gradient_terms() const {
    using A = Acc<T>;
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t n = c.channels;
      Memory<T> dy(c.count * n, c.offset, 1, c.kind),
          x(c.count * n, 2, 2, c.kind);
      Memory<A> mean(n, 0, 3), scale(n, 1, 4), bias(n, 2, 5);
      expect_sums<T>(rows::GradientTerms<T>{dy.data(), x.data(), mean.data(),
                                            scale.data(), bias.data(), n},
                     c, [&](int64_t row, int64_t i) -> Terms {
                       const double at = x.at(row * n + i);
                       const bool passes = at * scale.at(i) + bias.at(i) > 0;
                       const double g = passes ? dy.at(row * n + i) : 0;
                       return {g, g * (at - mean.at(i))};
                     });
    });
  }

  template <typename T>
  void residual_gradient() const {
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t n = c.channels;
      Memory<T> dy(c.count * n, c.offset, 1, c.kind),
          y(c.count * n, 2, 2, c.kind), x(c.count * n, 3, 3, c.kind),
          residual(c.count * n, 4, 4);
      Memory<Acc<T>> mean(n, 0, 5);
      const auto g_of = [&](int64_t i) { return y.at(i) > 0 ? dy.at(i) : 0; };
      expect_sums<T>(rows::ResidualGradient<T>{dy.data(), y.data(), x.data(),
                                               mean.data(), n, residual.data()},
                     c, [&](int64_t row, int64_t i) -> Terms {
                       const double g = g_of(row * n + i);
                       return {g, g * (x.at(row * n + i) - mean.at(i))};
                     });
      for (int64_t i = 0; i < c.count * n; ++i) {
        expect_near<T>(residual.at(i), g_of(i), 0);
      }
      residual.expect_kept([&](int64_t i) { return i < c.count * n; });
    });
  }

  template <typename T>
  void added_gradient() const {
    using A = Acc<T>;
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t stride = c.stride(), n = c.channels;
      Memory<A> dy(c.count * stride, c.offset, 1, c.kind), mean(n, 0, 5),
          scale(n, 1, 6), total(c.count * stride, 2, 7);
      Memory<T> y(c.count * stride, 3, 2, c.kind),
          x(c.count * stride, 4, 3, c.kind);
      const auto g_of = [&](int64_t i) { return y.at(i) > 0 ? dy.at(i) : 0; };
      expect_sums<T>(
          rows::AddedGradient<T>{dy.data(), y.data(), stride, x.data(), stride,
                                 mean.data(), scale.data(), total.data()},
          c, [&](int64_t row, int64_t i) -> Terms {
            const double g = g_of(row * stride + i);
            return {g, g * (x.at(row * stride + i) - mean.at(i))};
          });
      for (int64_t row = 0; row < c.count; ++row) {
        for (int64_t i = 0; i < n; ++i) {
          const int64_t at = row * stride + i;
          const double more = scale.at(i) * g_of(at);
          expect_near<A>(total.at(at), total.before(at) + more,
                         std::abs(total.before(at)) + std::abs(more));
        }
      }
      total.expect_kept(
          [&](int64_t i) { return i / stride < c.count && i % stride < n; });
    });
  }
};

TEST_P(RowSumsTest, Shifted) {
  shifted<float>();
  shifted<double>();
  shifted<Bf16>();
}
TEST_P(RowSumsTest, GradientTerms) {
  gradient_terms<float>();
  gradient_terms<double>();
  gradient_terms<Bf16>();
}
TEST_P(RowSumsTest, ResidualGradient) {
  residual_gradient<float>();
  residual_gradient<double>();
  residual_gradient<Bf16>();
}
TEST_P(RowSumsTest, AddedGradient) {
  added_gradient<float>();
  added_gradient<double>();
  added_gradient<Bf16>();
}

INSTANTIATE_TEST_SUITE_P(Here, RowSumsTest, testing::ValuesIn(isas_here()),
                         isa_name);

}  // namespace
}  // namespace skipzoo::simd

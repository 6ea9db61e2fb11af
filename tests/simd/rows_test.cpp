// Loops that write a result row by row, against the formula in double.

#include "tests/simd/support.h"

namespace skipzoo::simd {
namespace {

double relu_of(double v, bool relu) {
  return relu && !std::isnan(v) ? std::max(v, 0.0) : v;
}

class RowLoopsTest : public LoopsTest {
 protected:
  /// `to` has wanted(row, c) -> {value, magnitude}, and nothing else is
  /// written.
  template <typename T, typename Wanted>
  static void expect_rows(const Memory<T>& to, const RowsCase& c,
                          int64_t stride, const Wanted& wanted) {
    for (int64_t row = 0; row < c.count; ++row) {
      for (int64_t i = 0; i < c.channels; ++i) {
        SCOPED_TRACE(testing::Message() << "row " << row << " channel " << i);
        const auto [value, magnitude] = wanted(row, i);
        expect_near<T>(to.at(row * stride + i), value, magnitude);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
    to.expect_kept([&](int64_t i) {
      return i / stride < c.count && i % stride < c.channels;
    });
  }
  struct Value {
    double value, magnitude;
  };

  template <typename T>
  void affine() const {
    using A = Acc<T>;
    for_each_rows_case([&](const RowsCase& c) {
      for (const bool relu : {false, true}) {
        const int64_t stride = c.stride();
        Memory<T> x(c.count * stride, c.offset, 1, c.kind),
            residual(c.count * c.channels, 3, 2, c.kind),
            y(c.count * stride, c.offset + 1, 3);
        Memory<A> scale(c.channels, 1, 4), offset(c.channels, 2, 5);
        const A floor = relu ? A(0) : -std::numeric_limits<A>::infinity();
        const auto sum = [&](int64_t row, int64_t i) -> Value {
          const double product = x.at(row * stride + i) * scale.at(i);
          return {relu_of(product + offset.at(i), relu),
                  std::abs(product) + std::abs(offset.at(i))};
        };
        each(rows::Affine<T, false>{x.data(), stride, nullptr, scale.data(),
                                    offset.data(), floor, c.channels, y.data(),
                                    stride},
             c.count, c.channels);
        expect_rows(y, c, stride, sum);
        each(rows::Affine<T, true>{x.data(), stride, residual.data(),
                                   scale.data(), offset.data(), floor,
                                   c.channels, y.data(), stride},
             c.count, c.channels);
        expect_rows(y, c, stride, [&](int64_t row, int64_t i) -> Value {
          const double product = x.at(row * stride + i) * scale.at(i);
          const double more = residual.at(row * c.channels + i);
          return {relu_of(product + offset.at(i) + more, relu),
                  std::abs(product) + std::abs(offset.at(i)) + std::abs(more)};
        });
      }
    });
  }

  template <typename T>
  void input_gradient() const {
    using A = Acc<T>;
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t n = c.channels;
      Memory<T> dy(c.count * n, c.offset, 1, c.kind),
          x(c.count * n, 1, 2, c.kind), dx(c.count * n, 2, 3);
      Memory<A> mean(n, 0, 4), scale(n, 1, 5), bias(n, 2, 6), slope(n, 3, 7),
          offset(n, 4, 8);
      const auto wanted = [&](int64_t row, int64_t i, bool relu) -> Value {
        const double at = x.at(row * n + i), through = scale.at(i);
        double g = dy.at(row * n + i);
        if (relu && !(at * through + bias.at(i) > 0)) g = 0;
        const double centred = at - mean.at(i);
        return {through * g + slope.at(i) * centred + offset.at(i),
                std::abs(through * g) + 8 + 2 * std::abs(at)};
      };
      each(rows::InputGradient<T, false>{dy.data(), x.data(), mean.data(),
                                         scale.data(), nullptr, slope.data(),
                                         offset.data(), n, dx.data()},
           c.count, n);
      expect_rows(dx, c, n, [&](int64_t row, int64_t i) {
        return wanted(row, i, false);
      });
      each(rows::InputGradient<T, true>{dy.data(), x.data(), mean.data(),
                                        scale.data(), bias.data(), slope.data(),
                                        offset.data(), n, dx.data()},
           c.count, n);
      expect_rows(dx, c, n,
                  [&](int64_t row, int64_t i) { return wanted(row, i, true); });
    });
  }

  template <typename T>
  void finished_gradient() const {
    using A = Acc<T>;
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t stride = c.stride(), n = c.channels;
      Memory<A> total(c.count * stride, c.offset, 1, c.kind), mean(n, 0, 4),
          slope(n, 1, 5), offset(n, 2, 6);
      Memory<T> x(c.count * stride, 1, 2, c.kind), dx(c.count * n, 2, 3);
      each(
          rows::FinishedGradient<T>{total.data(), x.data(), stride, mean.data(),
                                    slope.data(), offset.data(), n, dx.data()},
          c.count, n);
      expect_rows(dx, c, n, [&](int64_t row, int64_t i) -> Value {
        const double so_far = total.at(row * stride + i);
        const double more = slope.at(i) * (x.at(row * stride + i) - mean.at(i));
        return {so_far + more + offset.at(i),
                std::abs(so_far) + 8 + 2 * std::abs(x.at(row * stride + i))};
      });
    });
  }

  template <typename T>
  void copy() const {
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t stride = c.stride(), to = c.channels + 2;
      Memory<T> x(c.count * stride, c.offset, 1, c.kind),
          y(c.count * to, c.offset + 3, 2);
      each(rows::Copy<T>{x.data(), stride, y.data(), to}, c.count, c.channels);
      expect_rows(y, c, to, [&](int64_t row, int64_t i) -> Value {
        return {x.at(row * stride + i), 0};
      });
    });
  }

  template <typename T>
  void write() const {
    using A = Acc<T>;
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t stride = c.stride(), n = c.channels;
      Memory<A> x(c.count * stride, c.offset, 1, c.kind), bias(n, 1, 2);
      Memory<T> y(c.count * stride, c.offset + 1, 3, c.kind);
      const A none = -std::numeric_limits<A>::infinity();
      each(rows::Write<T, false, false>{x.data(), stride, nullptr, nullptr,
                                        none, y.data(), stride},
           c.count, n);
      expect_rows(y, c, stride, [&](int64_t row, int64_t i) -> Value {
        const double v = x.at(row * stride + i);
        return {v, std::abs(v)};
      });
      each(rows::Write<T, true, false>{x.data(), stride, bias.data(), nullptr,
                                       A(0), y.data(), stride},
           c.count, n);
      const auto with_bias = [&](int64_t row, int64_t i) -> Value {
        const double v = x.at(row * stride + i);
        return {relu_of(v + bias.at(i), true),
                std::abs(v) + std::abs(bias.at(i))};
      };
      expect_rows(y, c, stride, with_bias);
      // Added to what is there already.
      Memory<T> sum(c.count * stride, c.offset + 1, 3, c.kind);
      each(rows::Write<T, true, true>{x.data(), stride, bias.data(), sum.data(),
                                      none, sum.data(), stride},
           c.count, n);
      expect_rows(sum, c, stride, [&](int64_t row, int64_t i) -> Value {
        const double v = x.at(row * stride + i);
        const double there = sum.before(row * stride + i);
        return {v + bias.at(i) + there,
                std::abs(v) + std::abs(bias.at(i)) + std::abs(there)};
      });
    });
  }

  template <typename T>
  void largest() const {
    constexpr int kPixels = rows::Largest<T>::kPixels;
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t stride = c.stride();
      Memory<T> x((c.count + kPixels) * stride, c.offset, 1, c.kind),
          y(c.count * c.channels, 1, 2);
      rows::Largest<T> element{{}, stride, c.channels, y.data()};
      for (int k = 0; k < kPixels; ++k) element.x[k] = x.data() + k * stride;
      each(element, c.count, c.channels);
      expect_rows(y, c, c.channels, [&](int64_t row, int64_t i) -> Value {
        double most = x.at(row * stride + i);
        for (int k = 1; k < kPixels; ++k) {
          const double v = x.at((row + k) * stride + i);
          if (std::isnan(v) || v > most) most = v;
          if (std::isnan(v)) break;
        }
        return {most, 0};
      });
    });
  }

  template <typename T, int kPixels>
  void mean() const {
    for_each_rows_case([&](const RowsCase& c) {
      const int64_t stride = c.stride(), to = c.channels + 1;
      Memory<T> x((c.count + kPixels) * stride, c.offset, 1, c.kind),
          y(c.count * to, 1, 2);
      rows::Mean<T, kPixels> element{{}, stride, y.data(), to};
      for (int k = 0; k < kPixels; ++k) element.x[k] = x.data() + k * stride;
      each(element, c.count, c.channels);
      expect_rows(y, c, to, [&](int64_t row, int64_t i) -> Value {
        Value sum = {0, 0};
        for (int k = 0; k < kPixels; ++k) {
          sum.value += x.at((row + k) * stride + i) / kPixels;
          sum.magnitude += std::abs(x.at((row + k) * stride + i)) / kPixels;
        }
        return sum;
      });
    });
  }
};

TEST_P(RowLoopsTest, Affine) {
  affine<float>();
  affine<double>();
  affine<Bf16>();
}
TEST_P(RowLoopsTest, InputGradient) {
  input_gradient<float>();
  input_gradient<double>();
  input_gradient<Bf16>();
}
TEST_P(RowLoopsTest, FinishedGradient) {
  finished_gradient<float>();
  finished_gradient<double>();
  finished_gradient<Bf16>();
}
TEST_P(RowLoopsTest, Copy) {
  copy<float>();
  copy<double>();
  copy<Bf16>();
}
TEST_P(RowLoopsTest, Write) {
  write<float>();
  write<double>();
  write<Bf16>();
}
TEST_P(RowLoopsTest, Largest) {
  largest<float>();
  largest<double>();
  largest<Bf16>();
}
TEST_P(RowLoopsTest, Mean) {
  mean<float, 2>();
  mean<float, 4>();
  mean<double, 4>();
  mean<Bf16, 2>();
  mean<Bf16, 4>();
}

TEST_P(RowLoopsTest, RoundToBfloat16ToNearestAndHalvesToEven) {
  std::vector<double> values = {
      0.0,        -0.0, 1.00390625,
      1.01171875, 3e38, std::numeric_limits<double>::infinity()};
  for (uint64_t i = 0; i < 10'000; ++i) {
    values.push_back(number(i, 9, Kind::kOrdinary));
  }
  const auto count = static_cast<int64_t>(values.size());
  std::vector<float> x(values.begin(), values.end());
  std::vector<Bf16> y(values.size());
  each(rows::Write<Bf16, false, false>{x.data(), count, nullptr, nullptr, 0,
                                       y.data(), count},
       1, count);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(y[i], as<Bf16>(values[i])) << values[i];
  }
}

TEST_P(RowLoopsTest, InterleavePairsOfRows) {
  for_each_rows_case([&](const RowsCase& c) {
    Memory<Bf16> x(2 * c.count * c.channels, c.offset, 1, c.kind);
    std::vector<uint32_t> to(static_cast<size_t>(c.count * c.channels) + 1, 7);
    table.interleave(x.data(), c.count, c.channels, to.data());
    for (int64_t k = 0; k < c.count; ++k) {
      for (int64_t i = 0; i < c.channels; ++i) {
        const Bf16* at = x.data() + 2 * k * c.channels + i;
        ASSERT_EQ(to[static_cast<size_t>(k * c.channels + i)],
                  at[0] | static_cast<uint32_t>(at[c.channels]) << 16);
      }
    }
    ASSERT_EQ(to.back(), 7U);
  });
}

INSTANTIATE_TEST_SUITE_P(Here, RowLoopsTest, testing::ValuesIn(isas_here()),
                         isa_name);

}  // namespace
}  // namespace skipzoo::simd

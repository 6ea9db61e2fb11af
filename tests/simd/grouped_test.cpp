// Inner loops of 3x3 convolutions in groups, against sums in double.

#include "models/kernels/simd/grouped_tiles.h"
#include "tests/simd/support.h"

namespace skipzoo::simd {
namespace {

using grouped::kLanes;
using grouped::kNarrow;

struct GroupedCase {
  int64_t pixels, planes, step;
  bool narrow, bias, residual, relu;
  Kind kind;
};

std::vector<GroupedCase> grouped_cases() {
  std::vector<GroupedCase> all;
  for (int64_t pixels = 0; pixels <= 26; ++pixels) {
    for (const int64_t planes : {1, 2, 4}) {
      for (const int64_t step : {1, 2}) {
        for (const bool narrow : {false, true}) {
          if (narrow && planes > 1) continue;
          const bool odd = pixels % 2 == 1;
          all.push_back({pixels, planes, step, narrow, odd, planes == 2,
                         step == 2, odd ? Kind::kOrdinary : Kind::kSpecial});
          all.push_back({pixels, planes, step, narrow, !odd, planes != 2,
                         step != 2, Kind::kOrdinary});
        }
      }
    }
  }
  return all;
}

class GroupedLoopsTest : public LoopsTest {};

TEST_P(GroupedLoopsTest, Convolve) {
  constexpr int64_t kTaps = 3, kToStep = kLanes + 3;
  for (const auto& c : grouped_cases()) {
    SCOPED_TRACE(testing::Message()
                 << c.pixels << " pixels, " << c.planes << " planes, step "
                 << c.step << (c.narrow ? ", narrow" : ""));
    const int64_t group = c.narrow ? kNarrow : c.planes * kLanes;
    const int64_t plane = (2 * c.pixels + kTaps) * kLanes;
    Memory<float> x(c.planes * plane, c.pixels % 8, 1, c.kind),
        weight(kTaps * kLanes * group, 1, 2), bias(kLanes, 2, 3),
        to(c.pixels * kToStep, 3, 4);
    std::vector<grouped::Tap> taps;
    for (int64_t t = 0; t < kTaps; ++t) {
      taps.push_back({t * kLanes, weight.data() + t * kLanes * group});
    }
    table.convolve({.from = x.data(),
                    .step = c.step * kLanes,
                    .plane = plane,
                    .planes = c.planes,
                    .taps = taps.data(),
                    .tap_count = kTaps,
                    .pixels = c.pixels,
                    .to = to.data(),
                    .bias = c.bias ? bias.data() : nullptr,
                    .residual = c.residual ? to.data() : nullptr,
                    .to_step = kToStep,
                    .relu = c.relu},
                   c.narrow);
    for (int64_t p = 0; p < c.pixels; ++p) {
      for (int64_t o = 0; o < kLanes; ++o) {
        double sum = c.bias ? bias.at(o) : 0, size = 1;
        if (c.residual) sum += to.before(p * kToStep + o);
        for (int64_t t = 0; t < kTaps; ++t) {
          for (int64_t i = 0; i < group; ++i) {
            // Of the two narrow groups in a plane, that of channel o.
            const int64_t channel = c.narrow ? o / kNarrow * kNarrow + i : i;
            const double one =
                x.at(channel / kLanes * plane + (p * c.step + t) * kLanes +
                     channel % kLanes) *
                weight.at(t * kLanes * group +
                          grouped::packed_element(c.narrow, o, i));
            sum += one;
            size += std::abs(one);
          }
        }
        if (c.relu && !std::isnan(sum)) sum = std::max(sum, 0.0);
        expect_near<float>(to.at(p * kToStep + o), sum, size);
      }
      if (HasFatalFailure()) return;
    }
    to.expect_kept([](int64_t i) { return i % kToStep < kLanes; });
  }
}

TEST_P(GroupedLoopsTest, SplitPixelsIntoPlanes) {
  for (int64_t pixels = 0; pixels <= 9; ++pixels) {
    for (const int64_t planes : {0, 1, 3}) {
      const int64_t step = planes * kLanes + 5, plane = pixels * kLanes + 7;
      Memory<float> from(pixels * step, pixels, 1, Kind::kSpecial),
          to(planes * plane, 1, 2);
      table.split({from.data(), step, pixels, planes, to.data(), plane});
      for (int64_t i = 0; i < planes * pixels * kLanes; ++i) {
        const int64_t p = i / kLanes % pixels, at = i / (pixels * kLanes);
        expect_near<float>(to.at(at * plane + p * kLanes + i % kLanes),
                           from.at(p * step + at * kLanes + i % kLanes), 0);
      }
      to.expect_kept([&](int64_t i) {
        return i / plane < planes && i % plane < pixels * kLanes;
      });
    }
  }
}

TEST_P(GroupedLoopsTest, SumTheGradientOfAWeight) {
  constexpr int64_t kTaps = 3;
  for (int64_t pixels = 0; pixels <= 9; ++pixels) {
    for (const int64_t step : {1, 2}) {
      const int64_t rows = pixels % 3, x_row = (2 * pixels + kTaps) * kLanes;
      const int64_t dy_row = pixels * kLanes + 4;
      Memory<float> x(rows * x_row, pixels, 1), dy(rows * dy_row, 1, 2),
          wide(kLanes * kLanes, 2, 3), narrow(kTaps * kNarrow * kLanes, 3, 4);
      const grouped::Pixels all{x.data(), step * kLanes, x_row, dy.data(),
                                dy_row,   rows,          pixels};
      table.weight_sums(all, wide.data());
      table.narrow_weight_sums(all, narrow.data());
      /// Σ x · dy for a tap, from channel i of x to channel o of dy.
      const auto sum = [&](int64_t tap, int64_t i, int64_t o) {
        double total = 0;
        for (int64_t k = 0; k < rows * pixels; ++k) {
          const int64_t row = k / pixels, p = k % pixels;
          total += x.at(row * x_row + (p * step + tap) * kLanes + i) *
                   dy.at(row * dy_row + p * kLanes + o);
        }
        return total;
      };
      const double size = static_cast<double>(4 * rows * pixels + 2);
      for (int64_t i = 0; i < kLanes * kLanes; ++i) {
        expect_near<float>(
            wide.at(i), wide.before(i) + sum(0, i / kLanes, i % kLanes), size);
      }
      for (int64_t tap = 0; tap < kTaps; ++tap) {
        for (int64_t o = 0; o < kLanes; ++o) {
          for (int64_t i = 0; i < kNarrow; ++i) {
            const int64_t at =
                tap * kNarrow * kLanes + grouped::packed_element(true, o, i);
            expect_near<float>(
                narrow.at(at),
                narrow.before(at) + sum(tap, o / kNarrow * kNarrow + i, o),
                size);
          }
        }
      }
      wide.expect_kept([](int64_t i) { return i < kLanes * kLanes; });
      narrow.expect_kept(
          [](int64_t i) { return i < kTaps * kNarrow * kLanes; });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Here, GroupedLoopsTest, testing::ValuesIn(isas_here()),
                         isa_name);

}  // namespace
}  // namespace skipzoo::simd

// The speed of each loop of models/kernels/simd/, by one thread, beside what
// this processor's vectors and its memory do at best, measured in the same run.
//
//   microkernels [NAME…]      instruction sets; without any, the best one here

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "models/kernels/simd/loops.h"
#include "models/kernels/simd/processor.h"
#include "models/kernels/simd/tiles.h"
#include "tests/peers/microkernels/peak.h"
#include "tests/peers/microkernels/stopwatch.h"

namespace skipzoo {
namespace {

using rows::Acc;
using rows::Bf16;

constexpr double kGiga = 1e9;

template <typename T>
constexpr const char* kTypeName = sizeof(T) == 2 ? "bf16" : "fp32";

/// What is worked on: in L2, or far more than any cache holds.
struct Place {
  const char* name;
  int64_t bytes;
};
constexpr Place kPlaces[] = {{"L2", 128 << 10}, {"memory", 256 << 20}};

void print_rate(const char* loop, const std::string& of, double rate,
                double best, const char* unit) {
  std::printf("  %-22s %-30s %8.1f %-8s %3.0f %%\n", loop, of.c_str(), rate,
              unit, 100 * rate / best);
}

/// The loops over rows of one type, whose arrays lie in one place.
template <typename T>
class Rows {
 public:
  Rows(const simd::Loops& table, const Place& place, int64_t channels)
      : table_(table),
        channels_(channels),
        // The most that a loop goes through are five arrays.
        count_(place.bytes / 5 /
               (channels * static_cast<int64_t>(sizeof(Acc<T>)))),
        of_(std::string(kTypeName<T>) + ", " + std::to_string(channels) +
            " channels, " + place.name),
        copy_(rate_of_copy()) {}

  void measure() {
    const T* none = nullptr;
    each("copy", 2, 0, rows::Copy<T>{x(), channels_, y(), channels_});
    each("affine, ReLU", 2, 0,
         rows::Affine<T, false>{x(), channels_, none, a(), b(), 0, channels_,
                                y(), channels_});
    each("affine, residual", 3, 0,
         rows::Affine<T, true>{x(), channels_, z(), a(), b(), 0, channels_, y(),
                               channels_});
    each("input gradient", 3, 0,
         rows::InputGradient<T, true>{z(), x(), a(), b(), a(), b(), a(),
                                      channels_, y()});
    each("finished gradient", 2, 1,
         rows::FinishedGradient<T>{wide(), x(), channels_, a(), b(), a(),
                                   channels_, y()});
    each("write, bias", 1, 1,
         rows::Write<T, true, false>{wide(), channels_, a(), none, 0, y(),
                                     channels_});
    sum("sums", 1, 0, rows::Shifted<T>{x(), channels_, a()});
    sum("gradient sums", 2, 0,
        rows::GradientTerms<T>{z(), x(), a(), b(), a(), channels_});
    sum("residual gradient", 4, 0,
        rows::ResidualGradient<T>{z(), x(), x(), a(), channels_, y()});
    sum("added gradient", 2, 3,
        rows::AddedGradient<T>{wide(), z(), channels_, x(), channels_, a(), b(),
                               more()});
  }

 private:
  using A = Acc<T>;

  template <typename Element>
  void each(const char* name, int arrays, int wide_arrays,
            const Element& element) {
    report(name, arrays, wide_arrays, seconds_of([&] {
             static_cast<const simd::Each<Element>&>(table_).each(
                 element, count_, channels_);
           }));
  }
  template <typename Element>
  void sum(const char* name, int arrays, int wide_arrays,
           const Element& element) {
    report(name, arrays, wide_arrays, seconds_of([&] {
             static_cast<const simd::Sum<Element>&>(table_).sum(
                 element, count_, channels_, a_.data(), b_.data());
           }));
  }
  double size() const { return static_cast<double>(count_ * channels_); }
  void report(const char* name, int arrays, int wide_arrays, double seconds) {
    const double bytes = size() * (static_cast<double>(sizeof(T)) * arrays +
                                   sizeof(A) * wide_arrays);
    print_rate(name, of_, bytes / seconds / kGiga, copy_, "GB/s");
  }
  /// The C library's, of the same bytes.
  double rate_of_copy() {
    const auto bytes = static_cast<size_t>(size()) * sizeof(T);
    const double seconds = seconds_of([&] {
      std::memcpy(y(), x(), bytes);
      // It has been seen.
      asm volatile("" : : "r"(y()) : "memory");
    });
    return 2 * static_cast<double>(bytes) / seconds / kGiga;
  }

  template <typename U>
  std::vector<U> array() const {
    // bfloat16 by its bits.
    return std::vector<U>(static_cast<size_t>(size()),
                          sizeof(U) == 2 ? U(0x3F80) : U(1));
  }
  const T* x() { return x_.data(); }
  const T* z() { return z_.data(); }
  T* y() { return y_.data(); }
  const A* wide() { return wide_.data(); }
  A* more() { return more_.data(); }
  const A* a() { return a_.data(); }
  const A* b() { return b_.data(); }

  const simd::Loops& table_;
  int64_t channels_, count_;
  std::string of_;
  std::vector<T> x_ = array<T>(), z_ = array<T>(), y_ = array<T>();
  std::vector<A> wide_ = array<A>(), more_ = array<A>();
  std::vector<A> a_ = std::vector<A>(static_cast<size_t>(channels_), A(0.5));
  std::vector<A> b_ = a_;
  double copy_;
};

/// Products of matrices; of pairs, each is two multiplications.
template <typename E, typename A, typename Multiply>
void measure_gemm(const char* name, const Multiply& multiply, int pair,
                  double peak) {
  struct Shape {
    int64_t rows, columns, depth;
  };
  for (const auto& [rows, columns, depth] :
       {Shape{64, 16, 64}, Shape{64, 64, 64}, Shape{64, 64, 576},
        Shape{128, 256, 256}}) {
    const E one = pair == 2 ? E(0x3F803F80) : E(1);
    std::vector<E> a(static_cast<size_t>(rows * depth), one),
        b(static_cast<size_t>(depth * columns), one);
    std::vector<A> c(static_cast<size_t>(rows * columns));
    const double seconds = seconds_of([&] {
      multiply(gemm::Left<E>{a.data(), depth, 1}, b.data(), rows, columns,
               depth, c.data(), false);
    });
    print_rate(name,
               std::to_string(rows) + " x " + std::to_string(columns) + " x " +
                   std::to_string(depth),
               2.0 * pair * static_cast<double>(rows * columns * depth) /
                   seconds / kGiga,
               peak, "GFLOP/s");
  }
}

/// 3x3 kernels in groups, over rows of 56 pixels.
void measure_grouped(const simd::Loops& table, double peak) {
  constexpr int64_t kPixels = 56, kTaps = 9, kLanes = grouped::kLanes;
  for (const int64_t group : {4, 8, 16, 32}) {
    const bool narrow = group == grouped::kNarrow;
    const int64_t planes = narrow ? 1 : group / kLanes;
    const int64_t plane = 3 * (kPixels + 2) * kLanes;
    std::vector<float> x(static_cast<size_t>(planes * plane), 1.0F),
        weight(static_cast<size_t>(kTaps * kLanes * group), 1.0F),
        to(kPixels * kLanes);
    std::vector<grouped::Tap> taps;
    for (int64_t t = 0; t < kTaps; ++t) {
      taps.push_back({(t / 3 * (kPixels + 2) + t % 3) * kLanes,
                      weight.data() + t * kLanes * group});
    }
    const double seconds = seconds_of([&] {
      table.convolve({.from = x.data(),
                      .step = kLanes,
                      .plane = plane,
                      .planes = planes,
                      .taps = taps.data(),
                      .tap_count = kTaps,
                      .pixels = kPixels,
                      .to = to.data(),
                      .bias = nullptr,
                      .residual = nullptr,
                      .to_step = kLanes,
                      .relu = true},
                     narrow);
    });
    const auto products = static_cast<double>(kPixels * kTaps * kLanes * group);
    print_rate("grouped 3x3", std::to_string(group) + " channels a group",
               2 * products / seconds / kGiga, peak, "GFLOP/s");
  }
}

/// Winograd's transforms, of tiles that stay in L2.
void measure_winograd(const simd::Loops& table) {
  constexpr int64_t kTiles = 8, kChannels = 64, kElements = 36;
  constexpr int64_t kLine = (4 * kTiles + 2) * kChannels;
  constexpr int64_t kMatrix = kTiles * kChannels;
  std::vector<float> x(6 * kLine, 1.0F), v(kElements * kMatrix, 1.0F),
      taps(9 * kMatrix, 1.0F), copy(v.size());
  const rows::WinogradMatrices<float> matrices{v.data(), kMatrix, kChannels};
  const double bytes = static_cast<double>(v.size() * sizeof(float));
  const double best = 2 * bytes / kGiga / seconds_of([&] {
                        std::memcpy(copy.data(), v.data(), v.size() * 4);
                        asm volatile("" : : "r"(copy.data()) : "memory");
                      });
  const auto measure = [&](const char* name, const auto& element,
                           int64_t pixels) {
    using Element = std::decay_t<decltype(element)>;
    const double seconds = seconds_of([&] {
      static_cast<const simd::EachTile<Element>&>(table).each_tile(
          element, kTiles, kChannels);
    });
    const auto moved = static_cast<double>((kElements + pixels) * kMatrix * 4);
    print_rate(name, "fp32, 64 channels, L2", moved / seconds / kGiga, best,
               "GB/s");
  };
  measure("Winograd, data",
          rows::DataTiles<float>{{x.data(), kLine, kChannels}, matrices}, 36);
  measure("Winograd, gradient",
          rows::GradientTiles<float>{{x.data(), kLine, kChannels}, matrices},
          16);
  measure("Winograd, result",
          rows::ResultTiles<float>{matrices, {x.data(), kLine, kChannels}}, 16);
  measure("Winograd, kernel",
          rows::KernelTiles<float>{taps.data(), kMatrix, kChannels, matrices},
          9);
  measure("Winograd, its gradient",
          rows::KernelGradientTiles<float>{matrices, taps.data(), kMatrix,
                                           kChannels},
          9);
}

void measure(Isa isa) {
  const simd::Loops table = simd::loops_of(isa);
  int64_t count = 0;
  const double seconds =
      seconds_of([&] { count = multiply_adds(isa, 10'000); });
  const double peak = 2 * static_cast<double>(count) / seconds / kGiga;
  std::printf(
      "%s: multiply-adds in registers %.1f GFLOP/s; below, a part of that, or "
      "of what memcpy does in the same place\n",
      std::string(name_of(isa)).c_str(), peak);
  measure_gemm<float, float>("product, fp32", table.multiply, 1, peak);
  measure_gemm<uint32_t, float>("product, bf16", table.multiply_pairs, 2, peak);
  measure_grouped(table, peak);
  measure_winograd(table);
  for (const Place& place : kPlaces) {
    for (const int64_t channels : {12, 64, 256}) {
      Rows<float>(table, place, channels).measure();
      Rows<Bf16>(table, place, channels).measure();
    }
  }
}

}  // namespace
}  // namespace skipzoo

int main(int argc, char** argv) {
  using skipzoo::Isa;
  try {
    if (argc == 1) skipzoo::measure(skipzoo::best_isa());
    for (int i = 1; i < argc; ++i) {
      skipzoo::measure(skipzoo::isa_named(argv[i]));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "microkernels: %s\n", error.what());
    return EXIT_FAILURE;
  }
}

#pragma once

#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

namespace skipzoo {

/// Random numbers that depend on their key alone: the same on every machine and
/// compiler, whichever thread asks. SplitMix64 (Steele, Lea & Flood 2014), its
/// start drawn from the key.
class Random {
 public:
  /// E.g. Random(seed, epoch, sample).
  explicit Random(uint64_t seed, uint64_t a = 0, uint64_t b = 0)
      : state_(mix(mix(mix(seed) + a) + b)) {}

  /// The numbers of a name under this key: what one name draws does not depend
  /// on which others there are. By FNV-1a of the name.
  Random stream(std::string_view name) const {
    uint64_t hash = 0xCBF29CE484222325ULL;
    for (const char c : name) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    }
    return Random(state_, hash);
  }

  uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15ULL); }

  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) {
    return low + (high - low) * uniform();
  }
  bool coin() { return (next() >> 63) != 0; }

  /// In [0, count), each as likely as the others (Lemire 2019).
  int64_t below(int64_t count) {
    const auto range = static_cast<uint64_t>(count);
    const uint64_t reject = (0 - range) % range;
    for (;;) {
      const auto product = static_cast<unsigned __int128>(next()) * range;
      if (static_cast<uint64_t>(product) >= reject) {
        return static_cast<int64_t>(product >> 64);
      }
    }
  }

  /// 0 … count - 1 in random order (Fisher-Yates; std::shuffle differs from one
  /// standard library to the next).
  std::vector<int64_t> permutation(int64_t count) {
    std::vector<int64_t> order(static_cast<size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    for (int64_t i = count - 1; i > 0; --i) {
      std::swap(order[static_cast<size_t>(i)],
                order[static_cast<size_t>(below(i + 1))]);
    }
    return order;
  }

 private:
  static uint64_t mix(uint64_t z) {
    z += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

}  // namespace skipzoo

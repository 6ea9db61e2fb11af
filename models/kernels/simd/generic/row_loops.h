#pragma once

#include <cstdint>

#include "models/kernels/simd/generic/unroll.h"

// Loops over rows of channels, by any lanes. Lanes<true> are a whole vector of
// kLanes elements, Lanes<false> the first few of one; of(count, ahead) makes
// those, with a prefetch distance in rows.

namespace skipzoo::simd {
namespace {

/// Rows to prefetch: as many as stay in L1 besides what is worked on.
[[gnu::always_inline]] inline int64_t rows_ahead(int64_t channels) {
  constexpr int64_t kElements = 2048, kMost = 8;
  const int64_t rows = channels > 0 ? kElements / channels : 1;
  return rows < 1 ? 1 : rows > kMost ? kMost : rows;
}

/// The vectors that a row's channels make up.
template <template <bool> class Lanes>
struct Parts {
  static constexpr int64_t kLanes = Lanes<true>::kLanes;

  [[gnu::always_inline]] explicit Parts(int64_t channels_)
      : channels(channels_),
        whole(Lanes<true>::of(kLanes, rows_ahead(channels))),
        rest(Lanes<false>::of(channels % kLanes, whole.ahead)) {}

  /// Calls body(lanes, first channel) for each.
  template <typename Body>
  [[gnu::always_inline]] void each(const Body& body) const {
    int64_t c = 0;
    for (; c + kLanes <= channels; c += kLanes) body(whole, c);
    if (c < channels) body(rest, c);
  }

  int64_t channels;
  Lanes<true> whole;
  Lanes<false> rest;
};

template <template <bool> class Lanes, typename Element>
void each(const Element& element, int64_t count, int64_t channels) {
  // By value: a number in what is referred to would be read again after every
  // store, which might have changed it.
  const Element own = element;
  const Parts<Lanes> parts(channels);
  for (int64_t row = 0; row < count; ++row) {
    parts.each([&](auto lanes, int64_t c)
                   __attribute__((always_inline)) { own(lanes, row, c); });
  }
}

template <template <bool> class Lanes, typename Element>
void each_tile(const Element& element, int64_t rows, int64_t channels) {
  constexpr int64_t kLanes = Lanes<true>::kLanes;
  const auto whole = Lanes<true>::of(kLanes, 0);
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; c += kLanes) element(whole, row, c);
  }
}

template <typename Lanes, typename V, typename A>
[[gnu::always_inline]] inline void add_to(Lanes lanes, V more, A* sum) {
  lanes.store(lanes.load(sum) + more, sum);
}

/// Sums of kVectors vectors of channels from c on, the last of which may be a
/// part of one, with accumulators in registers.
template <int kVectors, bool kRest, template <bool> class Lanes,
          typename Element, typename A>
[[gnu::always_inline]] inline void add_up_columns(const Element& element,
                                                  const Parts<Lanes>& parts,
                                                  int64_t count, int64_t c,
                                                  A* first, A* second) {
  constexpr int64_t kLanes = Lanes<true>::kLanes;
  using V = typename Lanes<true>::Value;
  const auto with_lanes = [&](auto v, const auto& body)
      __attribute__((always_inline)) {
    if constexpr (kRest && v.value == kVectors - 1) {
      body(parts.rest, c + kLanes * v.value);
    } else {
      body(parts.whole, c + kLanes * v.value);
    }
  };
  V a[kVectors] = {}, b[kVectors] = {};
  for (int64_t row = 0; row < count; ++row) {
    unrolled<kVectors>([&](auto v) __attribute__((always_inline)) {
      with_lanes(
          v, [&](auto lanes, int64_t at) __attribute__((always_inline)) {
            const auto terms = element(lanes, row, at);
            a[v.value] += terms.first;
            b[v.value] += terms.second;
          });
    });
  }
  unrolled<kVectors>([&](auto v) __attribute__((always_inline)) {
    with_lanes(
        v, [&](auto lanes, int64_t at) __attribute__((always_inline)) {
          add_to(lanes, a[v.value], first + at);
          add_to(lanes, b[v.value], second + at);
        });
  });
}

/// The accumulators of few channels stay in registers; of many, in L1, and the
/// data are read in the order of memory: reading several rows would defeat the
/// prefetcher.
template <template <bool> class Lanes, typename Element, typename A>
void sum(const Element& element, int64_t count, int64_t channels, A* first,
         A* second) {
  constexpr int64_t kLanes = Lanes<true>::kLanes;
  constexpr int kMostVectors = 4;
  const Element own = element;
  const Parts<Lanes> parts(channels);
  if (channels > Lanes<true>::kMostByColumns) {
    for (int64_t row = 0; row < count; ++row) {
      parts.each([&](auto lanes, int64_t c) __attribute__((always_inline)) {
        const auto terms = own(lanes, row, c);
        add_to(lanes, terms.first, first + c);
        add_to(lanes, terms.second, second + c);
      });
    }
    return;
  }
  int64_t c = 0;
  for (; c + kMostVectors * kLanes <= channels; c += kMostVectors * kLanes) {
    add_up_columns<kMostVectors, false>(own, parts, count, c, first, second);
  }
  const int64_t left = channels - c;
  unrolled<kMostVectors>([&](auto v) __attribute__((always_inline)) {
    constexpr int kBefore = decltype(v)::value;
    if (left == kBefore * kLanes && kBefore > 0) {
      add_up_columns<kBefore + (kBefore == 0), false>(own, parts, count, c,
                                                      first, second);
    } else if (left > kBefore * kLanes && left < (kBefore + 1) * kLanes) {
      add_up_columns<kBefore + 1, true>(own, parts, count, c, first, second);
    }
  });
}

/// See rows::interleave().
inline void interleave(const uint16_t* x, int64_t pairs, int64_t channels,
                       uint32_t* to) {
  for (int64_t k = 0; k < pairs; ++k, x += 2 * channels, to += channels) {
    for (int64_t c = 0; c < channels; ++c) {
      to[c] = x[c] | static_cast<uint32_t>(x[channels + c]) << 16;
    }
  }
}

}  // namespace
}  // namespace skipzoo::simd

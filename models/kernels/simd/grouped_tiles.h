#pragma once

#include <cstdint>

// What the inner loops of 3x3 convolutions in groups of few channels work on,
// each by one thread: planes, which are eight channels of each pixel, pixel by
// pixel. The loops are in the table of loops.h.

namespace skipzoo::grouped {

/// Channels of a plane.
constexpr int64_t kLanes = 8;
/// Of these, a plane holds two groups; the loops of narrow groups are for them.
constexpr int64_t kNarrow = 4;

/// One of the pixels that a convolution reads for a pixel of the result.
struct Tap {
  int64_t offset;       ///< Of that pixel from Row::from.
  const float* weight;  ///< As packed_element() orders it.
};

/// Some pixels of a row of the result, eight channels of each.
struct Row {
  const float* from;  ///< Of the group's first plane, for the first pixel.
  int64_t step;       ///< From there to the next: one pixel or two.
  int64_t plane;      ///< From a plane to the next; of narrow groups unused.
  int64_t planes;     ///< Of a group.
  const Tap* taps;
  int64_t tap_count;
  int64_t pixels;
  float* to;
  const float* bias;      ///< Eight, or null.
  const float* residual;  ///< As `to`, which it may be; added. Or null.
  int64_t to_step;        ///< From a pixel to the next, of `to` and residual.
  bool relu;
};

/// Where the weight from channel i to channel o of a group stands among those
/// of a tap and the eight channels that o is one of. o: of a narrow group, of
/// the plane's two; else of the eight. i: of the group.
///
/// Of wide groups: (in, 8). Of narrow ones, (4, 8): vector k has, in the lane
/// of each channel that is read, the weight to the channel k behind it, in
/// turns. Multiplied by a plane as it lies, that gives the result in lanes that
/// are k off, which is put right once a pixel instead of once a tap.
constexpr int64_t packed_element(bool narrow, int64_t o, int64_t i) {
  if (!narrow) return i * kLanes + o;
  const int64_t turn = (o % kNarrow - i + kNarrow) % kNarrow;
  return turn * kLanes + o / kNarrow * kNarrow + i;
}

/// What the gradient of a weight is summed over: pixels of some rows.
struct Pixels {
  const float* x;  ///< Of a plane, what the tap reads for the first pixel.
  int64_t x_step;  ///< As Row::step.
  int64_t x_row;   ///< From a row of the result to the next.
  const float* dy;
  int64_t dy_row;
  int64_t rows, pixels;
};

/// A row of pixels, of which `planes` planes are made.
struct Interleaved {
  const float* from;
  int64_t step;  ///< From a pixel to the next.
  int64_t pixels, planes;
  float* to;      ///< Of the first plane.
  int64_t plane;  ///< From a plane to the next.
};

}  // namespace skipzoo::grouped

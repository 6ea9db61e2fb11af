#pragma once

#include <cstdint>

#include "tools/data/image.h"

namespace skipzoo {

/// The channels of a pixel in memory, in their order, a byte each.
enum class PixelFormat { kRgb, kBgr, kRgba, kBgra, kGrey };

/// An upright picture in memory of someone else's: a frame of a camera, a
/// cv::Mat (kBgr, `step` for its stride), a QImage (Format_RGB888: kRgb,
/// bytesPerLine(); Format_RGB32: kBgra).
struct PixelView {
  const uint8_t* data = nullptr;  ///< The first row's first byte.
  int64_t width = 0;
  int64_t height = 0;
  PixelFormat format = PixelFormat::kRgb;
  /// Bytes from one row to the next; 0 where rows follow each other without a
  /// gap, negative where they stand in memory from the last to the first.
  int64_t stride = 0;
};

/// A copy of it with 1 or 3 channels, as a file of these pixels would be read:
/// alpha is dropped, grey made of RGB and RGB of grey. Throws
/// std::runtime_error for a size that no picture has, or a stride that is less
/// than a row.
Image copy_of(const PixelView& view, int64_t channels);

}  // namespace skipzoo

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "tools/data/decoders.h"

namespace skipzoo {

namespace {

[[noreturn]] void refuse_bmp(const std::string& why) {
  throw std::runtime_error("not a readable BMP: " + why);
}

/// A number of `count` bytes, the least significant first.
uint32_t number_at(std::span<const uint8_t> bytes, size_t at, size_t count) {
  if (at > bytes.size() || bytes.size() - at < count) {
    refuse_bmp("the data end too early");
  }
  uint32_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | bytes[at + i];
  return value;
}

enum class Packing : uint32_t { kNone, kRle8, kRle4, kMasks };

/// What the header says, whichever of its versions it is.
struct BmpHeader {
  int64_t height = 0;
  int64_t width = 0;
  bool top_down = false;
  int64_t bits = 0;  ///< Of a pixel.
  Packing packing = Packing::kNone;
  std::array<uint32_t, 3> masks{};  ///< Of red, green and blue.
  size_t palette = 0;               ///< Where it begins.
  size_t colours = 0;               ///< How many it has.
  size_t bytes_of_colour = 0;
  size_t pixels = 0;  ///< Where they begin.

  /// Bytes from one row to the next.
  size_t stride() const {
    return static_cast<size_t>((width * bits + 31) / 32 * 4);
  }
};

constexpr size_t kFileHeader = 14;  // Before the other, which has versions.

/// OS/2's first one, with numbers of 16 bits.
BmpHeader read_core_header(std::span<const uint8_t> bytes) {
  BmpHeader header;
  header.width = number_at(bytes, 18, 2);
  header.height = number_at(bytes, 20, 2);
  header.bits = number_at(bytes, 24, 2);
  header.bytes_of_colour = 3;
  return header;
}

/// Windows' and all later ones, which begin alike.
BmpHeader read_info_header(std::span<const uint8_t> bytes) {
  BmpHeader header;
  header.width = number_at(bytes, 18, 4);
  const auto height = static_cast<int32_t>(number_at(bytes, 22, 4));
  header.top_down = height < 0;
  header.height = std::abs(int64_t{height});
  header.bits = number_at(bytes, 28, 2);
  const uint32_t packing = number_at(bytes, 30, 4);
  if (packing > 3) refuse_bmp("its compression is " + std::to_string(packing));
  header.packing = Packing{packing};
  header.colours = number_at(bytes, 46, 4);
  header.bytes_of_colour = 4;
  return header;
}

/// Where a file says nothing of them, those of Windows.
void read_masks(std::span<const uint8_t> bytes, BmpHeader& header) {
  const bool are_given = header.packing == Packing::kMasks;
  for (size_t c = 0; c < 3 && are_given; ++c) {
    header.masks[c] = number_at(bytes, 54 + 4 * c, 4);
  }
  if (header.masks == std::array<uint32_t, 3>{}) {
    header.masks = header.bits == 16
                       ? std::array<uint32_t, 3>{0x7C00, 0x3E0, 0x1F}
                       : std::array<uint32_t, 3>{0xFF0000, 0xFF00, 0xFF};
  }
  for (const uint32_t mask : header.masks) {
    const uint32_t ones = mask == 0 ? 0 : mask >> std::countr_zero(mask);
    if (ones == 0 || (ones & (ones + 1)) != 0) {
      refuse_bmp("a colour of no bits, or of bits that lie apart");
    }
  }
}

void check_packing(const BmpHeader& header) {
  const int64_t bits = header.bits;
  bool fits = bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 ||
              bits == 32;
  if (header.packing == Packing::kRle8) fits = bits == 8;
  if (header.packing == Packing::kRle4) fits = bits == 4;
  if (header.packing == Packing::kMasks) fits = fits && bits >= 16;
  if (fits) return;
  refuse_bmp("its pixels have " + std::to_string(bits) +
             " bits, its compression is " +
             std::to_string(static_cast<uint32_t>(header.packing)));
}

BmpHeader read_header(std::span<const uint8_t> bytes) {
  constexpr uint32_t kCore = 12, kInfo = 40;
  const uint32_t size = number_at(bytes, kFileHeader, 4);
  const auto known = {kCore, kInfo, 52u, 56u, 64u, 108u, 124u};
  if (std::ranges::find(known, size) == known.end()) {
    refuse_bmp("a header of " + std::to_string(size) + " bytes");
  }
  BmpHeader header =
      size == kCore ? read_core_header(bytes) : read_info_header(bytes);
  check_picture_size(header.height, header.width);
  check_packing(header);
  header.palette = kFileHeader + size;
  header.pixels = number_at(bytes, 10, 4);
  if (header.bits > 8) {
    read_masks(bytes, header);
    const bool masks_follow =
        size == kInfo && header.packing == Packing::kMasks;
    if (header.pixels == 0) {
      header.pixels = header.palette + (masks_follow ? 12 : 0);
    }
    return header;
  }
  if (header.colours == 0) header.colours = size_t{1} << header.bits;
  if (header.colours > 65536) {
    refuse_bmp(std::to_string(header.colours) + " colours");
  }
  // As PIL: some files do not count their palette.
  if (header.pixels == 0 || header.pixels == header.palette) {
    header.pixels = header.palette + header.bytes_of_colour * header.colours;
  }
  return header;
}

Palette read_palette(std::span<const uint8_t> bytes, const BmpHeader& header) {
  Palette palette{};
  for (size_t i = 0; i < std::min(header.colours, palette.size()); ++i) {
    const uint32_t colour =
        number_at(bytes, header.palette + header.bytes_of_colour * i, 3);
    palette[i] = {static_cast<uint8_t>(colour >> 16),
                  static_cast<uint8_t>(colour >> 8),
                  static_cast<uint8_t>(colour)};
  }
  return palette;
}

/// Rows as they are stored: the lowest first, unless top_down.
uint8_t* row_of(Image& image, const BmpHeader& header, int64_t stored) {
  const int64_t y = header.top_down ? stored : image.height - 1 - stored;
  return image.pixels.data() + y * image.width * image.channels;
}

Image read_indices(std::span<const uint8_t> pixels, const BmpHeader& header) {
  Image image(1, header.height, header.width);
  const auto bits = static_cast<int>(header.bits);
  for (int64_t y = 0; y < header.height; ++y) {
    const uint8_t* in = &pixels[static_cast<size_t>(y) * header.stride()];
    uint8_t* out = row_of(image, header, y);
    for (int64_t x = 0; x < header.width; ++x) {
      const int64_t bit = x * bits;
      out[x] = static_cast<uint8_t>((in[bit / 8] >> (8 - bits - bit % 8)) &
                                    ((1 << bits) - 1));
    }
  }
  return image;
}

/// The bits of a mask as 0 to 255, rounded down as in PIL.
uint8_t channel_of(uint32_t pixel, uint32_t mask) {
  const int shift = std::countr_zero(mask);
  const uint64_t most = mask >> shift;
  return static_cast<uint8_t>(((pixel & mask) >> shift) * uint64_t{255} / most);
}

Image read_colours(std::span<const uint8_t> pixels, const BmpHeader& header) {
  Image image(3, header.height, header.width);
  const auto bytes = static_cast<size_t>(header.bits / 8);
  for (int64_t y = 0; y < header.height; ++y) {
    size_t at = static_cast<size_t>(y) * header.stride();
    uint8_t* out = row_of(image, header, y);
    for (int64_t x = 0; x < header.width; ++x, at += bytes) {
      const uint32_t pixel = number_at(pixels, at, bytes);
      for (const uint32_t mask : header.masks) *out++ = channel_of(pixel, mask);
    }
  }
  return image;
}

/// Pixels in runs of one index, or of two in turn, and in runs that are
/// spelled out; what no run reaches has index 0.
class RunLengths {
 public:
  RunLengths(std::span<const uint8_t> bytes, const BmpHeader& header)
      : bytes_(bytes),
        header_(header),
        image_(1, header.height, header.width) {}

  Image decode() {
    while (y_ < header_.height &&
           !(y_ == header_.height - 1 && is_row_full())) {
      const uint8_t count = next();
      const uint8_t what = next();
      if (count > 0) {
        put_run(count, what);
      } else if (what == kEndOfLine) {
        x_ = 0;
        ++y_;
      } else if (what == kEndOfBitmap) {
        break;
      } else if (what == kDelta) {
        x_ += next();
        y_ += next();
      } else {
        put_spelled(what);
      }
    }
    return std::move(image_);
  }

 private:
  static constexpr uint8_t kEndOfLine = 0, kEndOfBitmap = 1, kDelta = 2;

  bool is_row_full() const { return x_ >= header_.width; }
  uint8_t next() {
    if (at_ == bytes_.size()) refuse_bmp("the data end too early");
    return bytes_[at_++];
  }
  /// What stands beyond the end of a row is dropped.
  void put(int index) {
    if (!is_row_full()) {
      row_of(image_, header_, y_)[x_] = static_cast<uint8_t>(index);
    }
    ++x_;
  }
  bool has_two_a_byte() const { return header_.packing == Packing::kRle4; }
  static int half_of(uint8_t byte, int i) {
    return i % 2 == 0 ? byte >> 4 : byte & 0xF;
  }
  void put_run(int count, uint8_t byte) {
    for (int i = 0; i < count; ++i) {
      put(has_two_a_byte() ? half_of(byte, i) : byte);
    }
  }
  void put_spelled(int count) {
    const int bytes = has_two_a_byte() ? (count + 1) / 2 : count;
    uint8_t byte = 0;
    for (int i = 0; i < count; ++i) {
      if (!has_two_a_byte() || i % 2 == 0) byte = next();
      put(has_two_a_byte() ? half_of(byte, i) : byte);
    }
    if (bytes % 2 == 1 && at_ < bytes_.size()) ++at_;  // Fills up a word.
  }

  std::span<const uint8_t> bytes_;
  const BmpHeader& header_;
  Image image_;
  size_t at_ = 0;
  int64_t x_ = 0;
  int64_t y_ = 0;  ///< In stored order.
};

}  // namespace

StoredImage decode_bmp(std::span<const uint8_t> bytes) {
  const BmpHeader header = read_header(bytes);
  if (header.pixels > bytes.size()) refuse_bmp("the data end too early");
  const auto pixels = bytes.subspan(header.pixels);
  const bool is_packed =
      header.packing == Packing::kRle8 || header.packing == Packing::kRle4;
  // The last row needs no filling up.
  const size_t needed =
      header.stride() * static_cast<size_t>(header.height - 1) +
      static_cast<size_t>((header.width * header.bits + 7) / 8);
  if (!is_packed && pixels.size() < needed) {
    refuse_bmp("the data end too early");
  }
  if (header.bits > 8) return {.image = read_colours(pixels, header)};
  const Palette palette = read_palette(bytes, header);
  const Image indices = is_packed ? RunLengths(pixels, header).decode()
                                  : read_indices(pixels, header);
  return {.image = coloured(indices, palette)};
}

}  // namespace skipzoo

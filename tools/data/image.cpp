#include "tools/data/image.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

#include "tools/data/data_file.h"
#include "tools/data/decoders.h"
#include "tools/data/orientation.h"
#include "tools/data/picture_kind.h"
#include "tools/error.h"
#include "tools/memory.h"

namespace skipzoo {

namespace {

/// Adobe's CMYK JPEGs are inverted; then as PIL: each colour times what black
/// leaves, rounded as its MULDIV255 does.
Image rgb_from_cmyk(const Image& cmyk) {
  Image rgb(3, cmyk.height, cmyk.width);
  const size_t count = cmyk.pixels.size() / 4;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* in = &cmyk.pixels[4 * i];
    const int light = in[3];  // 255 - k
    for (size_t c = 0; c < 3; ++c) {
      const int product = (255 - in[c]) * light + 128;
      const int value = light - ((product + (product >> 8)) >> 8);
      rgb.pixels[3 * i + c] = static_cast<uint8_t>(value < 0 ? 0 : value);
    }
  }
  return rgb;
}

}  // namespace

void check_picture_size(int64_t height, int64_t width) {
  if (height < 1 || width < 1 || height * width > kMostPixels) {
    throw std::runtime_error("a picture of " + std::to_string(width) + " x " +
                             std::to_string(height) + " pixels");
  }
}

Image with_channels(Image image, int64_t channels) {
  if (image.channels == channels) return image;
  Image out(channels, image.height, image.width);
  const size_t count = static_cast<size_t>(image.height * image.width);
  if (image.channels == 3 && channels == 1) {
    for (size_t i = 0; i < count; ++i) {
      const uint8_t* rgb = &image.pixels[3 * i];
      out.pixels[i] = static_cast<uint8_t>(
          (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
    }
  } else if (image.channels == 1 && channels == 3) {
    for (size_t i = 0; i < count; ++i) {
      std::memset(&out.pixels[3 * i], image.pixels[i], 3);
    }
  } else {
    throw std::runtime_error("pictures of " + std::to_string(image.channels) +
                             " channels for a network of in_channels " +
                             std::to_string(channels));
  }
  return out;
}

Image crop(const Image& image, int64_t top, int64_t left, int64_t height,
           int64_t width) {
  if (top == 0 && left == 0 && height == image.height && width == image.width) {
    return image;
  }
  Image out(image.channels, height, width);
  const int64_t x0 = std::max<int64_t>(left, 0);
  const int64_t x1 = std::min(left + width, image.width);
  const int64_t y1 = std::min(top + height, image.height);
  if (x1 <= x0) return out;
  const auto count = static_cast<size_t>((x1 - x0) * image.channels);
  for (int64_t y = std::max<int64_t>(top, 0); y < y1; ++y) {
    const int64_t from = (y * image.width + x0) * image.channels;
    const int64_t to = ((y - top) * width + x0 - left) * image.channels;
    std::memcpy(&out.pixels[static_cast<size_t>(to)],
                &image.pixels[static_cast<size_t>(from)], count);
  }
  return out;
}

Image part_of(Image image, const ChooseWindow& choose) {
  if (!choose) return image;
  const Window part = choose(image.height, image.width);
  return crop(image, part.top, part.left, part.height, part.width);
}

Image coloured(const Image& indices, const Palette& palette) {
  Image image(3, indices.height, indices.width);
  uint8_t* out = image.pixels.data();
  for (const uint8_t index : indices.pixels) {
    out = std::ranges::copy(palette[index], out).out;
  }
  return image;
}

namespace {

/// A whole picture of a kind of which no part can be decoded by itself.
StoredImage decode_whole(std::span<const uint8_t> bytes) {
  switch (picture_kind(bytes)) {
    case PictureKind::kPng:
      return decode_png(bytes);
    case PictureKind::kBmp:
      return decode_bmp(bytes);
#ifdef SKIPZOO_WEBP
    case PictureKind::kWebp:
      return decode_webp(bytes);
#endif
#ifdef SKIPZOO_TIFF
    case PictureKind::kTiff:
      return decode_tiff(bytes);
#endif
#ifdef SKIPZOO_GIF
    case PictureKind::kGif:
      return decode_gif(bytes);
#endif
    default:
      throw std::runtime_error(words_for_other(bytes));
  }
}

StoredImage decode_stored(std::span<const uint8_t> bytes,
                          const ChooseStored& choose) {
  if (picture_kind(bytes) == PictureKind::kJpeg) {
    return decode_jpeg(bytes, choose);
  }
  StoredImage stored = decode_whole(bytes);
  const auto window = [&](int64_t height, int64_t width) {
    return choose(height, width, stored.orientation);
  };
  if (choose) stored.image = part_of(std::move(stored.image), window);
  return stored;
}

/// What is stored of the part that is wanted of the picture as it is used.
ChooseStored as_stored(const ChooseWindow& choose, Exif exif) {
  if (!choose) return {};
  return [&choose, exif](int64_t height, int64_t width, int orientation) {
    if (exif == Exif::kIgnore) return choose(height, width);
    const Window part = swaps_sides(orientation) ? choose(width, height)
                                                 : choose(height, width);
    return stored_window(part, orientation, height, width);
  };
}

/// A picture as it is used, with the orientation that its file names.
StoredImage decode_picture(std::span<const uint8_t> bytes, const ReadImage& how,
                           const ChooseWindow& choose) {
  StoredImage read = decode_stored(bytes, as_stored(choose, how.exif));
  Image& image = read.image;
  if (image.channels == 4) image = rgb_from_cmyk(image);
  image = with_channels(std::move(image), how.channels);
  if (how.exif == Exif::kApply) {
    image = turned(std::move(image), read.orientation);
  }
  return read;
}

void say_that_it_is_turned(const std::filesystem::path& path, int orientation) {
  static std::atomic_flag said;
  if (said.test_and_set()) return;
  spdlog::info(
      "{}: turned upright, as its EXIF orientation, {}, says; other such "
      "pictures are not named",
      path.string(), orientation);
}

void warn_that_it_is_not(const std::filesystem::path& path, int orientation) {
  static std::atomic_flag warned;
  if (warned.test_and_set()) return;
  spdlog::warn(
      "{}: its EXIF orientation is {}: it was taken with the camera turned, "
      "and is used as it is stored, {}; other such pictures are not named",
      path.string(), orientation,
      orientation == 2   ? "mirrored"
      : orientation == 3 ? "upside down"
                         : "lying on its side");
}

/// Its first bytes decide whether the rest is read.
std::vector<uint8_t> read_picture(const std::filesystem::path& path) {
  DataFile file(path);
  std::vector<uint8_t> bytes(
      static_cast<size_t>(std::min<int64_t>(file.size(), 64)));
  bytes.resize(file.read(bytes));
  if (!is_read(picture_kind(bytes))) {
    throw std::runtime_error(words_for_other(bytes));
  }
  if (file.size() > kMostBytesOfPicture) {
    throw std::runtime_error(bytes_text(static_cast<double>(file.size())) +
                             ", more than a picture can hold");
  }
  const size_t start = bytes.size();
  bytes.resize(static_cast<size_t>(file.size()));
  bytes.resize(start + file.read(std::span(bytes).subspan(start)));
  return bytes;
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, const ReadImage& how,
                   const ChooseWindow& choose) {
  return decode_picture(bytes, how, choose).image;
}

Image read_image(const std::filesystem::path& path, const ReadImage& how,
                 const ChooseWindow& choose) {
  try {
    StoredImage read = decode_picture(read_picture(path), how, choose);
    if (read.orientation != 1 && how.exif == Exif::kApply) {
      say_that_it_is_turned(path, read.orientation);
    } else if (read.orientation != 1) {
      warn_that_it_is_not(path, read.orientation);
    }
    return std::move(read.image);
  } catch (const FileError&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw FileError(path, error.what());
  }
}

}  // namespace skipzoo

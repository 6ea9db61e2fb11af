#include "tools/data/image.h"

#include <cstdio>
// jpeglib.h needs <cstdio> before it.
#include <jerror.h>
#include <jpeglib.h>
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <stdexcept>

#include "tools/error.h"
#include "tools/file.h"

namespace skipzoo {

namespace {

void check_size(int64_t height, int64_t width) {
  if (height < 1 || width < 1 || height * width > kMostPixels) {
    throw std::runtime_error("a picture of " + std::to_string(width) + " x " +
                             std::to_string(height) + " pixels");
  }
}

// libjpeg and libpng report errors by longjmp, which must not pass over a C++
// object with a destructor: the functions that call setjmp hold none.

struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
  bool cut_short;
};

void on_jpeg_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->back, 1);
}

void on_jpeg_warning(j_common_ptr info, int level) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) {
    errors->cut_short = true;  // PIL refuses these too; the rest it accepts.
  }
}

class JpegDecoder {
 public:
  explicit JpegDecoder(std::span<const uint8_t> bytes) {
    info_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = on_jpeg_error;
    errors_.manager.emit_message = on_jpeg_warning;
    errors_.cut_short = false;
    bytes_ = bytes;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  Image decode() {
    if (!read_header()) throw std::runtime_error(message());
    check_size(info_.image_height, info_.image_width);
    if (!start()) throw std::runtime_error(message());
    Image image(info_.output_components, info_.output_height,
                info_.output_width);
    if (!read_rows(image.pixels.data())) throw std::runtime_error(message());
    if (errors_.cut_short) {
      throw std::runtime_error("the JPEG data end too early");
    }
    return image;
  }

 private:
  std::string message() const {
    return std::string("not a readable JPEG: ") + errors_.message;
  }
  bool read_header() {
    if (setjmp(errors_.back)) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, bytes_.data(),
                 static_cast<unsigned long>(bytes_.size()));
    jpeg_read_header(&info_, TRUE);
    return true;
  }
  bool start() {
    if (setjmp(errors_.back)) return false;
    if (info_.jpeg_color_space == JCS_CMYK ||
        info_.jpeg_color_space == JCS_YCCK) {
      info_.out_color_space = JCS_CMYK;
    } else if (info_.jpeg_color_space != JCS_GRAYSCALE) {
      info_.out_color_space = JCS_RGB;
    }
    jpeg_start_decompress(&info_);
    return true;
  }
  bool read_rows(uint8_t* out) {
    if (setjmp(errors_.back)) return false;
    const size_t stride = static_cast<size_t>(info_.output_width) *
                          static_cast<size_t>(info_.output_components);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = out + stride * info_.output_scanline;
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  std::span<const uint8_t> bytes_;
  JpegErrors errors_{};
  jpeg_decompress_struct info_{};
};

class PngDecoder {
 public:
  explicit PngDecoder(std::span<const uint8_t> bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error,
                                  [](png_structp, png_const_charp) {});
    info_ = png_create_info_struct(png_);
    png_set_read_fn(png_, this, on_read);
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  Image decode() {
    if (!read_header()) throw std::runtime_error(message());
    const int64_t height = png_get_image_height(png_, info_);
    const int64_t width = png_get_image_width(png_, info_);
    check_size(height, width);
    Image image(png_get_channels(png_, info_), height, width);
    std::vector<png_bytep> rows;
    const size_t stride = static_cast<size_t>(image.channels * width);
    for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
      rows.push_back(image.pixels.data() + y * stride);
    }
    if (!read_rows(rows.data())) throw std::runtime_error(message());
    return image;
  }

 private:
  static void on_error(png_structp png, png_const_charp text) {
    auto* self = static_cast<PngDecoder*>(png_get_error_ptr(png));
    std::snprintf(self->text_, sizeof(self->text_), "%s", text);
    png_longjmp(png, 1);
  }
  static void on_read(png_structp png, png_bytep out, size_t count) {
    auto* self = static_cast<PngDecoder*>(png_get_io_ptr(png));
    if (count > self->rest_.size()) png_error(png, "the data end too early");
    std::memcpy(out, self->rest_.data(), count);
    self->rest_ = self->rest_.subspan(count);
  }
  std::string message() const {
    return std::string("not a readable PNG: ") + text_;
  }
  bool read_header() {
    if (setjmp(png_jmpbuf(png_))) return false;
    png_read_info(png_, info_);
    png_set_palette_to_rgb(png_);
    png_set_expand_gray_1_2_4_to_8(png_);
    png_set_strip_16(png_);
    png_set_strip_alpha(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return true;
  }
  bool read_rows(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png_))) return false;
    png_read_image(png_, rows);
    png_read_end(png_, nullptr);
    return true;
  }

  std::span<const uint8_t> rest_;
  char text_[256] = {};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

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

Image decode_image(std::span<const uint8_t> bytes, int64_t channels) {
  constexpr uint8_t kPng[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  const auto starts_with = [&](std::span<const uint8_t> magic) {
    return bytes.size() >= magic.size() &&
           std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  constexpr uint8_t kJpeg[] = {0xFF, 0xD8, 0xFF};
  Image image;
  if (starts_with(kJpeg)) {
    image = JpegDecoder(bytes).decode();
    if (image.channels == 4) image = rgb_from_cmyk(image);
  } else if (starts_with(kPng)) {
    image = PngDecoder(bytes).decode();
  } else {
    throw std::runtime_error(bytes.empty() ? "the file is empty"
                                           : "neither a JPEG nor a PNG");
  }
  return with_channels(std::move(image), channels);
}

Image read_image(const std::filesystem::path& path, int64_t channels) {
  const auto bytes = read_file(path);
  try {
    return decode_image(bytes, channels);
  } catch (const FileError&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw FileError(path, error.what());
  }
}

}  // namespace skipzoo

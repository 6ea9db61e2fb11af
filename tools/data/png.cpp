#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tools/data/decoders.h"
#include "tools/data/orientation.h"

namespace skipzoo {

namespace {

// libpng reports errors by longjmp, which must not pass over a C++ object with
// a destructor: the functions that call setjmp hold none.

/// The bytes before a chunk that is to be longer than what is left: libpng
/// would take memory for all of it, up to 2 GB. Pixels it reads by and by.
std::span<const uint8_t> whole_chunks(std::span<const uint8_t> bytes) {
  constexpr size_t kSignature = 8, kAround = 12;  // Length, name, checksum.
  for (size_t at = kSignature; at + kAround <= bytes.size();) {
    const size_t length = png_get_uint_32(&bytes[at]);
    const bool pixels = std::memcmp(&bytes[at + 4], "IDAT", 4) == 0;
    if (length > bytes.size() - at - kAround) {
      return pixels ? bytes : bytes.first(at);
    }
    at += kAround + length;
  }
  return bytes;
}

class PngDecoder {
 public:
  explicit PngDecoder(std::span<const uint8_t> bytes)
      : rest_(whole_chunks(bytes)) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error,
                                  [](png_structp, png_const_charp) {});
    info_ = png_create_info_struct(png_);
    png_set_read_fn(png_, this, on_read);
    png_set_chunk_malloc_max(png_, 8'000'000);
  }
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  StoredImage decode() {
    if (!read_header()) throw std::runtime_error(message());
    const int64_t height = png_get_image_height(png_, info_);
    const int64_t width = png_get_image_width(png_, info_);
    check_picture_size(height, width);
    Image image(png_get_channels(png_, info_), height, width);
    std::vector<png_bytep> rows;
    const size_t stride = static_cast<size_t>(image.channels * width);
    for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
      rows.push_back(image.pixels.data() + y * stride);
    }
    if (!read_rows(rows.data())) throw std::runtime_error(message());
    read_end();
    return {std::move(image), orientation()};
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
    return true;
  }
  /// What stands behind the pixels, which as in PIL may be damaged.
  void read_end() {
    if (setjmp(png_jmpbuf(png_))) return;
    png_read_end(png_, info_);
  }
  int orientation() {
    png_bytep exif = nullptr;
    png_uint_32 count = 0;
    if (png_get_eXIf_1(png_, info_, &count, &exif) == 0) return 1;
    return exif_orientation({exif, count});
  }

  std::span<const uint8_t> rest_;
  char text_[256] = {};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

StoredImage decode_png(std::span<const uint8_t> bytes) {
  return PngDecoder(bytes).decode();
}

}  // namespace skipzoo

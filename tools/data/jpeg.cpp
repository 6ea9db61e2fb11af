#include <cstdio>
// jpeglib.h needs <cstdio> before it.
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tools/data/decoders.h"
#include "tools/data/picture_kind.h"

namespace skipzoo {

namespace {

// libjpeg reports errors by longjmp, which must not pass over a C++ object with
// a destructor: the functions that call setjmp hold none.

struct JpegErrors {
  jpeg_error_mgr manager;
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX];
};

void on_jpeg_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->back, 1);
}

/// A few bytes can name a scan that costs a pass over the whole picture.
void limit_scans(j_common_ptr info) {
  constexpr int64_t kMostScans = 500;  // As libjpeg-turbo's own fuzzers.
  const auto* jpeg = reinterpret_cast<j_decompress_ptr>(info);
  const int64_t scans = jpeg->input_scan_number;
  const int64_t pixels = int64_t{jpeg->image_width} * jpeg->image_height;
  if (scans <= kMostScans &&
      (scans <= 32 || scans * pixels <= 32 * kMostPixels))
    return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors->message, sizeof(errors->message),
                "more than %d scans of %d x %d pixels",
                static_cast<int>(scans - 1),
                static_cast<int>(jpeg->image_width),
                static_cast<int>(jpeg->image_height));
  std::longjmp(errors->back, 1);
}

/// Decodes from memory what PIL does: libjpeg's own source would make up an end
/// of the picture wherever the data end.
class JpegDecoder {
 public:
  explicit JpegDecoder(std::span<const uint8_t> bytes) {
    info_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = on_jpeg_error;
    errors_.manager.emit_message = on_warning;
    info_.client_data = this;
    source_.next_input_byte = bytes.data();
    source_.bytes_in_buffer = bytes.size();
    source_.init_source = [](j_decompress_ptr) {};
    source_.fill_input_buffer = on_end_of_data;
    source_.skip_input_data = skip;
    source_.resync_to_restart = jpeg_resync_to_restart;
    source_.term_source = [](j_decompress_ptr) {};
    progress_.progress_monitor = limit_scans;
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  Image decode() {
    check(read_header());
    check_picture_size(info_.image_height, info_.image_width);
    check(start());
    Image image(info_.output_components, info_.output_height,
                info_.output_width);
    image.orientation = orientation();
    const Outcome rows = read_rows(image.pixels.data());
    if (rows == Outcome::kCutShort) {
      throw std::runtime_error("the JPEG data end too early");
    }
    check(rows);
    return image;
  }

 private:
  enum class Outcome { kDone, kCutShort, kFailed };

  static JpegDecoder& self(j_common_ptr info) {
    return *static_cast<JpegDecoder*>(info->client_data);
  }
  /// The end marker alone may be missing, and where rows are, they are whole.
  static boolean on_end_of_data(j_decompress_ptr info) {
    static constexpr JOCTET kEnd[] = {0xFF, JPEG_EOI};
    auto& decoder = self(reinterpret_cast<j_common_ptr>(info));
    if (!decoder.in_rows_ || jpeg_has_multiple_scans(info)) return FALSE;
    decoder.ended_ = true;
    info->src->next_input_byte = kEnd;
    info->src->bytes_in_buffer = sizeof(kEnd);
    return TRUE;
  }
  /// PIL takes no notice of warnings, but misses the data at their end.
  static void on_warning(j_common_ptr info, int level) {
    auto& decoder = self(info);
    if (level < 0 && info->err->msg_code == JWRN_HIT_MARKER) {
      decoder.cut_short_ |= decoder.ended_;
    }
  }
  static void skip(j_decompress_ptr info, long count) {
    if (count <= 0) return;
    const size_t bytes =
        std::min(static_cast<size_t>(count), info->src->bytes_in_buffer);
    info->src->next_input_byte += bytes;
    info->src->bytes_in_buffer -= bytes;
  }
  void check(Outcome outcome) const {
    if (outcome == Outcome::kDone) return;
    throw std::runtime_error(std::string("not a readable JPEG: ") +
                             (outcome == Outcome::kCutShort
                                  ? "the data end too early"
                                  : errors_.message));
  }
  Outcome read_header() {
    if (setjmp(errors_.back)) return Outcome::kFailed;
    jpeg_create_decompress(&info_);
    info_.src = &source_;
    info_.progress = &progress_;
    jpeg_save_markers(&info_, kExif, 0xFFFF);
    return jpeg_read_header(&info_, TRUE) == JPEG_HEADER_OK
               ? Outcome::kDone
               : Outcome::kCutShort;
  }
  Outcome start() {
    if (setjmp(errors_.back)) return Outcome::kFailed;
    if (info_.jpeg_color_space == JCS_CMYK ||
        info_.jpeg_color_space == JCS_YCCK) {
      info_.out_color_space = JCS_CMYK;
    } else if (info_.jpeg_color_space != JCS_GRAYSCALE) {
      info_.out_color_space = JCS_RGB;
    }
    return jpeg_start_decompress(&info_) ? Outcome::kDone : Outcome::kCutShort;
  }
  Outcome read_rows(uint8_t* out) {
    if (setjmp(errors_.back)) return Outcome::kFailed;
    const size_t stride = static_cast<size_t>(info_.output_width) *
                          static_cast<size_t>(info_.output_components);
    in_rows_ = true;
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = out + stride * info_.output_scanline;
      if (jpeg_read_scanlines(&info_, &row, 1) == 0) return Outcome::kCutShort;
    }
    if (cut_short_) return Outcome::kCutShort;
    jpeg_finish_decompress(&info_);  // What it still waits for is not missed.
    return Outcome::kDone;
  }
  int orientation() const {
    constexpr std::string_view kName("Exif\0\0", 6);
    for (const auto* marker = info_.marker_list; marker != nullptr;
         marker = marker->next) {
      const std::span<const uint8_t> data(marker->data, marker->data_length);
      if (data.size() > kName.size() &&
          std::memcmp(data.data(), kName.data(), kName.size()) == 0) {
        return exif_orientation(data.subspan(kName.size()));
      }
    }
    return 1;
  }

  static constexpr int kExif = JPEG_APP0 + 1;

  JpegErrors errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
  bool in_rows_ = false;
  bool ended_ = false;  ///< The data, not the rows.
  bool cut_short_ = false;
};

}  // namespace

Image decode_jpeg(std::span<const uint8_t> bytes) {
  return JpegDecoder(bytes).decode();
}

}  // namespace skipzoo

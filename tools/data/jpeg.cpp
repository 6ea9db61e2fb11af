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
#include <utility>
#include <vector>

#include "tools/data/decoders.h"
#include "tools/data/orientation.h"

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

  StoredImage decode(const ChooseStored& choose) {
    check(read_header());
    const int64_t height = info_.image_height, width = info_.image_width;
    check_picture_size(height, width);
    const int turn = orientation();
    const Window part =
        choose ? choose(height, width, turn) : Window{0, 0, height, width};
    check(start());
    Image image(info_.output_components, part.height, part.width);
    row_.resize(static_cast<size_t>(width * image.channels));
    const Outcome rows = read_rows(part, image.pixels.data());
    if (rows == Outcome::kCutShort) {
      throw std::runtime_error("the JPEG data end too early");
    }
    check(rows);
    return {std::move(image), turn};
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
  Outcome read_rows(const Window& part, uint8_t* out) {
    if (setjmp(errors_.back)) return Outcome::kFailed;
    in_rows_ = true;
    if (has_blocks_of_their_own()) leave_out_what_is_around(part);
    if (!read_to(static_cast<JDIMENSION>(part.top + part.height), part, out)) {
      return Outcome::kCutShort;
    }
    const bool rows_below = info_.output_scanline < info_.output_height;
    if (rows_below && end_follows()) return Outcome::kDone;
    if (!read_to(info_.output_height, part, out)) return Outcome::kCutShort;
    if (cut_short_) return Outcome::kCutShort;
    jpeg_finish_decompress(&info_);  // What it still waits for is not missed.
    return Outcome::kDone;
  }
  /// Rows up to one; what is in the window goes to its place in it.
  bool read_to(JDIMENSION end, const Window& part, uint8_t* out) {
    const auto pixel = static_cast<size_t>(info_.output_components);
    const size_t bytes = static_cast<size_t>(part.width) * pixel;
    const auto before = static_cast<size_t>(part.left) - first_column_;
    while (info_.output_scanline < end) {
      const int64_t y = int64_t{info_.output_scanline} - part.top;
      JSAMPROW row = row_.data();
      if (jpeg_read_scanlines(&info_, &row, 1) == 0) return false;
      if (y < 0 || y >= part.height) continue;
      std::memcpy(out + static_cast<size_t>(y) * bytes, row + before * pixel,
                  bytes);
    }
    return true;
  }
  /// Whether pixels draw on little beyond their own blocks. Where scans have
  /// left bits out, whole blocks around smooth them; and a lossless picture,
  /// whose first coefficient is not number 0, has none.
  bool has_blocks_of_their_own() const {
    if (!info_.progressive_mode) return info_.Ss == 0;
    for (int c = 0; c < info_.num_components; ++c) {
      const int* bits = info_.coef_bits[c];
      if (std::any_of(bits, bits + DCTSIZE2, [](int b) { return b != 0; })) {
        return false;
      }
    }
    return true;
  }
  /// The bits of what is above and beside the window are read, for those of
  /// the window stand behind them, but are made into no pixels.
  void leave_out_what_is_around([[maybe_unused]] const Window& part) {
#if defined(LIBJPEG_TURBO_VERSION_NUMBER) && \
    LIBJPEG_TURBO_VERSION_NUMBER >= 2001000
    // Upsampled colours draw on their neighbours, which are as far away as the
    // largest sampling factor; libjpeg keeps those above and below by itself.
    constexpr int64_t kMargin = 4;
    const int64_t block = DCTSIZE * info_.max_h_samp_factor;
    const int64_t first =
        std::max<int64_t>(part.left - kMargin, 0) / block * block;
    const int64_t end =
        std::min<int64_t>(part.left + part.width + kMargin, info_.output_width);
    first_column_ = static_cast<JDIMENSION>(first);
    auto count = static_cast<JDIMENSION>(end - first);
    jpeg_crop_scanline(&info_, &first_column_, &count);
    if (part.top > 0) {
      jpeg_skip_scanlines(&info_, static_cast<JDIMENSION>(part.top));
    }
#endif
  }
  /// Whether the end of the picture stands behind the data that are left, so
  /// that the rows below the window need not be decoded to know that the data
  /// do not end too early. Bytes changed there would be no error in a whole
  /// picture either, and change no pixel of the window. Where something else
  /// follows, the rows are decoded, and say what is wrong as they always do.
  bool end_follows() {
    if (jpeg_has_multiple_scans(&info_)) return true;  // All are read.
    if (ended_) return false;
    int marker = info_.unread_marker;
    std::span<const JOCTET> rest(source_.next_input_byte,
                                 source_.bytes_in_buffer);
    const auto restarts = [this](int code) {
      return info_.restart_interval != 0 && code >= JPEG_RST0 &&
             code <= JPEG_RST0 + 7;
    };
    while (marker == 0 || restarts(marker)) {
      const auto at = std::ranges::find(rest, JOCTET{0xFF});
      if (rest.end() - at < 2) return false;
      marker = at[1];
      if (marker == 0xFF) marker = 0;  // The one before fills up.
      rest = rest.subspan(static_cast<size_t>(at - rest.begin()) +
                          (at[1] == 0xFF ? 1 : 2));
    }
    return marker == JPEG_EOI;
  }
  int orientation() const {
    constexpr std::string_view kName("Exif\0\0", 6);
    for (const auto* marker = info_.marker_list; marker != nullptr;
         marker = marker->next) {
      const std::span<const uint8_t> data(marker->data, marker->data_length);
      if (data.size() > kName.size() &&
          std::memcmp(data.data(), kName.data(), kName.size()) == 0) {
        return exif_orientation(data);
      }
    }
    return 1;
  }

  static constexpr int kExif = JPEG_APP0 + 1;

  JpegErrors errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
  std::vector<uint8_t> row_;     ///< One row of what is decoded.
  JDIMENSION first_column_ = 0;  ///< Of that row.
  bool in_rows_ = false;
  bool ended_ = false;  ///< The data, not the rows.
  bool cut_short_ = false;
};

}  // namespace

StoredImage decode_jpeg(std::span<const uint8_t> bytes,
                        const ChooseStored& choose) {
  return JpegDecoder(bytes).decode(choose);
}

}  // namespace skipzoo

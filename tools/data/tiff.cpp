#ifdef SKIPZOO_TIFF
#include <tiffio.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tools/data/decoders.h"
#include "tools/data/tiff_file.h"
#include "tools/data/tiff_samples.h"

namespace skipzoo {

namespace {

[[noreturn]] void refuse_kind_of_tiff(const std::string& what) {
  throw std::runtime_error("a TIFF " + what +
                           ", which is not read; convert it to JPEG or PNG");
}

/// The first page of a TIFF.
class TiffDecoder {
 public:
  explicit TiffDecoder(std::span<const uint8_t> bytes)
      : source_{.bytes = bytes}, file_(open_tiff(source_)) {
    if (!file_) source_.refuse();
  }
  TiffDecoder(const TiffDecoder&) = delete;
  TiffDecoder& operator=(const TiffDecoder&) = delete;

  StoredImage decode() {
    read_layout();
    check_that_bytes_suffice();
    TiffSamples samples(layout_);
    if (TIFFIsTiled(file_.get()) != 0) {
      read_tiles(samples);
    } else {
      read_rows(samples);
    }
    const Palette palette =
        layout_.colours == Colours::kPalette ? read_palette() : Palette{};
    return {.image = std::move(samples).image(palette),
            .orientation = field<uint16_t>(TIFFTAG_ORIENTATION)};
  }

 private:
  using Colours = TiffLayout::Colours;

  template <typename T>
  T field(uint32_t tag) {
    T value = 0;
    TIFFGetFieldDefaulted(file_.get(), tag, &value);
    return value;
  }

  void read_layout() {
    layout_.height = field<uint32_t>(TIFFTAG_IMAGELENGTH);
    layout_.width = field<uint32_t>(TIFFTAG_IMAGEWIDTH);
    check_picture_size(layout_.height, layout_.width);
    check_page();
    layout_.bits = field<uint16_t>(TIFFTAG_BITSPERSAMPLE);
    layout_.given = field<uint16_t>(TIFFTAG_SAMPLESPERPIXEL);
    layout_.is_separate =
        field<uint16_t>(TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
    layout_.colours = colours();
    layout_.used = layout_.colours == Colours::kRgb    ? 3
                   : layout_.colours == Colours::kCmyk ? 4
                                                       : 1;
    uint16_t extra = 0;
    uint16_t* kinds = nullptr;
    TIFFGetFieldDefaulted(file_.get(), TIFFTAG_EXTRASAMPLES, &extra, &kinds);
    layout_.is_multiplied = extra > 0 && kinds[0] == EXTRASAMPLE_ASSOCALPHA &&
                            (layout_.colours == Colours::kRgb ||
                             layout_.colours == Colours::kBlackIsZero);
    if (layout_.is_multiplied) ++layout_.used;
    check_samples();
  }
  void check_page() {
    if ((field<uint32_t>(TIFFTAG_SUBFILETYPE) & FILETYPE_REDUCEDIMAGE) != 0) {
      refuse_kind_of_tiff(
          "whose first page is a thumbnail, as in a camera's raw file");
    }
    const auto packing = field<uint16_t>(TIFFTAG_COMPRESSION);
    // The JPEG of before 1995 is read by a guess.
    if (TIFFIsCODECConfigured(packing) == 0 || packing == COMPRESSION_OJPEG) {
      refuse_kind_of_tiff("of compression " + std::to_string(packing));
    }
  }
  Colours colours() {
    const auto found = field<uint16_t>(TIFFTAG_PHOTOMETRIC);
    const bool is_jpeg =
        field<uint16_t>(TIFFTAG_COMPRESSION) == COMPRESSION_JPEG;
    if (found == PHOTOMETRIC_YCBCR && is_jpeg && !layout_.is_separate) {
      TIFFSetField(file_.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      return Colours::kRgb;
    }
    switch (found) {
      case PHOTOMETRIC_MINISWHITE:
        return Colours::kWhiteIsZero;
      case PHOTOMETRIC_MINISBLACK:
        return Colours::kBlackIsZero;
      case PHOTOMETRIC_RGB:
        return Colours::kRgb;
      case PHOTOMETRIC_PALETTE:
        return Colours::kPalette;
      case PHOTOMETRIC_SEPARATED:
        return Colours::kCmyk;
      default:
        refuse_kind_of_tiff(
            "with colours of another kind (its "
            "PhotometricInterpretation is " +
            std::to_string(found) + ")");
    }
  }
  void check_samples() {
    const bool is_whole =
        field<uint16_t>(TIFFTAG_SAMPLEFORMAT) == SAMPLEFORMAT_UINT;
    const auto read = {1, 2, 4, 8, 16};
    const int bits = layout_.bits, given = layout_.given;
    if (!is_whole || std::ranges::find(read, bits) == read.end() ||
        (layout_.colours == Colours::kPalette && bits > 8)) {
      refuse_kind_of_tiff("of samples of " + std::to_string(bits) + " bits" +
                          (is_whole ? "" : ", signed or not whole"));
    }
    constexpr int kMost = 6;  // As PIL.
    if (given < layout_.used || given > kMost) {
      refuse_kind_of_tiff("of " + std::to_string(given) +
                          " samples a pixel, where its colours take " +
                          std::to_string(layout_.used));
    }
  }

  /// Before memory is taken for pixels that are not there.
  void check_that_bytes_suffice() {
    if (field<uint16_t>(TIFFTAG_COMPRESSION) != COMPRESSION_NONE) return;
    const auto row = static_cast<int64_t>(bytes_of(TIFFScanlineSize64));
    if (row * layout_.height * layout_.planes() >
        static_cast<int64_t>(source_.bytes.size())) {
      throw std::runtime_error("not a readable TIFF: the data end too early");
    }
  }
  /// One of libtiff's sizes: of a row, a tile or a tile's row.
  size_t bytes_of(uint64_t (*size)(TIFF*)) {
    const uint64_t bytes = size(file_.get());
    if (bytes == 0) source_.refuse();
    if (bytes > uint64_t{kMostOfTiffAtOnce}) {
      refuse_kind_of_tiff("with rows or tiles of " + std::to_string(bytes) +
                          " bytes");
    }
    return static_cast<size_t>(bytes);
  }
  /// That a row of so many pixels holds all of their samples.
  void check_row(size_t bytes, int64_t pixels) const {
    const int64_t bits = pixels * layout_.bits * layout_.samples_together();
    if (static_cast<int64_t>(bytes) * 8 < bits) source_.refuse();
  }

  void read_rows(TiffSamples& samples) {
    std::vector<uint8_t> row(bytes_of(TIFFScanlineSize64));
    check_row(row.size(), layout_.width);
    for (int64_t plane = 0; plane < layout_.planes(); ++plane) {
      for (int64_t y = 0; y < layout_.height; ++y) {
        if (TIFFReadScanline(file_.get(), row.data(), static_cast<uint32_t>(y),
                             static_cast<uint16_t>(plane)) < 0) {
          source_.refuse();
        }
        samples.take(row.data(), {y, 0, 1, layout_.width}, plane);
      }
    }
  }
  void read_tiles(TiffSamples& samples) {
    const int64_t rows = field<uint32_t>(TIFFTAG_TILELENGTH);
    const int64_t columns = field<uint32_t>(TIFFTAG_TILEWIDTH);
    check_picture_size(rows, columns);
    std::vector<uint8_t> tile(bytes_of(TIFFTileSize64));
    const size_t stride = bytes_of(TIFFTileRowSize64);
    check_row(stride, columns);
    if (tile.size() / stride < static_cast<size_t>(rows)) source_.refuse();
    for (int64_t plane = 0; plane < layout_.planes(); ++plane) {
      for (int64_t y = 0; y < layout_.height; y += rows) {
        for (int64_t x = 0; x < layout_.width; x += columns) {
          read_tile(x, y, plane, tile);
          const int64_t width = std::min(columns, layout_.width - x);
          const int64_t height = std::min(rows, layout_.height - y);
          for (int64_t i = 0; i < height; ++i) {
            samples.take(tile.data() + static_cast<size_t>(i) * stride,
                         {y + i, x, 1, width}, plane);
          }
        }
      }
    }
  }
  void read_tile(int64_t x, int64_t y, int64_t plane,
                 std::vector<uint8_t>& tile) {
    const auto number = TIFFComputeTile(file_.get(), static_cast<uint32_t>(x),
                                        static_cast<uint32_t>(y), 0,
                                        static_cast<uint16_t>(plane));
    if (TIFFReadEncodedTile(file_.get(), number, tile.data(),
                            static_cast<tmsize_t>(tile.size())) < 0) {
      source_.refuse();
    }
  }

  Palette read_palette() {
    uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
    if (TIFFGetField(file_.get(), TIFFTAG_COLORMAP, &red, &green, &blue) == 0) {
      throw std::runtime_error("not a readable TIFF: no palette in it");
    }
    Palette palette{};
    for (size_t i = 0; i < size_t{1} << layout_.bits; ++i) {
      palette[i] = {static_cast<uint8_t>(red[i] >> 8),
                    static_cast<uint8_t>(green[i] >> 8),
                    static_cast<uint8_t>(blue[i] >> 8)};
    }
    return palette;
  }

  TiffSource source_;
  TiffFile file_;
  TiffLayout layout_;
};

}  // namespace

StoredImage decode_tiff(std::span<const uint8_t> bytes) {
  return TiffDecoder(bytes).decode();
}

}  // namespace skipzoo
#endif

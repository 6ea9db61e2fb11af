#ifdef SKIPZOO_GIF
#include <gif_lib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tools/data/decoders.h"

namespace skipzoo {

namespace {

[[noreturn]] void refuse_gif(int code) {
  const char* words = GifErrorString(code);
  throw std::runtime_error(
      std::string("not a readable GIF: ") +
      (code == D_GIF_ERR_READ_FAILED || code == D_GIF_ERR_EOF_TOO_SOON
           ? "the data end too early"
       : words == nullptr ? "its data are damaged"
                          : words));
}

/// giflib, on bytes in memory.
class GifDecoder {
 public:
  explicit GifDecoder(std::span<const uint8_t> bytes) : rest_(bytes) {
    int error = 0;
    file_.reset(DGifOpen(this, on_read, &error));
    if (!file_) refuse_gif(error);
  }
  GifDecoder(const GifDecoder&) = delete;
  GifDecoder& operator=(const GifDecoder&) = delete;

  /// As PIL: what the first frame leaves free is transparent or else of index
  /// 0, and a frame beyond the canvas enlarges it.
  Image decode() {
    find_first_frame();
    const GifImageDesc& frame = file_->Image;
    const int64_t height =
        std::max(int64_t{file_->SHeight}, int64_t{frame.Top} + frame.Height);
    const int64_t width =
        std::max(int64_t{file_->SWidth}, int64_t{frame.Left} + frame.Width);
    check_picture_size(height, width);
    check_picture_size(frame.Height, frame.Width);
    Image indices(1, height, width);
    std::ranges::fill(indices.pixels, background_);
    read_rows(frame, indices);
    const ColorMapObject* map =
        frame.ColorMap != nullptr ? frame.ColorMap : file_->SColorMap;
    if (map == nullptr) return indices;
    return coloured(indices, palette_of(*map));
  }

 private:
  struct Close {
    void operator()(GifFileType* file) const {
      int ignored = 0;
      DGifCloseFile(file, &ignored);
    }
  };

  static int on_read(GifFileType* file, GifByteType* out, int count) {
    auto& rest = static_cast<GifDecoder*>(file->UserData)->rest_;
    const size_t bytes =
        std::min(static_cast<size_t>(std::max(count, 0)), rest.size());
    if (bytes > 0) std::memcpy(out, rest.data(), bytes);
    rest = rest.subspan(bytes);
    return static_cast<int>(bytes);
  }
  void check(int outcome) const {
    if (outcome != GIF_OK) refuse_gif(file_->Error);
  }

  void find_first_frame() {
    for (;;) {
      GifRecordType kind = UNDEFINED_RECORD_TYPE;
      check(DGifGetRecordType(file_.get(), &kind));
      if (kind == IMAGE_DESC_RECORD_TYPE) break;
      if (kind == TERMINATE_RECORD_TYPE) {
        throw std::runtime_error("not a readable GIF: no frame in it");
      }
      read_extension();
    }
    check(DGifGetImageDesc(file_.get()));
  }
  /// Of which the one that names the transparent index matters.
  void read_extension() {
    int code = 0;
    GifByteType* block = nullptr;  // Its first byte is its length.
    check(DGifGetExtension(file_.get(), &code, &block));
    while (block != nullptr) {
      if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4) {
        if ((block[1] & 1) != 0) background_ = block[4];
      }
      check(DGifGetExtensionNext(file_.get(), &block));
    }
  }
  void read_rows(const GifImageDesc& frame, Image& out) {
    struct Pass {
      int first, step;
    };
    const std::vector<Pass> passes =
        frame.Interlace ? std::vector<Pass>{{0, 8}, {4, 8}, {2, 4}, {1, 2}}
                        : std::vector<Pass>{{0, 1}};
    for (const auto& [first, step] : passes) {
      for (int64_t y = first; y < frame.Height; y += step) {
        const int64_t at = (frame.Top + y) * out.width + frame.Left;
        check(DGifGetLine(file_.get(), out.pixels.data() + at, frame.Width));
      }
    }
  }
  static Palette palette_of(const ColorMapObject& map) {
    Palette palette{};
    const auto count = std::min(
        static_cast<size_t>(std::max(map.ColorCount, 0)), palette.size());
    for (size_t i = 0; i < count; ++i) {
      const GifColorType& colour = map.Colors[i];
      palette[i] = {colour.Red, colour.Green, colour.Blue};
    }
    return palette;
  }

  std::span<const uint8_t> rest_;
  std::unique_ptr<GifFileType, Close> file_;
  uint8_t background_ = 0;
};

}  // namespace

StoredImage decode_gif(std::span<const uint8_t> bytes) {
  return {.image = GifDecoder(bytes).decode()};
}

}  // namespace skipzoo
#endif

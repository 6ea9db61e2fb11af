#ifdef SKIPZOO_WEBP
#include <webp/decode.h>
#include <webp/demux.h>

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "tools/data/decoders.h"
#include "tools/data/orientation.h"

namespace skipzoo {

namespace {

[[noreturn]] void refuse_webp(const std::string& why) {
  throw std::runtime_error("not a readable WebP: " + why);
}

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, DeleteDemuxer>;

int orientation_of(const Demuxer& parts) {
  WebPChunkIterator chunk{};
  int orientation = 1;
  if (WebPDemuxGetChunk(parts.get(), "EXIF", 1, &chunk) != 0) {
    orientation = exif_orientation({chunk.chunk.bytes, chunk.chunk.size});
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

/// The frame's pixels to their place on the canvas; alpha is left out.
void decode_frame(const WebPIterator& frame, Image& canvas) {
  const int64_t stride = 3 * canvas.width;
  const int64_t at = frame.y_offset * stride + 3 * int64_t{frame.x_offset};
  const auto free = static_cast<int64_t>(canvas.pixels.size()) - at;
  if (frame.x_offset + int64_t{frame.width} > canvas.width || free <= 0 ||
      frame.y_offset + int64_t{frame.height} > canvas.height) {
    refuse_webp("a frame lies beyond its canvas");
  }
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) refuse_webp("another libwebp");
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = canvas.pixels.data() + at;
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = static_cast<size_t>(free);
  const VP8StatusCode status =
      WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
  WebPFreeDecBuffer(&config.output);
  if (status == VP8_STATUS_OUT_OF_MEMORY) throw std::bad_alloc();
  if (status == VP8_STATUS_OK) return;
  refuse_webp(status == VP8_STATUS_NOT_ENOUGH_DATA ||
                      status == VP8_STATUS_SUSPENDED
                  ? "the data end too early"
                  : "its data are damaged");
}

}  // namespace

StoredImage decode_webp(std::span<const uint8_t> bytes) {
  const WebPData data = {.bytes = bytes.data(), .size = bytes.size()};
  const Demuxer parts(WebPDemux(&data));
  if (!parts) refuse_webp("its data are damaged or end too early");
  const int64_t height = WebPDemuxGetI(parts.get(), WEBP_FF_CANVAS_HEIGHT);
  const int64_t width = WebPDemuxGetI(parts.get(), WEBP_FF_CANVAS_WIDTH);
  check_picture_size(height, width);
  WebPIterator frame{};
  const bool has_frame = WebPDemuxGetFrame(parts.get(), 1, &frame) != 0;
  const std::unique_ptr<WebPIterator, decltype(&WebPDemuxReleaseIterator)>
      release(&frame, &WebPDemuxReleaseIterator);
  if (!has_frame) refuse_webp("no frame in it");
  StoredImage stored = {.image = Image(3, height, width),
                        .orientation = orientation_of(parts)};
  decode_frame(frame, stored.image);
  return stored;
}

}  // namespace skipzoo
#endif

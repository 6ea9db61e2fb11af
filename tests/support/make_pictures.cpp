#include "tests/support/make_pictures.h"

#include <cstdio>
#include <cstdlib>
// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>
#include <zlib.h>

#include <vector>

namespace skipzoo {

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string make_jpeg(const JpegMade& made) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &out, &size);
  info.image_width = static_cast<JDIMENSION>(made.width);
  info.image_height = static_cast<JDIMENSION>(made.height);
  info.input_components = made.channels;
  info.in_color_space = made.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  if (made.channels == 3) {
    info.comp_info[0].h_samp_factor = made.share_columns;
    info.comp_info[0].v_samp_factor = made.share_rows;
  }
  info.restart_interval = static_cast<unsigned>(made.restart_interval);
  if (made.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  if (made.orientation != 0) {
    const std::string exif =
        std::string("Exif\0\0", 6) + exif_of(made.orientation);
    jpeg_write_marker(&info, JPEG_APP0 + 1,
                      reinterpret_cast<const JOCTET*>(exif.data()),
                      static_cast<unsigned>(exif.size()));
  }
  std::vector<JSAMPLE> row(static_cast<size_t>(made.channels * made.width));
  for (int y = 0; y < made.height; ++y) {
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = static_cast<JSAMPLE>(
          (static_cast<int>(i) * 37 + y * 11 + made.seed * 59) % 256);
    }
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  const std::string bytes(reinterpret_cast<char*>(out), size);
  jpeg_destroy_compress(&info);
  std::free(out);
  return bytes;
}

std::string jpeg_of_scans(int scans) {
  const auto whole = make_jpeg({.progressive = true});
  // The last scan, from its marker to the end of the picture.
  const auto last = whole.rfind("\xFF\xDA");
  const auto scan = whole.substr(last, whole.size() - 2 - last);
  auto bytes = whole.substr(0, whole.size() - 2);
  for (int i = 0; i < scans; ++i) bytes += scan;
  return bytes + "\xFF\xD9";
}

std::string exif_of(int orientation, bool is_big_endian) {
  const auto number = [&](uint32_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) {
      const int shift = 8 * (is_big_endian ? bytes - 1 - i : i);
      text += static_cast<char>(value >> shift);
    }
    return text;
  };
  return (is_big_endian ? "MM" : "II") + number(42, 2) + number(8, 4) +
         number(2, 2) +
         // The width, then the orientation, a short each.
         number(0x0100, 2) + number(3, 2) + number(1, 4) + number(16, 2) +
         number(0, 2) + number(0x0112, 2) + number(3, 2) + number(1, 4) +
         number(static_cast<uint32_t>(orientation), 2) + number(0, 2) +
         number(0, 4);
}

std::string png_chunk(const std::string& type, const std::string& data) {
  const auto body = type + data;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                         static_cast<uInt>(body.size()));
  return big_endian(static_cast<uint32_t>(data.size())) + body +
         big_endian(static_cast<uint32_t>(sum));
}

std::string png_start(uint32_t width, uint32_t height) {
  return std::string("\x89PNG\r\n\x1A\n") +
         png_chunk("IHDR", big_endian(width) + big_endian(height) +
                               std::string("\x08\x02\x00\x00\x00", 5));
}

std::string make_png(uint32_t width, uint32_t height, const std::string& more) {
  const std::string rows(static_cast<size_t>(height) * (1 + 3 * width), '\0');
  uLongf size = compressBound(rows.size());
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size,
           reinterpret_cast<const Bytef*>(rows.data()), rows.size());
  packed.resize(size);
  return png_start(width, height) + more + png_chunk("IDAT", packed) +
         png_chunk("IEND", "");
}

std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  constexpr int kGzip = 16;
  deflateInit2(&stream, 9, Z_DEFLATED, kGzip + 15, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

}  // namespace skipzoo

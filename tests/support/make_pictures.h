#pragma once

#include <cstdint>
#include <string>

namespace skipzoo {

// Picture files made in the test, so that what is odd about them is seen there.

struct JpegMade {
  int width = 16;
  int height = 16;
  bool progressive = false;
  /// EXIF's number in an APP1 marker; 0 for no EXIF.
  int orientation = 0;
  /// Another picture for another number.
  int seed = 0;
  /// 1: grey.
  int channels = 3;
  /// Columns and rows of pixels that share a colour.
  int share_columns = 2;
  int share_rows = 2;
  /// Blocks, or groups of them, from one restart marker to the next; 0: none.
  int restart_interval = 0;
};
/// The bytes of a JPEG of coloured stripes.
std::string make_jpeg(const JpegMade& made = {});

/// A progressive JPEG of so many scans, each but the first of no new data.
std::string jpeg_of_scans(int scans);

/// EXIF data of one entry: the orientation.
std::string exif_of(int orientation, bool big_endian = false);

/// A chunk of a PNG, with its length and checksum.
std::string png_chunk(const std::string& type, const std::string& data);
/// The first bytes of a PNG of 8-bit RGB: signature and IHDR.
std::string png_start(uint32_t width, uint32_t height);
/// A whole one of a black picture; `more`: chunks before the pixels.
std::string make_png(uint32_t width, uint32_t height,
                     const std::string& more = "");

std::string big_endian(uint32_t value);
/// gzip'd bytes.
std::string gzipped(const std::string& bytes);

}  // namespace skipzoo

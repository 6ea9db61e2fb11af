#pragma once

#include <zlib.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace skipzoo {

/// A number as it stands in a file: little-endian, of so many bytes.
inline std::string little_endian(uint64_t value, size_t bytes = 8) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> (8 * i));
  }
  return text;
}

/// What the headers of a packed record say of the bytes that it unpacks to.
struct Unpacked {
  uint64_t size = 0;
  uint64_t crc = 0;
};

/// A record of a zip, with what its headers may say wrongly.
struct ZipRecord {
  std::string name;
  std::string data;
  uint64_t method = 0;
  uint64_t flags = 0;
  /// Added to what the list, or the header before the data, says.
  uint64_t crc_more = 0;
  uint64_t size_more = 0;
  uint64_t local_size_more = 0;
  uint64_t offset_more = 0;
  bool has_zip64 = false;  ///< Sizes and place stand in the extra field.
  std::optional<Unpacked> unpacked = {};
};

inline uint64_t crc32_of(const std::string& bytes) {
  return ::crc32(0, reinterpret_cast<const unsigned char*>(bytes.data()),
                 static_cast<unsigned>(bytes.size()));
}

/// A record packed by deflate.
inline ZipRecord deflated(const std::string& name, const std::string& text) {
  ZipRecord record{.name = name, .data = "", .method = Z_DEFLATED};
  record.unpacked = Unpacked{.size = text.size(), .crc = crc32_of(text)};
  z_stream stream{};
  const int made = ::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS,
                                  9, Z_DEFAULT_STRATEGY);
  record.data.resize(::deflateBound(&stream, text.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(record.data.data());
  stream.avail_out = static_cast<uInt>(record.data.size());
  if (made != Z_OK || ::deflate(&stream, Z_FINISH) != Z_STREAM_END) {
    throw std::runtime_error("zlib packs nothing");
  }
  record.data.resize(stream.total_out);
  ::deflateEnd(&stream);
  return record;
}

/// A zip of these, and what its end may say wrongly.
struct ZipEnd {
  uint64_t records_more = 0;
  uint64_t size_more = 0;
  uint64_t offset_more = 0;
};
inline std::string zip_of(const std::vector<ZipRecord>& records,
                          const ZipEnd& end = {}) {
  std::string bytes, list;
  for (const auto& r : records) {
    const uint64_t crc =
        (r.unpacked ? r.unpacked->crc : crc32_of(r.data)) + r.crc_more;
    const uint64_t at = bytes.size() + r.offset_more;
    const uint64_t size = r.data.size() + r.size_more;
    const uint64_t whole =
        (r.unpacked ? r.unpacked->size : r.data.size()) + r.size_more;
    const auto facts = [&](uint64_t packed, uint64_t unpacked) {
      return little_endian(r.flags, 2) + little_endian(r.method, 2) +
             std::string(4, '\0') + little_endian(crc, 4) +
             little_endian(packed, 4) + little_endian(unpacked, 4) +
             little_endian(r.name.size(), 2);
    };
    bytes += "PK\3\4" + little_endian(20, 2) +
             facts(size + r.local_size_more, whole + r.local_size_more) +
             little_endian(0, 2) + r.name + r.data;
    const auto extra = r.has_zip64
                           ? little_endian(1, 2) + little_endian(24, 2) +
                                 little_endian(whole) + little_endian(size) +
                                 little_endian(at)
                           : std::string();
    const auto shown = [&](uint64_t number) {
      return r.has_zip64 ? 0xFFFFFFFF : number;
    };
    list += "PK\1\2" + little_endian(20, 2) + little_endian(20, 2) +
            facts(shown(size), shown(whole)) + little_endian(extra.size(), 2) +
            std::string(10, '\0') +
            little_endian(r.has_zip64 ? 0xFFFFFFFF : at, 4) + r.name + extra;
  }
  const auto begin = bytes.size() + end.offset_more;
  return bytes + list + "PK\5\6" + std::string(4, '\0') +
         little_endian(records.size() + end.records_more, 2) +
         little_endian(records.size() + end.records_more, 2) +
         little_endian(list.size() + end.size_more, 4) +
         little_endian(begin, 4) + little_endian(0, 2);
}

}  // namespace skipzoo

#pragma once

#include <zlib.h>

#include <cstdint>
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
};

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
        ::crc32(0, reinterpret_cast<const unsigned char*>(r.data.data()),
                static_cast<unsigned>(r.data.size())) +
        r.crc_more;
    const uint64_t at = bytes.size() + r.offset_more;
    const uint64_t size = r.data.size() + r.size_more;
    const auto facts = [&](uint64_t packed, uint64_t whole) {
      return little_endian(r.flags, 2) + little_endian(r.method, 2) +
             std::string(4, '\0') + little_endian(crc, 4) +
             little_endian(packed, 4) + little_endian(whole, 4) +
             little_endian(r.name.size(), 2);
    };
    const uint64_t local = size + r.local_size_more;
    bytes += "PK\3\4" + little_endian(20, 2) + facts(local, local) +
             little_endian(0, 2) + r.name + r.data;
    const auto extra = r.has_zip64
                           ? little_endian(1, 2) + little_endian(24, 2) +
                                 little_endian(size) + little_endian(size) +
                                 little_endian(at)
                           : std::string();
    const uint64_t shown = r.has_zip64 ? 0xFFFFFFFF : size;
    list += "PK\1\2" + little_endian(20, 2) + little_endian(20, 2) +
            facts(shown, shown) + little_endian(extra.size(), 2) +
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

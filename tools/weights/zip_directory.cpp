#include "tools/weights/zip_directory.h"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "tools/checked.h"
#include "tools/weights/byte_reader.h"

namespace skipzoo {

namespace {

using Record = ZipFile::Record;

[[noreturn]] void damaged(const std::string& what) {
  throw std::runtime_error("a damaged zip, or cut short: " + what);
}

/// A little-endian number in memory.
uint64_t number(std::span<const uint8_t> bytes, size_t at, size_t size) {
  return ByteReader(bytes.subspan(at, size)).number(size);
}

constexpr uint32_t kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator64 = 0x07064b50, kEntry = 0x02014b50,
                   kHeader = 0x04034b50;
constexpr uint64_t kEndSize = 22, kLocatorSize = 20, kHeaderSize = 30;
/// In a 32-bit field: the number is in the zip64 part.
constexpr uint64_t kElsewhere = 0xFFFFFFFF;

/// Where the list of records is.
struct Directory {
  uint64_t begin = 0;
  uint64_t size = 0;
  uint64_t records = 0;
};

/// Its end of the newer form, which has 64-bit numbers, at `at`. Where the
/// older form has a number too, both must say the same: readers differ in which
/// they take.
Directory find_directory64(const InputFile& file, uint64_t at,
                           const Directory& old) {
  if (!lies_within(at, uint64_t{56}, file.size())) {
    damaged("its list of records lies beyond its end");
  }
  const auto end = file.read(at, 56);
  if (number(end, 0, 4) != kEnd64) damaged("its end is not that of a zip");
  const Directory found{.begin = number(end, 48, 8),
                        .size = number(end, 40, 8),
                        .records = number(end, 32, 8)};
  const auto agrees = [](uint64_t here, uint64_t there, uint64_t elsewhere) {
    return here == there || here == elsewhere;
  };
  if (!agrees(old.begin, found.begin, kElsewhere) ||
      !agrees(old.size, found.size, kElsewhere) ||
      !agrees(old.records, found.records, 0xFFFF)) {
    damaged("its two ends do not agree");
  }
  return found;
}

/// Follows an end of the old form, which ends the file, to the list.
Directory find_directory(const InputFile& file) {
  const uint64_t tail = std::min(file.size(), kEndSize + 0xFFFF);
  const auto bytes = file.read(file.size() - tail, tail);
  const std::span<const uint8_t> all(bytes);
  for (uint64_t at = tail < kEndSize ? 0 : tail - kEndSize + 1; at-- > 0;) {
    if (number(all, at, 4) != kEnd) continue;
    if (at + kEndSize + number(all, at + 20, 2) > tail) {
      damaged("the note at its end is cut short");
    }
    Directory found{.begin = number(all, at + 16, 4),
                    .size = number(all, at + 12, 4),
                    .records = number(all, at + 10, 2)};
    uint64_t end = file.size() - tail + at;
    if (at >= kLocatorSize && number(all, at - kLocatorSize, 4) == kLocator64) {
      end = number(all, at - kLocatorSize + 8, 8);
      found = find_directory64(file, end, found);
    } else if (found.begin == kElsewhere || found.size == kElsewhere ||
               found.records == 0xFFFF) {
      damaged("its end does not lead to its list of records");
    }
    if (!lies_within(found.begin, found.size, end)) {
      damaged("its list of records lies beyond its end");
    }
    return found;
  }
  damaged("it has no list of records at its end");
}

/// What a header says of a record, in the list or before the data.
struct Header {
  uint64_t flags = 0, method = 0, crc = 0, packed = 0, size = 0;
};

/// Numbers that do not fit 32 bits stand in the part of the extra field that
/// is marked 1, in the order in which they are missing.
void take_from_extra(std::span<const uint8_t> extra,
                     std::initializer_list<uint64_t*> fields) {
  for (size_t at = 0; at + 4 <= extra.size();) {
    const auto size = static_cast<size_t>(number(extra, at + 2, 2));
    if (size > extra.size() - at - 4) return;
    if (number(extra, at, 2) == 1) {
      auto part = extra.subspan(at + 4, size);
      for (uint64_t* field : fields) {
        if (*field != kElsewhere) continue;
        if (part.size() < 8) damaged("a record without its size");
        *field = number(part, 0, 8);
        part = part.subspan(8);
      }
      return;
    }
    at += 4 + size;
  }
}

/// Reads the header before a record's data; sets where they begin.
void read_header(const InputFile& file, uint64_t at, uint64_t most,
                 const Header& listed, Record& record) {
  const uint64_t room = kHeaderSize + record.name.size();
  if (!lies_within(at, room, most))
    damaged("a record that lies beyond its end");
  const auto bytes = file.read(at, std::min(most - at, room + 64));
  const std::span<const uint8_t> all(bytes);
  const auto name_size = number(all, 26, 2), extra_size = number(all, 28, 2);
  Header own{.flags = number(all, 6, 2),
             .method = number(all, 8, 2),
             .crc = number(all, 14, 4),
             .packed = number(all, 18, 4),
             .size = number(all, 22, 4)};
  if (number(all, 0, 4) != kHeader || name_size != record.name.size() ||
      !std::equal(
          record.name.begin(), record.name.end(), bytes.begin() + kHeaderSize,
          [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; })) {
    damaged("its list names " + record.name + " where that is not");
  }
  const auto shown = std::min<uint64_t>(extra_size, bytes.size() - room);
  take_from_extra(all.subspan(room, shown), {&own.size, &own.packed});
  // Of a record that was written in one go the header says 0: the numbers
  // follow the data.
  const bool follow = (listed.flags & 8) != 0;
  const auto agrees = [follow](uint64_t here, uint64_t there) {
    return here == there || (follow && (here == 0 || here == kElsewhere));
  };
  if (own.method != listed.method || own.flags != listed.flags ||
      !agrees(own.crc, listed.crc) || !agrees(own.size, listed.size) ||
      !agrees(own.packed, listed.packed)) {
    damaged("its list and the header of " + record.name + " do not agree");
  }
  record.offset = at + room + extra_size;
  if (!lies_within(record.offset, listed.packed, most)) {
    damaged("its record " + record.name + " reaches beyond the file");
  }
}

/// A record of the list, and the place of its header.
struct Listed {
  Record record;
  uint64_t begin = 0;
  uint64_t end = 0;
};

Listed read_entry(ByteReader& list, const InputFile& file, uint64_t most) {
  const auto fixed = list.text(46);
  const std::span<const uint8_t> all(
      reinterpret_cast<const uint8_t*>(fixed.data()), fixed.size());
  if (number(all, 0, 4) != kEntry) damaged("its list of records is damaged");
  Header header{.flags = number(all, 8, 2),
                .method = number(all, 10, 2),
                .crc = number(all, 16, 4),
                .packed = number(all, 20, 4),
                .size = number(all, 24, 4)};
  Listed listed;
  listed.begin = number(all, 42, 4);
  listed.record.name = list.text(number(all, 28, 2));
  const auto extra = list.text(number(all, 30, 2));
  list.skip(number(all, 32, 2));  // A comment.
  take_from_extra(
      {reinterpret_cast<const uint8_t*>(extra.data()), extra.size()},
      {&header.size, &header.packed, &listed.begin});
  read_header(file, listed.begin, most, header, listed.record);
  listed.record.size = header.size;
  listed.record.crc = static_cast<uint32_t>(header.crc);
  listed.record.stored = header.packed;
  listed.record.is_packed = header.method != 0;
  listed.record.is_deflated = header.method == Z_DEFLATED;
  listed.record.is_encrypted = (header.flags & 1) != 0;
  if (header.method == 0 && header.size != header.packed &&
      !listed.record.is_encrypted) {
    damaged("its record " + listed.record.name + " has two sizes");
  }
  listed.end = listed.record.offset + header.packed;
  return listed;
}

}  // namespace

std::vector<Record> read_zip_directory(
    const std::shared_ptr<const InputFile>& file) {
  const Directory directory = find_directory(*file);
  ByteReader list(file, directory.begin, directory.begin + directory.size);
  std::vector<Record> records;
  std::vector<std::pair<uint64_t, uint64_t>> places;
  while (list.left() > 0) {
    Listed listed = read_entry(list, *file, directory.begin);
    places.emplace_back(listed.begin, listed.end);
    records.push_back(std::move(listed.record));
  }
  if (records.size() != directory.records) {
    damaged("its list holds another number of records than it says");
  }
  std::sort(places.begin(), places.end());
  for (size_t i = 1; i < places.size(); ++i) {
    if (places[i].first < places[i - 1].second) damaged("records that overlap");
  }
  return records;
}

}  // namespace skipzoo

#include "tools/weights/zip_file.h"

#include <zlib.h>

#include <algorithm>
#include <new>
#include <stdexcept>

#include "tools/weights/zip_directory.h"

namespace skipzoo {

namespace {

/// Read between two looks at the sum: small enough for a cache.
constexpr uint64_t kPiece = uint64_t{256} << 10;

uint32_t add_crc(uint32_t crc, std::span<const uint8_t> piece) {
  return static_cast<uint32_t>(
      ::crc32(crc, piece.data(), static_cast<uInt>(piece.size())));
}

}  // namespace

ZipFile::ZipFile(std::shared_ptr<const InputFile> file)
    : file_(std::move(file)), records_(read_zip_directory(file_)) {
  for (size_t i = 0; i < records_.size(); ++i) {
    const Record& record = records_[i];
    if (!places_.emplace(record.name, i).second) {
      throw std::runtime_error("a zip that holds " + record.name + " twice");
    }
    // torch.serialization.set_crc32_options(False) leaves all of them 0.
    has_crcs_ = has_crcs_ || record.crc != 0;
  }
  if (records_.empty()) throw std::runtime_error("a zip without records");
  const auto& first = records_.front().name;
  folder_ = first.substr(0, first.find('/')) + "/";
}

const ZipFile::Record* ZipFile::find(const std::string& name) const {
  const auto found = places_.find(folder_ + name);
  return found == places_.end() ? nullptr : &records_[found->second];
}

const ZipFile::Record& ZipFile::at(const std::string& name) const {
  const Record* record = find(name);
  if (record == nullptr) throw std::runtime_error("lacks its record " + name);
  return *record;
}

void ZipFile::require_plain(const Record& record) const {
  if (record.is_encrypted) {
    throw std::runtime_error("is protected by a password; unpack it first");
  }
  if (record.is_packed) {
    throw std::runtime_error("its record " + record.name +
                             " is packed, which torch.save never does; "
                             "unpack the zip, and zip it again with -0");
  }
}

void ZipFile::compare(const Record& record, uint32_t crc) const {
  if (!has_crcs_ || crc == record.crc) return;
  throw std::runtime_error("its record " + record.name +
                           " is damaged: its CRC-32 is another than when it "
                           "was written; copy or download the file again");
}

void ZipFile::read(const Record& record, std::span<uint8_t> to) const {
  require_plain(record);
  if (to.size() != record.size) {
    throw std::runtime_error("its record " + record.name + " is of " +
                             std::to_string(record.size) + " bytes, expected " +
                             std::to_string(to.size()));
  }
  uint32_t crc = 0;
  for (uint64_t at = 0; at < record.size; at += kPiece) {
    const auto piece = to.subspan(at, std::min(kPiece, record.size - at));
    file_->read(record.offset + at, piece);
    crc = add_crc(crc, piece);
  }
  compare(record, crc);
}

std::vector<uint8_t> ZipFile::read(const std::string& name,
                                   uint64_t most) const {
  const Record& record = at(name);
  require_plain(record);
  if (record.size > most) {
    throw std::runtime_error(
        "its record " + name + " is of " + std::to_string(record.size) +
        " bytes, expected at most " + std::to_string(most));
  }
  std::vector<uint8_t> bytes(static_cast<size_t>(record.size));
  read(record, bytes);
  return bytes;
}

std::vector<uint8_t> ZipFile::inflate(const Record& record) const {
  const auto packed =
      file_->read(record.offset, static_cast<size_t>(record.stored));
  // One byte more than promised tells of too much, whatever it swells to.
  std::vector<uint8_t> bytes(static_cast<size_t>(record.size) + 1);
  z_stream stream{};
  stream.next_in = const_cast<uint8_t*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = bytes.data();
  stream.avail_out = static_cast<uInt>(bytes.size());
  constexpr int kNoHeader = -MAX_WBITS;
  if (::inflateInit2(&stream, kNoHeader) != Z_OK) throw std::bad_alloc();
  const int status = ::inflate(&stream, Z_FINISH);
  ::inflateEnd(&stream);
  if (status != Z_STREAM_END || stream.avail_out != 1) {
    throw std::runtime_error("its record " + record.name +
                             " does not unpack to the size it says");
  }
  bytes.pop_back();
  return bytes;
}

std::vector<uint8_t> ZipFile::text(const Record& record, uint64_t most) const {
  if (!record.is_deflated || record.is_encrypted) require_plain(record);
  if (record.size > most || record.stored > most) {
    throw std::runtime_error(
        "its record " + record.name + " is of " + std::to_string(record.size) +
        " bytes, expected at most " + std::to_string(most));
  }
  if (!record.is_deflated) {
    std::vector<uint8_t> bytes(static_cast<size_t>(record.size));
    read(record, bytes);
    return bytes;
  }
  auto bytes = inflate(record);
  compare(record, add_crc(0, bytes));
  return bytes;
}

void ZipFile::check(uint64_t most_packed) const {
  std::vector<uint8_t> buffer(kPiece);
  for (const auto& record : records_) {
    if (record.is_deflated) {
      most_packed -= text(record, most_packed).size();
      continue;
    }
    require_plain(record);
    uint32_t crc = 0;
    for (uint64_t at = 0; at < record.size; at += kPiece) {
      const std::span<uint8_t> piece(buffer.data(),
                                     std::min(kPiece, record.size - at));
      file_->read(record.offset + at, piece);
      crc = add_crc(crc, piece);
    }
    compare(record, crc);
  }
}

}  // namespace skipzoo

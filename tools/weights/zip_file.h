#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/weights/input_file.h"

namespace skipzoo {

/// A zip as torch.save lays it out: one folder, whose records are stored, not
/// packed, so that nothing can swell. Only TorchScript's code may be packed,
/// and is read by text() alone. Source: PKWARE's APPNOTE 6.3.
///
/// Everything throws std::runtime_error saying what is wrong with it.
class ZipFile {
 public:
  struct Record {
    std::string name;     ///< In full, with the folder.
    uint64_t offset = 0;  ///< Of the data in the file.
    uint64_t stored = 0;  ///< Bytes there: `size`, or those it is packed in.
    uint64_t size = 0;
    uint32_t crc = 0;
    bool is_packed = false;
    bool is_deflated = false;  ///< Packed in the one way that is read.
    bool is_encrypted = false;
  };

  /// Reads the list of records, and that each lies where and as its own header
  /// says, none over another.
  explicit ZipFile(std::shared_ptr<const InputFile> file);

  const std::vector<Record>& records() const { return records_; }
  /// `name` is without the folder.
  bool has(const std::string& name) const { return find(name) != nullptr; }
  const Record& at(const std::string& name) const;

  /// Reads a record into `to`, which is of its size, and compares its CRC-32.
  void read(const Record& record, std::span<uint8_t> to) const;
  /// The same in memory of its own, of no more than `most` bytes.
  std::vector<uint8_t> read(const std::string& name, uint64_t most) const;
  /// A record that may be packed, of no more than `most` bytes unpacked.
  std::vector<uint8_t> text(const Record& record, uint64_t most) const;
  /// Reads all records for their CRC-32 alone; packed ones of no more than
  /// most_packed bytes together.
  void check(uint64_t most_packed) const;

 private:
  const Record* find(const std::string& name) const;
  void require_plain(const Record& record) const;
  std::vector<uint8_t> inflate(const Record& record) const;
  void compare(const Record& record, uint32_t crc) const;

  std::shared_ptr<const InputFile> file_;
  std::vector<Record> records_;
  std::unordered_map<std::string, size_t> places_;
  std::string folder_;
  bool has_crcs_ = false;
};

}  // namespace skipzoo

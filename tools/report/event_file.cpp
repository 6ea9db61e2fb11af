#include "tools/report/event_file.h"

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <limits>
#include <optional>
#include <system_error>

#include "tools/error.h"
#include "tools/write_whole.h"

namespace skipzoo {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file,
                       const std::string& what) {
  throw FileError(file, what);
}

std::string last_error() { return std::generic_category().message(errno); }

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    }
    table[byte] = crc;
  }
  return table;
}

/// TensorFlow masks its checksums, so that one of data that itself holds
/// checksums stays a good one (crc32c.h).
uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8U;
}

template <typename Unsigned>
void put_fixed(std::string& out, Unsigned value) {
  for (size_t byte = 0; byte < sizeof(Unsigned); ++byte) {
    out.push_back(static_cast<char>(value >> (8 * byte) & 0xffU));
  }
}

template <typename Unsigned>
Unsigned get_fixed(std::string_view in) {
  Unsigned value = 0;
  for (size_t byte = 0; byte < sizeof(Unsigned); ++byte) {
    value |= static_cast<Unsigned>(static_cast<unsigned char>(in[byte]))
             << (8 * byte);
  }
  return value;
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80U; value >>= 7) {
    out.push_back(static_cast<char>((value & 0x7fU) | 0x80U));
  }
  out.push_back(static_cast<char>(value));
}

std::optional<uint64_t> take_varint(std::string_view& in) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) {
      return value;
    }
  }
  return std::nullopt;
}

/// Protobuf's wire types: what follows a key of (field << 3 | type).
enum Wire : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

void put_key(std::string& out, uint64_t field, Wire type) {
  put_varint(out, field << 3 | type);
}

void put_bytes(std::string& out, uint64_t field, std::string_view bytes) {
  put_key(out, field, kBytes);
  put_varint(out, bytes.size());
  out.append(bytes);
}

/// An Event with its first field, the time, set.
std::string event_at(double wall_time) {
  std::string event;
  put_key(event, 1, kFixed64);
  put_fixed(event, std::bit_cast<uint64_t>(wall_time));
  return event;
}

double now() {
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

/// Takes a field's value off the front; a varint's is returned, the others are
/// stepped over as 0. Nothing if it is cut short or of an unknown type.
std::optional<uint64_t> take_field(std::string_view& in, uint64_t type) {
  uint64_t skip = 0;
  if (type == kVarint) {
    return take_varint(in);
  }
  if (type == kBytes) {
    const auto length = take_varint(in);
    if (!length) {
      return std::nullopt;
    }
    skip = *length;
  } else if (type == kFixed64 || type == kFixed32) {
    skip = type == kFixed64 ? 8 : 4;
  } else {
    return std::nullopt;
  }
  if (skip > in.size()) {
    return std::nullopt;
  }
  in.remove_prefix(skip);
  return 0;
}

/// Field 2 of an Event, 0 where it is left out; nothing for a damaged event.
std::optional<int64_t> step_of(std::string_view event) {
  int64_t step = 0;
  while (!event.empty()) {
    const auto key = take_varint(event);
    const auto value = key ? take_field(event, *key & 7U) : std::nullopt;
    if (!value) {
      return std::nullopt;
    }
    if (*key == (2U << 3 | kVarint)) {
      step = static_cast<int64_t>(*value);
    }
  }
  return step;
}

/// Reads one record of at most `left` bytes: length, its checksum, the event,
/// its checksum. Nothing if it is cut short or damaged.
std::optional<std::string> read_event(std::istream& in, uintmax_t left) {
  std::string head(12, '\0');
  if (left < 16 || !in.read(head.data(), 12) ||
      get_fixed<uint32_t>(head.substr(8)) != masked_crc(head.substr(0, 8))) {
    return std::nullopt;
  }
  const auto length = get_fixed<uint64_t>(head);
  if (length > left - 16) {
    return std::nullopt;
  }
  std::string event(length + 4, '\0');
  if (!in.read(event.data(), static_cast<std::streamsize>(event.size()))) {
    return std::nullopt;
  }
  const auto checksum = get_fixed<uint32_t>(event.substr(length));
  event.resize(length);
  return checksum == masked_crc(event) ? std::optional(event) : std::nullopt;
}

/// How many bytes at the front of the file are good and not after `step`.
uintmax_t bytes_up_to(const std::filesystem::path& file, uintmax_t size,
                      int64_t step) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    fail(file, "cannot be opened: " + last_error());
  }
  uintmax_t kept = 0;
  while (const auto event = read_event(in, size - kept)) {
    const bool version =
        kept == 0 && event->find("brain.Event:") != event->npos;
    const auto at = step_of(*event);
    if (!at || (*at > step && !version)) {
      break;
    }
    kept += event->size() + 16;
  }
  if (in.bad()) {
    fail(file, "reading failed: " + last_error());
  }
  return kept;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr auto kTable = make_crc_table();
  uint32_t crc = 0xffffffffU;
  for (const char byte : bytes) {
    crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xffU] ^ crc >> 8;
  }
  return ~crc;
}

EventFile::EventFile(std::filesystem::path file) : file_(std::move(file)) {
  cut_events_after(file_, std::numeric_limits<int64_t>::max());
  std::error_code missing;
  const auto size = std::filesystem::file_size(file_, missing);
  if (missing || size == 0) {
    std::string event = event_at(now());
    put_bytes(event, 3, "brain.Event:2");
    append_event(event);
  }
}

void EventFile::scalars(
    int64_t step, const std::vector<std::pair<std::string, double>>& values,
    double wall_time) {
  std::string summary;
  for (const auto& [tag, number] : values) {
    std::string value;
    put_bytes(value, 1, tag);
    put_key(value, 2, kFixed32);
    put_fixed(value, std::bit_cast<uint32_t>(static_cast<float>(number)));
    put_bytes(summary, 1, value);
  }
  std::string event = event_at(wall_time);
  put_key(event, 2, kVarint);
  put_varint(event, static_cast<uint64_t>(step));
  put_bytes(event, 5, summary);
  append_event(event);
}

void EventFile::append_event(std::string_view event) {
  std::string record;
  put_fixed(record, static_cast<uint64_t>(event.size()));
  put_fixed(record, masked_crc(record));
  record.append(event);
  put_fixed(record, masked_crc(event));
  append(file_, record);
}

void cut_events_after(const std::filesystem::path& file, int64_t step) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(file, error);
  if (error == std::errc::no_such_file_or_directory || size == 0) {
    return;
  }
  if (error) {
    fail(file, "cannot be read: " + error.message());
  }
  const uintmax_t kept = bytes_up_to(file, size, step);
  // Truncating to nothing would erase a file that never was ours.
  if (kept == 0) {
    fail(file, "does not start as a TensorBoard event file; move it away");
  }
  if (kept < size) {
    std::filesystem::resize_file(file, kept, error);
    if (error) {
      fail(file, "cannot be cut: " + error.message());
    }
  }
}

}  // namespace skipzoo

#include "tools/report/event_file.h"

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "tools/error.h"
#include "tools/protobuf.h"
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

/// An Event with its first field, the time, set.
std::string event_at(double wall_time) {
  std::string event;
  append_double(event, 1, wall_time);
  return event;
}

double now() {
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

/// Field 2 of an Event, 0 where it is left out; nothing for a damaged event.
std::optional<int64_t> step_of(std::string_view event) {
  int64_t step = 0;
  try {
    for_each_field(event, [&](const ProtoField& field) {
      if (field.number == 2) step = static_cast<int64_t>(field.integer);
    });
  } catch (const std::runtime_error&) {
    return std::nullopt;
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
    append_field(event, 3, "brain.Event:2");
    append_event(event);
  }
}

void EventFile::scalars(
    int64_t step, const std::vector<std::pair<std::string, double>>& values,
    double wall_time) {
  std::string summary;
  for (const auto& [tag, number] : values) {
    std::string value;
    append_field(value, 1, tag);
    append_float(value, 2, static_cast<float>(number));
    append_field(summary, 1, value);
  }
  std::string event = event_at(wall_time);
  append_varint(event, 2, static_cast<uint64_t>(step));
  append_field(event, 5, summary);
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

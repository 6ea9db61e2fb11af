#include "tools/protobuf.h"

#include <bit>
#include <stdexcept>

namespace skipzoo {

namespace {

[[noreturn]] void fail() {
  throw std::runtime_error("a damaged protobuf message");
}

std::string_view take(std::string_view& rest, uint64_t count) {
  if (count > rest.size()) fail();
  const auto piece = rest.substr(0, count);
  rest.remove_prefix(count);
  return piece;
}

uint64_t take_varint(std::string_view& rest) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(take(rest, 1).front());
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  fail();
}

uint64_t take_fixed(std::string_view& rest, size_t count) {
  uint64_t value = 0;
  const auto piece = take(rest, count);
  for (size_t i = 0; i < count; ++i) {
    value |= uint64_t{static_cast<uint8_t>(piece[i])} << (8 * i);
  }
  return value;
}

/// What follows a key of (number << 3 | wire type).
enum Wire : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

std::string varint(uint64_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) {
    text += static_cast<char>(value | 0x80);
  }
  return text + static_cast<char>(value);
}

std::string key(int number, Wire wire) {
  return varint(static_cast<uint64_t>(number) << 3 | wire);
}

template <typename Unsigned>
void append_fixed(std::string& out, Unsigned value) {
  for (size_t byte = 0; byte < sizeof(Unsigned); ++byte) {
    out.push_back(static_cast<char>(value >> (8 * byte) & 0xFFU));
  }
}

}  // namespace

void for_each_field(std::string_view message,
                    const std::function<void(const ProtoField&)>& visit) {
  while (!message.empty()) {
    const uint64_t tag = take_varint(message);
    ProtoField field;
    field.number = static_cast<int>(tag >> 3);
    switch (tag & 7) {
      case kVarint:
        field.integer = take_varint(message);
        break;
      case kFixed64:
        field.integer = take_fixed(message, 8);
        break;
      case kBytes:
        field.bytes = take(message, take_varint(message));
        break;
      case kFixed32:
        field.integer = take_fixed(message, 4);
        break;
      default:
        fail();
    }
    visit(field);
  }
}

void for_each_varint(std::string_view packed,
                     const std::function<void(uint64_t)>& visit) {
  while (!packed.empty()) visit(take_varint(packed));
}

std::string proto_field(int number, std::string_view bytes) {
  std::string field = key(number, kBytes) + varint(bytes.size());
  return field.append(bytes);
}

void append_field(std::string& message, int number, std::string_view bytes) {
  message += proto_field(number, bytes);
}

void append_varint(std::string& message, int number, uint64_t value) {
  message += key(number, kVarint) + varint(value);
}

void append_float(std::string& message, int number, float value) {
  message += key(number, kFixed32);
  append_fixed(message, std::bit_cast<uint32_t>(value));
}

void append_double(std::string& message, int number, double value) {
  message += key(number, kFixed64);
  append_fixed(message, std::bit_cast<uint64_t>(value));
}

}  // namespace skipzoo
